/* SPDX-License-Identifier: MIT */
/*
 * A wait that another thread ends: of a task, whose loop is then sent a message, or, outside of all
 * loops, of the thread itself. It lies on the waiting stack and allocates nothing.
 *
 * What is waited for has a mutex. It is locked around thread_waiter_wake and when thread_waiter_wait is called and
 * returns, and it guards `set`: so a relay that was set has been posted, and one that is not set,
 * and is taken off its list, never will be.
 */
#ifndef SCHED_THREAD_WAITER_H
#define SCHED_THREAD_WAITER_H

#include "sched/inbox.h"
#include "sched/park.h"

#include <pthread.h>

struct thread_waiter {
	struct list link; /* for whoever sets it; taken off there */
	pthread_mutex_t *mutex;
	bool set;            /* guarded by the mutex */
	struct sched *sched; /* of the task that waits; NULL: a thread does, on woken */
	/* A thread: */
	pthread_cond_t woken;
	/* A task, all its loop's own: */
	struct message message;
	bool arrived; /* the message has run */
	struct waiter waiter;
	struct cleanup cleanup;
	/* The task was discarded; the mutex is locked. It is off the list. */
	void (*discarded)(struct thread_waiter *waiter);
};

/*
 * Readies it for the caller: 0; -EPERM in a callback, which may not wait. abandoned may be NULL. A
 * relay that has begun is to be ended. The mutex may be locked.
 */
int thread_waiter_begin(struct thread_waiter *waiter, pthread_mutex_t *mutex,
			void (*discarded)(struct thread_waiter *waiter));
void thread_waiter_end(struct thread_waiter *waiter);

/*
 * Waits until it is set: 0; -ECANCELED if the task was cancelled, and then `set` tells whether it
 * was set as well. One that was not may be waited for again. A thread waits until that time of
 * coro_clock: -ETIMEDOUT; a task waits for ever.
 */
int thread_waiter_wait(struct thread_waiter *waiter, int64_t until);

/* Ends the wait, once: takes the relay off its list. From any thread. */
void thread_waiter_wake(struct thread_waiter *waiter);

#endif
