/* SPDX-License-Identifier: MIT */
/*
 * Mutexes, conditions and semaphores. libc's objects stay what they are: a task tries, and waits in a
 * line of its own if it has to. So two tasks of a thread, and other threads, exclude one another.
 *
 * To libc a mutex belongs to a thread. Of one that may be locked again by its owner, or checks who
 * that is, the task that has locked it is remembered here.
 */
#include "coro/shield.h"
#include "posix/interrupt.h"
#include "posix/sleeper.h"
#include "posix/until.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <threads.h>

/* -- which task owns a mutex that knows its owner */

struct owner {
	struct owner *next;
	const pthread_mutex_t *mutex;
	const struct coro_future *task;
	unsigned depth;
};

/* Only the thread that has locked a mutex has an owner of it. */
static __thread struct owner *owners __attribute__((tls_model("initial-exec")));

enum kind { NORMAL, RECURSIVE, CHECKED };

static enum kind kind_of(const pthread_mutex_t *mutex)
{
	switch (mutex->__data.__kind & 3) {
	case PTHREAD_MUTEX_RECURSIVE_NP:
		return RECURSIVE;
	case PTHREAD_MUTEX_ERRORCHECK_NP:
		return CHECKED;
	default:
		return NORMAL;
	}
}

static struct owner **owner_of(const pthread_mutex_t *mutex)
{
	struct owner **at = &owners;
	while (*at && (*at)->mutex != mutex)
		at = &(*at)->next;
	return at;
}

/* The running task has locked the mutex. Returns 0, or ENOMEM with it unlocked again. */
static int own(pthread_mutex_t *mutex, struct owner *owner)
{
	if (owner) {
		owner->depth++;
		return 0;
	}
	owner = malloc(sizeof(*owner));
	if (!owner) {
		libc()->pthread_mutex_unlock(mutex);
		return ENOMEM;
	}
	*owner = (struct owner){owners, mutex, coro_current_task(), 1};
	owners = owner;
	return 0;
}

/* pthread_mutex_trylock by the running task. EDEADLK: it has locked a checked mutex already. */
static int try_lock(pthread_mutex_t *mutex)
{
	enum kind kind = kind_of(mutex);
	if (likely(kind == NORMAL))
		return libc()->pthread_mutex_trylock(mutex);
	struct owner *owner = *owner_of(mutex);
	if (owner && owner->task != coro_current_task())
		return EBUSY;
	if (owner && kind == CHECKED)
		return EDEADLK;
	int r = libc()->pthread_mutex_trylock(mutex);
	return r == 0 ? own(mutex, owner) : r;
}

/* Whether the caller may unlock it. Forgets the owner. */
static bool disown(pthread_mutex_t *mutex)
{
	struct owner **at = owner_of(mutex), *owner = *at;
	if (!owner)
		return true;
	if (owner->task != coro_current_task())
		return false;
	if (--owner->depth == 0) {
		*at = owner->next;
		free(owner);
	}
	return true;
}

/* -- mutexes */

static bool is_of_this_thread(const pthread_mutex_t *mutex)
{
	return mutex->__data.__owner == gettid();
}

/* Waits in line until a time, and tries when woken. */
static int lock_in_line(pthread_mutex_t *mutex, int64_t end)
{
	int r = EBUSY;
	for (int tries = 0; r == EBUSY; tries++) {
		bool ours = is_of_this_thread(mutex);
		struct sleeper *sleeper = sleeper_begin(mutex, !ours);
		if (!sleeper)
			return ENOMEM;
		r = try_lock(mutex);
		int64_t pause = ours ? CORO_FOREVER : sleeper_pause(tries), left = call_left(end);
		if (r == EBUSY) {
			int woken = sleeper_wait(sleeper, left < pause ? left : pause);
			r = try_lock(mutex);
			if (r == EBUSY && woken < 0 && woken != -ETIMEDOUT && woken != -ECANCELED)
				r = -woken;
			else if (r == EBUSY && call_left(end) == 0)
				r = ETIMEDOUT;
		}
		sleeper_end(sleeper, r == 0);
	}
	return r;
}

/* Must not fail because the task is cancelled: that is for its next wait. */
static int lock_within(pthread_mutex_t *mutex, int64_t length)
{
	struct coro_shield_scope shield;
	int r = try_lock(mutex);
	if (likely(r != EBUSY))
		return r;
	if (length <= 0)
		return length < 0 ? (int)-length : ETIMEDOUT;
	int before = errno;
	bool shielded = coro_shield_begin(&shield, CORO_FOREVER) == 0;
	r = lock_in_line(mutex, call_end(length));
	if (shielded)
		coro_shield_end(&shield, 0);
	errno = before;
	return r;
}

static int lock_in_task(pthread_mutex_t *mutex)
{
	return lock_within(mutex, CORO_FOREVER);
}

PUBLIC int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	return call_waits() ? lock_in_task(mutex) : libc()->pthread_mutex_lock(mutex);
}

PUBLIC int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
				   const struct timespec *time)
{
	return call_waits() ? lock_within(mutex, length_until(clock, time))
			    : libc()->pthread_mutex_clocklock(mutex, clock, time);
}

PUBLIC int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *time)
{
	return call_waits() ? lock_within(mutex, length_until(CLOCK_REALTIME, time))
			    : libc()->pthread_mutex_timedlock(mutex, time);
}

PUBLIC int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	if (!call_waits())
		return libc()->pthread_mutex_trylock(mutex);
	int r = try_lock(mutex);
	return r == EDEADLK ? EBUSY : r;
}

PUBLIC int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	if (unlikely(owners) && !disown(mutex))
		return EPERM;
	int r = libc()->pthread_mutex_unlock(mutex);
	sleepers_wake(mutex, false);
	return r;
}

/* -- conditions */

static int wait_in_task(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t length)
{
	int before = errno;
	struct sleeper *sleeper = sleeper_begin(condition, false);
	if (!sleeper)
		return ENOMEM;
	int r = pthread_mutex_unlock(mutex);
	if (r != 0) {
		sleeper_end(sleeper, false);
		return r;
	}
	r = sleeper_wait(sleeper, length);
	sleeper_end(sleeper, r == 0);
	int locked = lock_in_task(mutex);
	errno = before;
	return locked ? locked : -r;
}

/* The clock that the condition was made with. */
static clockid_t clock_of(const pthread_cond_t *condition)
{
	return condition->__data.__wrefs & 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

PUBLIC int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	return call_waits() ? wait_in_task(condition, mutex, CORO_FOREVER)
			    : libc()->pthread_cond_wait(condition, mutex);
}

PUBLIC int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
				  clockid_t clock, const struct timespec *time)
{
	if (!call_waits())
		return libc()->pthread_cond_clockwait(condition, mutex, clock, time);
	int64_t length = length_until(clock, time);
	return length < 0 ? (int)-length : wait_in_task(condition, mutex, length);
}

PUBLIC int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
				  const struct timespec *time)
{
	if (!call_waits())
		return libc()->pthread_cond_timedwait(condition, mutex, time);
	return pthread_cond_clockwait(condition, mutex, clock_of(condition), time);
}

/* A thread may wake as well: POSIX allows a wake-up for nothing. */
PUBLIC int pthread_cond_signal(pthread_cond_t *condition)
{
	int r = libc()->pthread_cond_signal(condition);
	sleepers_wake(condition, false);
	return r;
}

PUBLIC int pthread_cond_broadcast(pthread_cond_t *condition)
{
	int r = libc()->pthread_cond_broadcast(condition);
	sleepers_wake(condition, true);
	return r;
}

/* -- semaphores */

static int take_in_line(sem_t *semaphore, int64_t end)
{
	for (int tries = 0;; tries++) {
		struct sleeper *sleeper = sleeper_begin(semaphore, false);
		if (!sleeper)
			return -ENOMEM;
		int64_t pause = sleeper_pause(tries), left = call_left(end);
		int taken = libc()->sem_trywait(semaphore), r = 0;
		if (taken < 0 && errno == EAGAIN && left > 0) {
			r = sleeper_wait(sleeper, left < pause ? left : pause);
			taken = r == -ECANCELED ? -1 : libc()->sem_trywait(semaphore);
		}
		int error = errno;
		sleeper_end(sleeper, taken == 0);
		if (taken == 0)
			return 0;
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		if (error != EAGAIN)
			return -error;
		if (call_left(end) == 0)
			return -ETIMEDOUT;
	}
}

static int take_in_task(sem_t *semaphore, int64_t length)
{
	int before = errno;
	if (libc()->sem_trywait(semaphore) == 0)
		return 0;
	if (errno != EAGAIN)
		return -1;
	if (length < 0)
		return (int)call_result(length, before);
	struct interruptible call;
	int r = interruptible_begin(&call, BY_UNRESTARTED);
	if (r == 0)
		r = (int)interruptible_end(&call, take_in_line(semaphore, call_end(length)));
	return (int)call_result(r, before);
}

PUBLIC int sem_wait(sem_t *semaphore)
{
	return call_waits() ? take_in_task(semaphore, CORO_FOREVER) : libc()->sem_wait(semaphore);
}

PUBLIC int sem_timedwait(sem_t *semaphore, const struct timespec *time)
{
	return call_waits() ? take_in_task(semaphore, length_until(CLOCK_REALTIME, time))
			    : libc()->sem_timedwait(semaphore, time);
}

PUBLIC int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *time)
{
	return call_waits() ? take_in_task(semaphore, length_until(clock, time))
			    : libc()->sem_clockwait(semaphore, clock, time);
}

PUBLIC int sem_post(sem_t *semaphore)
{
	int r = libc()->sem_post(semaphore);
	sleepers_wake(semaphore, false);
	return r;
}

/* -- C11's, which libc makes of the same objects */

static int of_c11(int error)
{
	switch (error) {
	case 0:
		return thrd_success;
	case ENOMEM:
		return thrd_nomem;
	case ETIMEDOUT:
		return thrd_timedout;
	case EBUSY:
		return thrd_busy;
	default:
		return thrd_error;
	}
}

PUBLIC int mtx_lock(mtx_t *mutex)
{
	return call_waits() ? of_c11(lock_in_task((pthread_mutex_t *)mutex))
			    : libc()->mtx_lock(mutex);
}

PUBLIC int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict time)
{
	return of_c11(pthread_mutex_timedlock((pthread_mutex_t *)mutex, time));
}

PUBLIC int mtx_trylock(mtx_t *mutex)
{
	return call_waits() ? of_c11(pthread_mutex_trylock((pthread_mutex_t *)mutex))
			    : libc()->mtx_trylock(mutex);
}

PUBLIC int mtx_unlock(mtx_t *mutex)
{
	return of_c11(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

PUBLIC int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
	return call_waits() ? of_c11(wait_in_task((pthread_cond_t *)condition,
						  (pthread_mutex_t *)mutex, CORO_FOREVER))
			    : libc()->cnd_wait(condition, mutex);
}

PUBLIC int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
			 const struct timespec *restrict time)
{
	return of_c11(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex,
					     time));
}

PUBLIC int cnd_signal(cnd_t *condition)
{
	return of_c11(pthread_cond_signal((pthread_cond_t *)condition));
}

PUBLIC int cnd_broadcast(cnd_t *condition)
{
	return of_c11(pthread_cond_broadcast((pthread_cond_t *)condition));
}
