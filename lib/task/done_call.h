/* SPDX-License-Identifier: MIT */
/*
 * A done callback of the library's own, on the stack of a task that waits: like the program's, it
 * is called by the loop, a turn after the future is done.
 */
#ifndef TASK_DONE_CALL_H
#define TASK_DONE_CALL_H

#include "sched/timer.h"
#include "task/future.h"

struct done_call {
	struct done_callback on_done;
	struct call call;
	struct coro_future *future;
	void (*done)(struct done_call *watch);
};

/* Room for its call is reserved in the loop. */
void done_call_add(struct done_call *watch, struct coro_future *future,
		   void (*done)(struct done_call *watch));

/* It will not be called any more. */
void done_call_remove(struct done_call *watch);

/* Futures to wait for without an allocation. */
enum { DONE_CALLS_FEW = 16 };

/*
 * Watches over futures, for as long as a call waits. Each future is held. The storage on the stack
 * serves where it is large enough.
 */
struct done_calls {
	struct sched *sched;
	size_t count;
	struct owned_done_call *all;
	struct owned_done_call {
		struct done_call watch;
		struct done_calls *watches;
	} few[DONE_CALLS_FEW];
};

static inline struct done_calls *done_calls_of(struct done_call *watch)
{
	return container_of(watch, struct owned_done_call, watch)->watches;
}

/* Reserves room, which done_calls_begin needs and done_calls_finish gives back: 0 or -ENOMEM. */
int done_calls_init(struct done_calls *watches, struct sched *sched, size_t count);
void done_calls_finish(struct done_calls *watches);

/*
 * Adds a watch for each. The first calls `done` itself for those that are done already, in order,
 * when all others are watched; the second adds only one, however often a future is named.
 */
void done_calls_begin(struct done_calls *watches, struct coro_future *const *futures,
		      void (*done)(struct done_call *watch));
void done_calls_begin_once(struct done_calls *watches, struct coro_future *const *futures,
			   void (*done)(struct done_call *watch));

/* Removes them, and finishes. */
void done_calls_end(struct done_calls *watches);

#endif
