/* SPDX-License-Identifier: MIT */
/*
 * Park and wake: the one way in which a task waits, under futures, timers, locks and all else.
 *
 * What a task waits with lies in the header of its stack, so that waiting allocates nothing, and so that the call
 * that waits can end in the switch, with no frame of its own to keep.
 */
#ifndef LOOP_WAITER_H
#define LOOP_WAITER_H

#include "base/list.h"
#include "loop/timer.h"

struct task;
struct coro_future;

/* One who wants to know: linked into a list of what it waits for. */
struct waiter {
	struct list link;
	/* What it waits for has come to pass; the waiter is off the list. */
	void (*notify)(struct waiter *waiter, struct coro_future *future);
};

/* What a parked task waits for, and with what. */
struct wait {
	struct task *task;
	/* Takes the wait off what it is linked to, before the task is woken by others. NULL: the task is not parked. */
	void (*leave)(struct wait *wait);
	struct coro_future *future; /* what to cancel in the task's place; a reference is held. NULL for none */
	void **ret;                 /* where the waiting call wants its value; NULL for nowhere */
	void *old;                  /* what stood there, should the wait be cancelled after all */
	union {
		struct waiter waiter;
		struct timer timer;
	};
};

/*
 * Parks the running task, which has filled in its wait, and goes on with what is ready. Returns what it
 * is woken with. To be called last: see core/coroutine.h.
 */
int park(struct task *task);

/* The parked task will run on, with this result. Its wait is off all lists. */
void wake(struct task *task, int result);

/* Cancels what the parked task waits for, or wakes it with -ECANCELED. */
void wait_cancel(struct wait *wait);

/* The wait of a task that has started. */
struct wait *task_wait(struct task *task);

/* The running task, ready to fill in its wait; NULL if no task runs. */
struct task *task_running(void);

#endif
