/* SPDX-License-Identifier: MIT */
/*
 * A done callback of the library, on the stack of a task that waits. Like the program's, it is
 * called by the runner, a turn after the future is done.
 */
#ifndef TASK_DONE_CALL_H
#define TASK_DONE_CALL_H

#include "sched/timer.h"
#include "task/future.h"

struct done_call {
	struct done_callback on_done;
	struct call call;
	struct coro_future *future;
	void (*done)(struct done_call *done_call);
};

/* Adds it to a future, which the caller holds. Room for its call was reserved. */
void done_call_add(struct done_call *done_call, struct coro_future *future,
		   void (*done)(struct done_call *done_call));

/* Removes it. It is not called any more. */
void done_call_remove(struct done_call *done_call);

/* So many need no allocation. */
enum { DONE_CALLS_FEW = 16 };

/*
 * The done callbacks of several futures, while a call waits. Each future is held. If there are few,
 * `few` is their storage.
 */
struct done_calls {
	struct sched *sched;
	size_t count;
	struct owned_done_call *all;
	struct owned_done_call {
		struct done_call done_call;
		struct done_calls *done_calls;
	} few[DONE_CALLS_FEW];
};

static inline struct done_calls *done_calls_of(struct done_call *done_call)
{
	return container_of(done_call, struct owned_done_call, done_call)->done_calls;
}

/* Reserves room for done_calls_begin; done_calls_finish gives it back. Returns 0 or -ENOMEM. */
int done_calls_init(struct done_calls *done_calls, struct sched *sched, size_t count);
void done_calls_finish(struct done_calls *done_calls);

/*
 * Adds one to each future. done_calls_begin then calls `done` for the futures that are done
 * already, in order. done_calls_begin_once adds one to each future however often it is named.
 */
void done_calls_begin(struct done_calls *done_calls, struct coro_future *const *futures,
		      void (*done)(struct done_call *done_call));
void done_calls_begin_once(struct done_calls *done_calls, struct coro_future *const *futures,
			   void (*done)(struct done_call *done_call));

/* Removes them, and calls done_calls_finish. */
void done_calls_end(struct done_calls *done_calls);

#endif
