/* SPDX-License-Identifier: MIT */
/*
 * A wait that another thread ends: of a task, whose loop is then sent a message, or, outside of all
 * loops, of the thread itself. It lies on the waiting stack and allocates nothing.
 *
 * What is waited for has a mutex. It is locked around relay_set and when relay_wait is called and
 * returns, and it guards `set`: so a relay that was set has been posted, and one that is not set,
 * and is taken off its list, never will be.
 */
#ifndef LOOP_RELAY_H
#define LOOP_RELAY_H

#include "loop/inbox.h"
#include "loop/waiter.h"

#include <pthread.h>

struct relay {
	struct list link; /* for whoever sets it; taken off there */
	pthread_mutex_t *mutex;
	bool set;               /* guarded by the mutex */
	struct coro_loop *loop; /* of the task that waits; NULL: a thread does, on woken */
	/* A thread: */
	pthread_cond_t woken;
	/* A task, all its loop's own: */
	struct message message;
	bool arrived; /* the message has run */
	struct latch latch;
	struct cleanup cleanup;
	/* The task was discarded; the mutex is locked. It is off the list. */
	void (*abandoned)(struct relay *relay);
};

/*
 * Readies it for the caller: 0; -EPERM in a callback, which may not wait. abandoned may be NULL. A
 * relay that has begun is to be ended. The mutex may be locked.
 */
int relay_begin(struct relay *relay, pthread_mutex_t *mutex,
		void (*abandoned)(struct relay *relay));
void relay_end(struct relay *relay);

/*
 * Waits until it is set: 0; -ECANCELED if the task was cancelled, and then `set` tells whether it
 * was set as well. One that was not may be waited for again. A thread waits until that time of
 * coro_clock: -ETIMEDOUT; a task waits for ever.
 */
int relay_wait(struct relay *relay, int64_t until);

/* Ends the wait, once: takes the relay off its list. From any thread. */
void relay_set(struct relay *relay);

#endif
