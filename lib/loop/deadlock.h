/* SPDX-License-Identifier: MIT */
/* Runs that end because the program is stuck: nothing is left to wait for, or it runs for ever. */
#ifndef LOOP_DEADLOCK_H
#define LOOP_DEADLOCK_H

struct coro_loop;

/* Fails with -EDEADLK and a message that names the tasks left. Called by who ran the loop. */
int fail_deadlock(const struct coro_loop *loop);

/* The same with -ELOOP, for a run that has made all turns that it may. */
int fail_turns(const struct coro_loop *loop);

#endif
