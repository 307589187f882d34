/* SPDX-License-Identifier: MIT */
/*
 * A wait that another thread ends. It is the wait of a task, whose loop is sent a message, or of a
 * thread that runs no loop. It lies on the stack of who waits, and allocates nothing.
 *
 * What is waited for has a mutex. The caller holds it around thread_waiter_wake, and when it calls
 * thread_waiter_wait, which returns with it held. It guards `set`. So the message of a waiter that
 * is set was sent; one that is taken off its list before it is set never gets a message.
 */
#ifndef SCHED_THREAD_WAITER_H
#define SCHED_THREAD_WAITER_H

#include "sched/inbox.h"
#include "sched/park.h"

#include <pthread.h>

struct thread_waiter {
	struct list link; /* in the list of what is waited for; thread_waiter_wake takes it off */
	pthread_mutex_t *mutex;
	bool set;            /* guarded by the mutex */
	struct sched *sched; /* of the task that waits; NULL: a thread waits, on woken */
	/* For a thread: */
	pthread_cond_t woken;
	/* For a task, all used by its loop alone: */
	struct message message;
	bool arrived; /* the message has run */
	struct waiter waiter;
	struct cleanup cleanup;
	/* Called when the task is discarded, with the mutex locked. The waiter is off its list. */
	void (*discarded)(struct thread_waiter *waiter);
};

/*
 * Prepares the waiter. discarded may be NULL. The mutex may be locked. Returns 0, or -EPERM in a
 * callback, which may not wait. thread_waiter_end follows.
 */
int thread_waiter_begin(struct thread_waiter *waiter, pthread_mutex_t *mutex,
			void (*discarded)(struct thread_waiter *waiter));
void thread_waiter_end(struct thread_waiter *waiter);

/*
 * Waits until the waiter is set. Returns 0, -ECANCELED if the task was cancelled, or -ETIMEDOUT if
 * a thread has waited until that time of coro_clock; a task waits for ever. `set` tells whether a
 * cancelled one was set as well; if not, it may wait again. The kind's leave is waiter_leave.
 */
int thread_waiter_wait(struct thread_waiter *waiter, int64_t until, const struct wait_kind *kind);

/* Ends the wait, once, and takes the waiter off its list. From any thread. */
void thread_waiter_wake(struct thread_waiter *waiter);

#endif
