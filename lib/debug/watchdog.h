/* SPDX-License-Identifier: MIT */
/* Dumps that a loop was asked for, and cannot make while it is stuck in a step. */
#ifndef DEBUG_WATCHDOG_H
#define DEBUG_WATCHDOG_H

struct coro_loop;

/*
 * Has the watchdog look at a loop, in debug mode or not. *count, which is atomic, tells how many
 * dumps were asked for and not made. When there are any for a second, the watchdog reports what
 * holds up the loop, and lists its tasks.
 */
void watchdog_watch_dumps(struct coro_loop *loop, const unsigned *count);

/* Ends that: the count is about to be gone. */
void watchdog_forget_dumps(struct coro_loop *loop);

#endif
