/* SPDX-License-Identifier: MIT */
#ifndef LOOP_DEBUG_H
#define LOOP_DEBUG_H

struct coro;
struct sched;

/* sched->step: runs one entry of the turn, and reports it if it takes long. */
void debug_step(struct sched *sched);

/* thread->yields: reports timeouts and groups that the generator has begun and not ended. */
void debug_yield(const struct coro *generator);

#endif
