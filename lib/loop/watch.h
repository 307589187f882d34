/* SPDX-License-Identifier: MIT */
/*
 * A done callback of the library's own, on the stack of a task that waits: like the program's, it
 * is called by the loop, a turn after the future is done.
 */
#ifndef LOOP_WATCH_H
#define LOOP_WATCH_H

#include "loop/waiter.h"

struct watch {
	struct waiter waiter;
	struct call call;
	struct coro_future *future;
	void (*done)(struct watch *watch);
};

/* Room for its call is reserved in the loop. */
void watch_add(struct watch *watch, struct coro_future *future, void (*done)(struct watch *watch));

/* It will not be called any more. */
void watch_remove(struct watch *watch);

#endif
