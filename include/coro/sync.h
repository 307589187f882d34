/* SPDX-License-Identifier: MIT */
/*
 * Locks and the like, between the tasks of one loop: asyncio's, a readers/writer lock and Go's wait
 * group. All are fair, in the order in which tasks came, and safe when a waiter is cancelled at the
 * very moment it is woken. None allocates.
 *
 * An object is for one thread: a call from another that would wait with, or wake, tasks of the
 * first is -EPERM. The objects are yours to place. init makes one; nothing need be done at its end,
 * but nobody may wait any more. A lock, event, condition, rwlock or waitgroup of zeroes, as static
 * ones are, is as init makes it; a semaphore of zeroes is bounded by 0. The fields are the
 * library's.
 *
 * Calls marked coro_async wait in a task: -ECANCELED if it is cancelled meanwhile, -EPERM outside a
 * task. What can be had at once is had without letting others run.
 */
#ifndef CORO_SYNC_H
#define CORO_SYNC_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro_waiters {
	void *own[4];
};

/* -- a lock (asyncio.Lock) */

struct coro_lock {
	struct coro_waiters waiters;
	void *hold;
	unsigned char locked;
};

CORO_API void coro_lock_init(struct coro_lock *lock);

/*
 * Waits until the lock is free and takes it: 0. In debug mode who waits is told to do so for a lock
 * that is held by such a task since such a place; and of a lock that was never released, stderr tells
 * when the loop is closed.
 */
#define coro_lock_acquire(...) coro_lock_acquire_at(CORO_HERE, __VA_ARGS__) /* (lock) */
coro_async CORO_MUST_CHECK CORO_API int coro_lock_acquire_at(const char *site,
							     struct coro_lock *lock);

/* The same without waiting: -EAGAIN if it is taken, or promised to who waits. */
#define coro_lock_try_acquire(...) coro_lock_try_acquire_at(CORO_HERE, __VA_ARGS__) /* (lock) */
CORO_MUST_CHECK CORO_API int coro_lock_try_acquire_at(const char *site, struct coro_lock *lock);

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
coro_async CORO_MUST_CHECK CORO_API int coro_event_wait(struct coro_event *event);

/* Sets it, and wakes all who wait: 0. */
CORO_API int coro_event_set(struct coro_event *event);

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
#define coro_condition_acquire(...) \
	coro_condition_acquire_at(CORO_HERE, __VA_ARGS__) /* (condition) */
coro_async CORO_MUST_CHECK CORO_API int coro_condition_acquire_at(const char *site,
								  struct coro_condition *condition);
CORO_API int coro_condition_release(struct coro_condition *condition);
CORO_API bool coro_condition_locked(const struct coro_condition *condition);

/*
 * Frees the lock, waits until notified, and takes the lock again, whatever happens: 0. -EPERM if
 * the lock is free. When cancelled, -ECANCELED, with the lock taken. Since the task may have been
 * notified already, one other waiter is then woken in its place, perhaps without need: check again
 * after each wait whether the condition holds.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_condition_wait(struct coro_condition *condition);

/*
 * Waits until predicate(arg) is not 0, and returns what it was (condition.wait_for); a negative
 * result is an error of the predicate's. Errors as coro_condition_wait.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_condition_wait_for(struct coro_condition *condition,
								int (*predicate)(void *arg),
								void *arg);

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
coro_async CORO_MUST_CHECK CORO_API int coro_semaphore_acquire(struct coro_semaphore *semaphore);

/* The same without waiting: -EAGAIN if it would have to (semaphore.locked). */
CORO_MUST_CHECK CORO_API int coro_semaphore_try_acquire(struct coro_semaphore *semaphore);

/* Raises the value: 0; -EOVERFLOW, and nothing is changed, above the bound. */
CORO_API int coro_semaphore_release(struct coro_semaphore *semaphore);

/* Whether an acquire would wait. */
CORO_API bool coro_semaphore_locked(const struct coro_semaphore *semaphore);

/* -- a lock for many readers or one writer (pthread_rwlock) */

struct coro_rwlock {
	struct coro_waiters waiters;
	size_t readers; /* that hold it, or were let in and have but to run */
	bool written;
};

CORO_API void coro_rwlock_init(struct coro_rwlock *lock);

/*
 * Waits until no writer holds the lock, and all who came before have had it or gave up: 0. A reader
 * who comes while a writer waits stands behind it, so that neither side starves; hence a task that
 * reads must not ask to read once more.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_rwlock_read_acquire(struct coro_rwlock *lock);

/* The same, until nobody holds it: 0. A reader cannot become the writer but by release. */
coro_async CORO_MUST_CHECK CORO_API int coro_rwlock_write_acquire(struct coro_rwlock *lock);

/* The same two without waiting: -EAGAIN if they would have to. */
CORO_MUST_CHECK CORO_API int coro_rwlock_try_read_acquire(struct coro_rwlock *lock);
CORO_MUST_CHECK CORO_API int coro_rwlock_try_write_acquire(struct coro_rwlock *lock);

/*
 * Gives it back, a reader's hold or the writer's, and lets in who is next: one writer, or all
 * readers in front of the next writer. 0; -EPERM if nobody holds it.
 */
CORO_API int coro_rwlock_release(struct coro_rwlock *lock);

/*
 * The writer becomes a reader, with no other writer in between, and lets in the readers that are
 * next: 0; -EPERM if no writer holds it.
 */
CORO_MUST_CHECK CORO_API int coro_rwlock_downgrade(struct coro_rwlock *lock);

/* Whether anybody holds it; how many readers do. */
CORO_API bool coro_rwlock_locked(const struct coro_rwlock *lock);
CORO_API size_t coro_rwlock_readers(const struct coro_rwlock *lock);

/* -- a wait group (Go's sync.WaitGroup) */

struct coro_waitgroup {
	struct coro_waiters waiters;
	ptrdiff_t count;
};

CORO_API void coro_waitgroup_init(struct coro_waitgroup *group);

/*
 * Adds n, which may be negative, to the count of what is awaited; at 0, wakes all who wait: 0.
 * -EINVAL if the count would be below 0, -EOVERFLOW if too large, and nothing is changed.
 */
CORO_MUST_CHECK CORO_API int coro_waitgroup_add(struct coro_waitgroup *group, ptrdiff_t n);

/* One less: coro_waitgroup_add of -1. */
CORO_MUST_CHECK CORO_API int coro_waitgroup_done(struct coro_waitgroup *group);

/*
 * Waits until the count is 0, which it may be already: 0. Who was woken goes on even if the count
 * has been raised meanwhile, for the next round.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_waitgroup_wait(struct coro_waitgroup *group);

CORO_API size_t coro_waitgroup_count(const struct coro_waitgroup *group);

/* -- a barrier (asyncio.Barrier) */

struct coro_barrier {
	struct coro_condition changed;
	struct coro_waiters present; /* by their numbers */
	size_t parties, count;
	int state;
};

/* -EINVAL for 0 parties. */
CORO_MUST_CHECK CORO_API int coro_barrier_init(struct coro_barrier *barrier, size_t parties);

/*
 * Waits until `parties` tasks wait here, then all go on: 0, and in *ret, which may be NULL, this
 * task's number, 0 to parties - 1. Each number is given once: a task gets the lowest that none of
 * those present has. -EPIPE if the barrier is broken, or is reset meanwhile (BrokenBarrierError).
 */
coro_async CORO_MUST_CHECK CORO_API int coro_barrier_wait(struct coro_barrier *barrier,
							  size_t *ret);

/* Who waits gets -EPIPE; the barrier is as new (barrier.reset). */
coro_async CORO_API int coro_barrier_reset(struct coro_barrier *barrier);

/* Who waits or comes to wait gets -EPIPE, until a reset (barrier.abort). */
coro_async CORO_API int coro_barrier_abort(struct coro_barrier *barrier);

CORO_API bool coro_barrier_broken(const struct coro_barrier *barrier);

/* How many it takes (barrier.parties). */
CORO_API size_t coro_barrier_parties(const struct coro_barrier *barrier);

/* How many wait for the others to come (barrier.n_waiting). */
CORO_API size_t coro_barrier_waiting(const struct coro_barrier *barrier);

CORO_END_DECLS

#endif
