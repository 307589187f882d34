/* SPDX-License-Identifier: MIT */
/* A run that has nothing left to wait for. */
#ifndef LOOP_DEADLOCK_H
#define LOOP_DEADLOCK_H

struct coro_loop;

/* Fails with -EDEADLK and a message that names the tasks left. Called by who ran the loop. */
int fail_deadlock(const struct coro_loop *loop);

#endif
