/* SPDX-License-Identifier: MIT */
/*
 * Locks and their kin, between the tasks of one loop: asyncio's. All are fair, in the order in
 * which tasks came, and safe when a waiter is cancelled at the very moment it is woken. None
 * allocates.
 *
 * An object is for one thread. The objects are yours to place; init makes one, and nothing need be
 * done at its end but that nobody waits any more. The fields are the library's.
 *
 * Calls marked coro_async wait in a task: -ECANCELED if it is cancelled meanwhile, -EPERM outside a
 * task. What can be had at once is had without letting others run.
 */
#ifndef CORO_SYNC_H
#define CORO_SYNC_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro_waiters {
	void *own[2];
};

/* -- a lock (asyncio.Lock) */

struct coro_lock {
	struct coro_waiters waiters;
	bool locked;
};

CORO_API void coro_lock_init(struct coro_lock *lock);

/* Waits until the lock is free and takes it: 0. */
coro_async CORO_API int coro_lock_acquire(struct coro_lock *lock);

/* Frees the lock, whoever took it: 0; -EPERM if it is free. */
CORO_API int coro_lock_release(struct coro_lock *lock);

CORO_API bool coro_lock_locked(const struct coro_lock *lock);

/* -- an event (asyncio.Event) */

struct coro_event {
	struct coro_waiters waiters;
	bool set;
};

CORO_API void coro_event_init(struct coro_event *event);

/* Waits until the event is set: 0. */
coro_async CORO_API int coro_event_wait(struct coro_event *event);

/* Sets it, and wakes all who wait. */
CORO_API void coro_event_set(struct coro_event *event);

CORO_API void coro_event_clear(struct coro_event *event);
CORO_API bool coro_event_is_set(const struct coro_event *event);

/* -- a condition (asyncio.Condition) */

struct coro_condition {
	struct coro_waiters waiters;
	struct coro_lock *lock;
	struct coro_lock own;
};

/* lock: one that others use too, and that outlives the condition; NULL for one of its own. */
CORO_API void coro_condition_init(struct coro_condition *condition, struct coro_lock *lock);

/* Its lock: coro_lock_acquire, coro_lock_release and coro_lock_locked of it. */
coro_async CORO_API int coro_condition_acquire(struct coro_condition *condition);
CORO_API int coro_condition_release(struct coro_condition *condition);
CORO_API bool coro_condition_locked(const struct coro_condition *condition);

/*
 * Frees the lock, waits until notified, and takes the lock again, whatever happens: 0. -EPERM if
 * the lock is free. When cancelled, -ECANCELED, with the lock taken; a notification that it had
 * already is spent, as in Python 3.11.
 */
coro_async CORO_API int coro_condition_wait(struct coro_condition *condition);

/*
 * Waits until predicate(arg) is not 0, and returns what it was (condition.wait_for); a negative
 * result is an error of the predicate's. Errors as coro_condition_wait.
 */
coro_async CORO_API int coro_condition_wait_for(struct coro_condition *condition,
						int (*predicate)(void *arg), void *arg);

/* Wakes the first n who wait: 0; -EPERM if the lock is free. */
CORO_API int coro_condition_notify(struct coro_condition *condition, size_t n);
CORO_API int coro_condition_notify_all(struct coro_condition *condition);

/* -- a semaphore (asyncio.Semaphore, asyncio.BoundedSemaphore) */

struct coro_semaphore {
	struct coro_waiters waiters;
	size_t value;
	size_t bound;
};

CORO_API void coro_semaphore_init(struct coro_semaphore *semaphore, size_t value);

/* One that cannot be released above its first value. */
CORO_API void coro_semaphore_init_bounded(struct coro_semaphore *semaphore, size_t value);

/* Waits until the value is above 0, and lowers it: 0. */
coro_async CORO_API int coro_semaphore_acquire(struct coro_semaphore *semaphore);

/* Raises the value: 0; -EOVERFLOW, and nothing is changed, above the bound. */
CORO_API int coro_semaphore_release(struct coro_semaphore *semaphore);

/* Whether an acquire would wait. */
CORO_API bool coro_semaphore_locked(const struct coro_semaphore *semaphore);

/* -- a barrier (asyncio.Barrier) */

struct coro_barrier {
	struct coro_condition changed;
	size_t parties, count;
	int state;
};

/* -EINVAL for 0 parties. */
CORO_API int coro_barrier_init(struct coro_barrier *barrier, size_t parties);

/*
 * Waits until so many tasks wait here, then all go on: which one this was, 0 to parties - 1, in
 * *ret, which may be NULL. -EPIPE if the barrier is broken, or is reset meanwhile
 * (BrokenBarrierError).
 */
coro_async CORO_API int coro_barrier_wait(struct coro_barrier *barrier, size_t *ret);

/* Who waits gets -EPIPE; the barrier is as new (barrier.reset). */
coro_async CORO_API int coro_barrier_reset(struct coro_barrier *barrier);

/* Who waits or comes to wait gets -EPIPE, until a reset (barrier.abort). */
coro_async CORO_API int coro_barrier_abort(struct coro_barrier *barrier);

CORO_API bool coro_barrier_broken(const struct coro_barrier *barrier);

/* How many wait for the others to come (barrier.n_waiting). */
CORO_API size_t coro_barrier_waiting(const struct coro_barrier *barrier);

CORO_END_DECLS

#endif
