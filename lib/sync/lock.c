/* SPDX-License-Identifier: MIT */
#include "sync/waiters.h"

#include <errno.h>

void coro_lock_init(struct coro_lock *lock)
{
	if (!lock)
		return;
	waiters_init(&lock->waiters);
	lock->locked = false;
}

/* Wakes the first in line, unless that was woken already and has but to run. */
static void wake_first(struct coro_lock *lock)
{
	struct list *line = waiters_list(&lock->waiters);
	if (!list_empty(line))
		latch_set(latch_of(line->next));
}

int coro_lock_acquire(struct coro_lock *lock)
{
	struct latch latch;
	if (!lock)
		return -EINVAL;
	if (!lock->locked && !waiters_any(&lock->waiters)) {
		lock->locked = true;
		return 0;
	}
	int r = waiters_wait(&lock->waiters, &latch);
	if (r == 0)
		lock->locked = true;
	else if (!lock->locked)
		wake_first(lock); /* we may have been the one that was woken */
	return r;
}

int coro_lock_release(struct coro_lock *lock)
{
	if (!lock)
		return -EINVAL;
	if (!lock->locked)
		return -EPERM;
	lock->locked = false;
	wake_first(lock);
	return 0;
}

bool coro_lock_locked(const struct coro_lock *lock)
{
	return lock && lock->locked;
}
