/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
#include "sync/waiters.h"

#include <errno.h>

void coro_lock_init(struct coro_lock *lock)
{
	if (!lock)
		return;
	waiters_init(&lock->waiters);
	lock->locked = false;
}

static inline bool take(struct coro_lock *lock)
{
	if (lock->locked || waiters_any(&lock->waiters))
		return false;
	lock->locked = true;
	return true;
}

static const struct wait_kind acquiring = {.leave = latch_leave, .what = "a lock"};

/* Apart, so that where nobody waits no frame is paid for. */
static __attribute__((noinline)) int wait_and_take(struct coro_lock *lock)
{
	struct latch latch;
	if (take(lock))
		return 0;
	int r = waiters_wait(&lock->waiters, &latch, &acquiring);
	if (r == 0)
		lock->locked = true;
	else if (!lock->locked && r == -ECANCELED)
		waiters_wake_first(&lock->waiters); /* we may have been the one that was woken */
	return r;
}

int coro_lock_acquire(struct coro_lock *lock)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_lock_acquire: the lock is NULL");
	if (lock->locked || !waiters_empty(&lock->waiters))
		return wait_and_take(lock);
	lock->locked = true;
	return 0;
}

int coro_lock_try_acquire(struct coro_lock *lock)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_lock_try_acquire: the lock is NULL");
	return take(lock) ? 0 : fail_code(-EAGAIN);
}

static __attribute__((noinline)) int hand_over(struct coro_lock *lock)
{
	int r = waiters_check(&lock->waiters);
	if (r < 0)
		return r;
	lock->locked = false;
	waiters_wake_first(&lock->waiters);
	return 0;
}

int coro_lock_release(struct coro_lock *lock)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_lock_release: the lock is NULL");
	if (!lock->locked)
		return fail_with(-EPERM, "coro_lock_release: the lock is not held");
	if (!waiters_empty(&lock->waiters))
		return hand_over(lock);
	lock->locked = false;
	return 0;
}

bool coro_lock_locked(const struct coro_lock *lock)
{
	return lock && lock->locked;
}
