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

/* Futures to wait for without an allocation. */
enum { WATCHES_FEW = 16 };

/*
 * Watches over futures, for as long as a call waits. Each future is held. The storage on the stack
 * serves where it is large enough.
 */
struct watches {
	struct coro_loop *loop;
	size_t count;
	struct owned_watch *all;
	struct owned_watch {
		struct watch watch;
		struct watches *watches;
	} few[WATCHES_FEW];
};

static inline struct watches *watches_of(struct watch *watch)
{
	return container_of(watch, struct owned_watch, watch)->watches;
}

/* Reserves room, which watches_begin needs and watches_finish gives back: 0 or -ENOMEM. */
int watches_init(struct watches *watches, struct coro_loop *loop, size_t count);
void watches_finish(struct watches *watches);

/*
 * Adds a watch for each. The first calls `done` itself for those that are done already, in order,
 * when all others are watched; the second adds only one, however often a future is named.
 */
void watches_begin(struct watches *watches, struct coro_future *const *futures,
		   void (*done)(struct watch *watch));
void watches_begin_once(struct watches *watches, struct coro_future *const *futures,
			void (*done)(struct watch *watch));

/* Removes them, and finishes. */
void watches_end(struct watches *watches);

#endif
