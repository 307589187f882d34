/* SPDX-License-Identifier: MIT */
/* What the other scopes of a task use of a timeout. */
#ifndef TASK_TIMEOUT_H
#define TASK_TIMEOUT_H

struct coro;
struct sched;
struct coro_timeout;
struct task;

/* The task ends, with timeouts that it has begun on its stack and not ended. */
void timeouts_forget(struct task *task);

/* Debug mode: a generator yields; tells of timeouts that it has begun and not ended. */
void timeouts_tell_of_yield(const struct sched *sched, const struct coro *generator);

/* 0 if the caller may end it; what coro_timeout_end would refuse it with. */
int timeout_check_end(const struct coro_timeout *timeout);

#endif
