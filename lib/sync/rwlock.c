/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
#include "sync/waiters.h"

#include <errno.h>

/* A task that waits for the lock. The task that wakes it hands the lock over. */
struct entrant {
	struct grant grant;
	bool writes;
};

void coro_rwlock_init(struct coro_rwlock *lock)
{
	if (!lock)
		return;
	waiters_init(&lock->waiters);
	lock->readers = 0;
	lock->written = false;
}

static inline bool may_enter(const struct coro_rwlock *lock, bool writes)
{
	return !lock->written && !(writes && lock->readers > 0);
}

static inline void enter(struct coro_rwlock *lock, bool writes)
{
	if (writes)
		lock->written = true;
	else
		lock->readers++;
}

static inline void leave(struct coro_rwlock *lock)
{
	if (lock->written)
		lock->written = false;
	else
		lock->readers--;
}

/* Hands the lock to the first in line: a writer, or all readers up to the next writer. */
static void let_in(struct coro_rwlock *lock)
{
	struct waiter *waiter;
	while ((waiter = waiters_next(&lock->waiters))) {
		bool writes = container_of(waiter, struct entrant, grant.waiter)->writes;
		if (!may_enter(lock, writes))
			return;
		enter(lock, writes);
		waiter_wake(waiter);
	}
}

static inline bool take(struct coro_rwlock *lock, bool writes)
{
	if (!may_enter(lock, writes) || waiters_next(&lock->waiters))
		return false;
	enter(lock, writes);
	return true;
}

static void given_back(struct grant *grant)
{
	struct coro_rwlock *lock = container_of(grant->waiters, struct coro_rwlock, waiters);
	leave(lock);
	let_in(lock);
}

static const struct wait_kind reading = {
	.leave = waiter_leave, .what = "a readers/writer lock", .call = "coro_rwlock_read_acquire"};
static const struct wait_kind writing = {.leave = waiter_leave,
					 .what = "a readers/writer lock",
					 .call = "coro_rwlock_write_acquire"};

/* A function of its own, so that the fast path needs no stack frame. */
static __attribute__((noinline)) int wait_and_take(struct coro_rwlock *lock, bool writes)
{
	if (take(lock, writes))
		return 0;
	struct entrant entrant = {.writes = writes};
	int r = waiters_wait_granted(&lock->waiters, &entrant.grant, given_back,
				     writes ? &writing : &reading);
	if (r == -ECANCELED) {
		if (entrant.grant.waiter.state == WAITER_WOKEN)
			leave(lock);
		let_in(lock); /* readers behind a writer that was cancelled */
	}
	return r;
}

static inline int acquire(struct coro_rwlock *lock, bool writes)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_rwlock_acquire: the lock is NULL");
	if (!may_enter(lock, writes) || !waiters_empty(&lock->waiters))
		return wait_and_take(lock, writes);
	enter(lock, writes);
	return 0;
}

static inline int try_acquire(struct coro_rwlock *lock, bool writes)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_rwlock_try_acquire: the lock is NULL");
	return take(lock, writes) ? 0 : fail_code(-EAGAIN);
}

int coro_rwlock_read_acquire(struct coro_rwlock *lock)
{
	return acquire(lock, false);
}

int coro_rwlock_write_acquire(struct coro_rwlock *lock)
{
	return acquire(lock, true);
}

int coro_rwlock_try_read_acquire(struct coro_rwlock *lock)
{
	return try_acquire(lock, false);
}

int coro_rwlock_try_write_acquire(struct coro_rwlock *lock)
{
	return try_acquire(lock, true);
}

bool coro_rwlock_locked(const struct coro_rwlock *lock)
{
	return lock && (lock->written || lock->readers > 0);
}

size_t coro_rwlock_readers(const struct coro_rwlock *lock)
{
	return lock ? lock->readers : 0;
}

int coro_rwlock_release(struct coro_rwlock *lock)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_rwlock_release: the lock is NULL");
	int r = coro_rwlock_locked(lock)
			? waiters_check(&lock->waiters)
			: fail_with(-EPERM, "coro_rwlock_release: the lock is not held");
	if (r < 0)
		return r;
	leave(lock);
	let_in(lock);
	return 0;
}

int coro_rwlock_downgrade(struct coro_rwlock *lock)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_rwlock_downgrade: the lock is NULL");
	int r = lock->written
			? waiters_check(&lock->waiters)
			: fail_with(-EPERM, "coro_rwlock_downgrade: no writer holds the lock");
	if (r < 0)
		return r;
	leave(lock);
	enter(lock, false);
	let_in(lock);
	return 0;
}
