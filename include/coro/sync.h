/* SPDX-License-Identifier: MIT */
/*
 * Locks, events, conditions, semaphores, barriers and wait groups, between the tasks of one loop.
 *
 *	static struct coro_lock lock;
 *
 *	int r = coro_lock_acquire(&lock);
 *	if (r < 0)
 *		return r;
 *	r = update();                   // may wait; no other task that takes the lock runs
 *	coro_lock_release(&lock);
 *
 * They are fair: tasks are served in the order in which they came. They are safe when a task is
 * cancelled at the moment when it is woken: what it was given goes to the next. None of them
 * allocates memory. What can be had at once is taken without letting others run.
 *
 * An object lies where you put it. An init function makes it; it needs no function at its end, but
 * no task may wait for it any more. A static lock, event, condition, rwlock or waitgroup, whose
 * bytes are all 0, is as init makes it. The fields are the library's.
 *
 * Where a comment does not say otherwise, calls return 0, -EINVAL for NULL, or
 *
 *   -ECANCELED  the task was cancelled while it waited: calls marked coro_async
 *   -EPERM      the call would have to wait, and the caller is not in a task; or tasks of another
 *               thread wait for the object
 *
 * Between threads there is coro_thread_queue: see coro/thread.h.
 */
#ifndef CORO_SYNC_H
#define CORO_SYNC_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/* The tasks that wait for an object: a part of the objects below. */
struct coro_waiters {
	void *own[4];
};

/* -- locks */

/* A lock, which one task holds at a time. Like asyncio.Lock. */
struct coro_lock {
	struct coro_waiters waiters;
	void *hold;
	unsigned char locked;
};

/* Initializes a lock that is free. */
CORO_API void coro_lock_init(struct coro_lock *lock);

/*
 * Waits until the lock is free, and takes it. In debug mode reports name the task that holds the
 * lock and where it took it, and a lock that is not released is reported at that task's end, or
 * when the loop is closed.
 */
#define coro_lock_acquire(...) /* (struct coro_lock *lock) */ \
	coro_lock_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_lock_acquire. */
coro_async CORO_MUST_CHECK CORO_API int coro_lock_acquire_at(const char *site,
							     struct coro_lock *lock);

/*
 * Takes the lock without waiting. Returns 0, -EINVAL, or -EAGAIN if it is taken or is about to be
 * given to a task that waits.
 */
#define coro_lock_try_acquire(...) /* (struct coro_lock *lock) */ \
	coro_lock_try_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_lock_try_acquire. */
CORO_MUST_CHECK CORO_API int coro_lock_try_acquire_at(const char *site, struct coro_lock *lock);

/* Releases the lock, whichever task took it. Returns 0, -EINVAL, or -EPERM if it is free. */
CORO_API int coro_lock_release(struct coro_lock *lock);

/* Returns whether the lock is taken. */
CORO_API bool coro_lock_locked(const struct coro_lock *lock);

/* -- events */

/* A flag that tasks can wait for. Like asyncio.Event. */
struct coro_event {
	struct coro_waiters waiters;
	bool set;
};

/* Initializes an event that is not set. */
CORO_API void coro_event_init(struct coro_event *event);

/* Waits until the event is set. */
coro_async CORO_MUST_CHECK CORO_API int coro_event_wait(struct coro_event *event);

/* Sets the event, and wakes all tasks that wait for it. */
CORO_API int coro_event_set(struct coro_event *event);

/* Clears the event: tasks wait for it again. */
CORO_API void coro_event_clear(struct coro_event *event);

/* Returns whether the event is set. */
CORO_API bool coro_event_is_set(const struct coro_event *event);

/* -- conditions */

/* A condition variable with a lock. Like asyncio.Condition. */
struct coro_condition {
	struct coro_waiters waiters;
	struct coro_lock *lock;
	struct coro_lock own;
};

/*
 * Initializes a condition. lock is a lock that others use too, and that outlives the condition; or
 * NULL, and the condition has one of its own.
 */
CORO_API void coro_condition_init(struct coro_condition *condition, struct coro_lock *lock);

/* Takes the condition's lock, as coro_lock_acquire. */
#define coro_condition_acquire(...) /* (struct coro_condition *condition) */ \
	coro_condition_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_condition_acquire. */
coro_async CORO_MUST_CHECK CORO_API int coro_condition_acquire_at(const char *site,
								  struct coro_condition *condition);

/* Releases the condition's lock, as coro_lock_release. */
CORO_API int coro_condition_release(struct coro_condition *condition);

/* Returns whether the condition's lock is taken. */
CORO_API bool coro_condition_locked(const struct coro_condition *condition);

/*
 * Releases the lock, waits until the condition is notified, and takes the lock again. It has the
 * lock again also when it returns -ECANCELED. A cancelled task may have been notified already: then
 * another is woken in its place, perhaps without need. So check again after each wait whether what
 * you wait for is true. Returns also -EPERM: if the lock is free; or, without the lock, if tasks of
 * another thread wait for it meanwhile.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_condition_wait(struct coro_condition *condition);

/*
 * Waits on the condition until predicate(arg) is not 0. A negative result is an error of the
 * predicate's. Returns that result, or what coro_condition_wait does. Like condition.wait_for.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_condition_wait_for(struct coro_condition *condition,
								int (*predicate)(void *arg),
								void *arg);

/* Wakes the first n tasks that wait. Returns 0, -EINVAL, or -EPERM if the lock is free. */
CORO_API int coro_condition_notify(struct coro_condition *condition, size_t n);

/* Wakes all tasks that wait. Returns 0, -EINVAL, or -EPERM if the lock is free. */
CORO_API int coro_condition_notify_all(struct coro_condition *condition);

/* -- semaphores */

/* A counter that tasks lower, waiting while it is 0. Like asyncio.Semaphore. */
struct coro_semaphore {
	struct coro_waiters waiters;
	void *holds;
	size_t value;
	size_t bound;
};

/* Initializes a semaphore with its value. It can be released any number of times. */
CORO_API void coro_semaphore_init(struct coro_semaphore *semaphore, size_t value);

/*
 * Initializes a semaphore that cannot be released above its first value: who lowers it has to
 * release it. In debug mode reports name a task that holds a unit and where it took it, and a unit
 * that is not released is reported at that task's end. Like asyncio.BoundedSemaphore.
 */
CORO_API void coro_semaphore_init_bounded(struct coro_semaphore *semaphore, size_t value);

/* Waits until the value is above 0, and lowers it by 1. */
#define coro_semaphore_acquire(...) /* (struct coro_semaphore *semaphore) */ \
	coro_semaphore_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_semaphore_acquire. */
coro_async CORO_MUST_CHECK CORO_API int coro_semaphore_acquire_at(const char *site,
								  struct coro_semaphore *semaphore);

/* Lowers the value without waiting. Returns 0, -EINVAL, or -EAGAIN if it would have to wait. */
#define coro_semaphore_try_acquire(...) /* (struct coro_semaphore *semaphore) */ \
	coro_semaphore_try_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_semaphore_try_acquire. */
CORO_MUST_CHECK CORO_API int coro_semaphore_try_acquire_at(const char *site,
							   struct coro_semaphore *semaphore);

/*
 * Raises the value by 1, or wakes a task that waits. Returns 0, -EINVAL, -EPERM, or -EOVERFLOW
 * above the bound, and then changes nothing.
 */
CORO_API int coro_semaphore_release(struct coro_semaphore *semaphore);

/* Returns whether coro_semaphore_acquire would wait. Like semaphore.locked. */
CORO_API bool coro_semaphore_locked(const struct coro_semaphore *semaphore);

/* -- readers/writer locks */

/* A lock that many readers hold at a time, or one writer. Like pthread_rwlock_t. */
struct coro_rwlock {
	struct coro_waiters waiters;
	void *holds;
	size_t readers; /* that hold it, or were let in and have but to run */
	bool written;
};

/* Initializes a lock that is free. */
CORO_API void coro_rwlock_init(struct coro_rwlock *lock);

/*
 * Waits until no writer holds the lock and all tasks that came before were served, and takes it as
 * a reader. A reader that comes while a writer waits is served after it, so that neither side
 * starves. Hence a task that holds the lock must not take it a second time. In debug mode reports
 * name a task that holds the lock and where it took it, and a lock that is not released is reported
 * at that task's end.
 */
#define coro_rwlock_read_acquire(...) /* (struct coro_rwlock *lock) */ \
	coro_rwlock_read_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_rwlock_read_acquire. */
coro_async CORO_MUST_CHECK CORO_API int coro_rwlock_read_acquire_at(const char *site,
								    struct coro_rwlock *lock);

/*
 * Waits until nobody holds the lock, and takes it as the writer. A reader must release it before.
 */
#define coro_rwlock_write_acquire(...) /* (struct coro_rwlock *lock) */ \
	coro_rwlock_write_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_rwlock_write_acquire. */
coro_async CORO_MUST_CHECK CORO_API int coro_rwlock_write_acquire_at(const char *site,
								     struct coro_rwlock *lock);

/* Takes the lock as a reader, without waiting. Returns 0, -EINVAL, or -EAGAIN if it would wait. */
#define coro_rwlock_try_read_acquire(...) /* (struct coro_rwlock *lock) */ \
	coro_rwlock_try_read_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_rwlock_try_read_acquire. */
CORO_MUST_CHECK CORO_API int coro_rwlock_try_read_acquire_at(const char *site,
							     struct coro_rwlock *lock);

/*
 * Takes the lock as the writer, without waiting. Returns 0, -EINVAL, or -EAGAIN if it would wait.
 */
#define coro_rwlock_try_write_acquire(...) /* (struct coro_rwlock *lock) */ \
	coro_rwlock_try_write_acquire_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_rwlock_try_write_acquire. */
CORO_MUST_CHECK CORO_API int coro_rwlock_try_write_acquire_at(const char *site,
							      struct coro_rwlock *lock);

/*
 * Releases the lock, for a reader or the writer, and lets in the next: one writer, or all readers
 * that came before the next writer. Returns 0, -EINVAL, or -EPERM if nobody holds it.
 */
CORO_API int coro_rwlock_release(struct coro_rwlock *lock);

/*
 * Makes the writer a reader, with no other writer in between, and lets in the readers that are
 * next. Returns 0, -EINVAL, or -EPERM if no writer holds it.
 */
CORO_MUST_CHECK CORO_API int coro_rwlock_downgrade(struct coro_rwlock *lock);

/* Returns whether a reader or writer holds the lock. */
CORO_API bool coro_rwlock_locked(const struct coro_rwlock *lock);

/* Returns how many readers hold the lock. */
CORO_API size_t coro_rwlock_readers(const struct coro_rwlock *lock);

/* -- wait groups */

/* A count of work that is not done, which tasks can wait for. Like Go's sync.WaitGroup. */
struct coro_waitgroup {
	struct coro_waiters waiters;
	ptrdiff_t count;
};

/* Initializes a wait group with a count of 0. */
CORO_API void coro_waitgroup_init(struct coro_waitgroup *group);

/*
 * Adds n to the count; n may be negative. At 0, wakes all tasks that wait.
 *
 * Returns 0, or, having changed nothing
 *
 *   -EINVAL     the count would be below 0, or group is NULL
 *   -EOVERFLOW  the count would be too large
 *   -EPERM      tasks of another thread wait
 */
CORO_MUST_CHECK CORO_API int coro_waitgroup_add(struct coro_waitgroup *group, ptrdiff_t n);

/* Lowers the count by 1. Returns what coro_waitgroup_add does. */
CORO_MUST_CHECK CORO_API int coro_waitgroup_done(struct coro_waitgroup *group);

/*
 * Waits until the count is 0, which it may be already. A task that was woken goes on, even if the
 * count is raised again before it runs.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_waitgroup_wait(struct coro_waitgroup *group);

/* Returns the count. */
CORO_API size_t coro_waitgroup_count(const struct coro_waitgroup *group);

/* -- barriers */

/* A place where tasks wait for each other. Like asyncio.Barrier. */
struct coro_barrier {
	struct coro_condition changed;
	struct coro_waiters present; /* by their numbers */
	size_t parties, count;
	int state;
};

/* Initializes a barrier for a number of tasks, at least 1. Returns 0 or -EINVAL. */
CORO_MUST_CHECK CORO_API int coro_barrier_init(struct coro_barrier *barrier, size_t parties);

/*
 * Waits until `parties` tasks wait here, and then lets all of them go on. *ret is a number from 0
 * to parties - 1, which no other of them gets: the lowest that is free when the task comes. ret may
 * be NULL. Returns 0, -EINVAL if it was not initialized, or -EPIPE if it is broken or is reset
 * meanwhile.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_barrier_wait(struct coro_barrier *barrier,
							  size_t *ret);

/* Makes the barrier new again. Tasks that wait get -EPIPE. Like barrier.reset. */
coro_async CORO_API int coro_barrier_reset(struct coro_barrier *barrier);

/* Breaks the barrier: all waits return -EPIPE until it is reset. Like barrier.abort. */
coro_async CORO_API int coro_barrier_abort(struct coro_barrier *barrier);

/* Returns whether the barrier is broken. */
CORO_API bool coro_barrier_broken(const struct coro_barrier *barrier);

/* Returns how many tasks the barrier is for. */
CORO_API size_t coro_barrier_parties(const struct coro_barrier *barrier);

/* Returns how many tasks wait for others to come. Like barrier.n_waiting. */
CORO_API size_t coro_barrier_waiting(const struct coro_barrier *barrier);

CORO_END_DECLS

#endif
