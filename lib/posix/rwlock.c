/* SPDX-License-Identifier: MIT */
/*
 * Locks for reading and writing. A task tries, and waits in line if it has to, as for a mutex. Who
 * unlocks wakes all in line, readers and writers, and those whose time has not come wait again.
 */
#include "coro/shield.h"
#include "posix/sleeper.h"
#include "posix/until.h"

#include <pthread.h>

typedef int try_lock(pthread_rwlock_t *lock);

static int lock_in_line(pthread_rwlock_t *lock, try_lock *try, int64_t end)
{
	for (int tries = 0;; tries++) {
		struct sleeper *sleeper = sleeper_begin(lock, false);
		if (!sleeper)
			return ENOMEM;
		int r = try(lock);
		int64_t pause = sleeper_pause(tries), left = call_left(end);
		int woken = 0;
		if (r == EBUSY && left > 0) {
			woken = sleeper_wait(sleeper, left < pause ? left : pause);
			r = try(lock);
		}
		sleeper_end(sleeper, true); /* all were woken */
		if (r != EBUSY)
			return r;
		if (woken < 0 && woken != -ETIMEDOUT && woken != -ECANCELED)
			return -woken;
		if (call_left(end) == 0)
			return ETIMEDOUT;
	}
}

/* Must not fail because the task is cancelled: that is for its next wait. */
static int lock_in_task(pthread_rwlock_t *lock, try_lock *try, int64_t length)
{
	struct coro_shield_scope shield;
	int r = try(lock);
	if (likely(r != EBUSY))
		return r;
	if (length < 0)
		return (int)-length;
	int before = errno;
	bool shielded = coro_shield_begin(&shield, CORO_FOREVER) == 0;
	r = lock_in_line(lock, try, call_end(length));
	if (shielded)
		coro_shield_end(&shield, 0);
	errno = before;
	return r;
}

PUBLIC int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	return call_waits() ? lock_in_task(lock, libc()->pthread_rwlock_tryrdlock, CORO_FOREVER)
			    : libc()->pthread_rwlock_rdlock(lock);
}

PUBLIC int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	return call_waits() ? lock_in_task(lock, libc()->pthread_rwlock_trywrlock, CORO_FOREVER)
			    : libc()->pthread_rwlock_wrlock(lock);
}

PUBLIC int pthread_rwlock_clockrdlock(pthread_rwlock_t *lock, clockid_t clock,
				      const struct timespec *time)
{
	return call_waits() ? lock_in_task(lock, libc()->pthread_rwlock_tryrdlock,
					   length_until(clock, time))
			    : libc()->pthread_rwlock_clockrdlock(lock, clock, time);
}

PUBLIC int pthread_rwlock_clockwrlock(pthread_rwlock_t *lock, clockid_t clock,
				      const struct timespec *time)
{
	return call_waits() ? lock_in_task(lock, libc()->pthread_rwlock_trywrlock,
					   length_until(clock, time))
			    : libc()->pthread_rwlock_clockwrlock(lock, clock, time);
}

PUBLIC int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock, const struct timespec *time)
{
	return pthread_rwlock_clockrdlock(lock, CLOCK_REALTIME, time);
}

PUBLIC int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock, const struct timespec *time)
{
	return pthread_rwlock_clockwrlock(lock, CLOCK_REALTIME, time);
}

PUBLIC int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
	int r = libc()->pthread_rwlock_unlock(lock);
	sleepers_wake(lock, true);
	return r;
}
