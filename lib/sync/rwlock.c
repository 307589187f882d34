/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
#include "sync/holds.h"

#include <errno.h>

#define TAKEN "readers/writer lock taken"

/* A task that waits for the lock. The task that wakes it hands the lock over. */
struct entrant {
	struct grant grant;
	bool writes;
};

void coro_rwlock_init(struct coro_rwlock *lock)
{
	if (lock)
		*lock = (struct coro_rwlock){.readers = 0}; /* the line is made at the first use */
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

static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct grant *grant = container_of(wait->waiter, struct grant, waiter);
	const struct coro_rwlock *lock = container_of(grant->waiters, struct coro_rwlock, waiters);
	return holds_describe(lock->holds, "a readers/writer lock", text, size);
}

static const struct wait_kind reading = {.leave = waiter_leave,
					 .what = "a readers/writer lock",
					 .call = "coro_rwlock_read_acquire",
					 .describe = describe};
static const struct wait_kind writing = {.leave = waiter_leave,
					 .what = "a readers/writer lock",
					 .call = "coro_rwlock_write_acquire",
					 .describe = describe};

static int wait_in_line(struct coro_rwlock *lock, bool writes)
{
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

/* A function of its own, so that the fast path needs no stack frame. */
static __attribute__((noinline)) int wait_and_take(const char *site, struct coro_rwlock *lock,
						   bool writes)
{
	holds_settle(&lock->waiters, &lock->holds);
	int r = take(lock, writes) ? 0 : wait_in_line(lock, writes);
	if (unlikely(r == 0 && lock->holds))
		holds_note(&lock->holds, site, TAKEN);
	return r;
}

static inline int acquire(const char *site, struct coro_rwlock *lock, bool writes)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_rwlock_acquire: the lock is NULL");
	if (!may_enter(lock, writes) || !holds_quiet(&lock->waiters, lock->holds))
		return wait_and_take(site, lock, writes);
	enter(lock, writes);
	return 0;
}

static inline int try_acquire(const char *site, struct coro_rwlock *lock, bool writes)
{
	if (!lock)
		return fail_with(-EINVAL, "coro_rwlock_try_acquire: the lock is NULL");
	if (unlikely(!holds_quiet(&lock->waiters, lock->holds)))
		holds_settle(&lock->waiters, &lock->holds);
	if (!take(lock, writes))
		return fail_code(-EAGAIN);
	if (unlikely(lock->holds))
		holds_note(&lock->holds, site, TAKEN);
	return 0;
}

int coro_rwlock_read_acquire_at(const char *site, struct coro_rwlock *lock)
{
	return acquire(site, lock, false);
}

int coro_rwlock_write_acquire_at(const char *site, struct coro_rwlock *lock)
{
	return acquire(site, lock, true);
}

int coro_rwlock_try_read_acquire_at(const char *site, struct coro_rwlock *lock)
{
	return try_acquire(site, lock, false);
}

int coro_rwlock_try_write_acquire_at(const char *site, struct coro_rwlock *lock)
{
	return try_acquire(site, lock, true);
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
	if (unlikely(lock->holds))
		holds_end(&lock->holds);
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
