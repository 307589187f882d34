/* SPDX-License-Identifier: MIT */
#include "sync/condition.h"

#include "core/fail.h"
#include "sync/lock.h"
#include "sync/waiters.h"

#include <errno.h>

void coro_condition_init(struct coro_condition *condition, struct coro_lock *lock)
{
	if (!condition)
		return;
	waiters_init(&condition->waiters);
	coro_lock_init(&condition->own);
	condition->lock = lock;
}

static struct coro_lock *lock_of(const struct coro_condition *condition)
{
	return condition->lock ? condition->lock : (struct coro_lock *)&condition->own;
}

int coro_condition_acquire_at(const char *site, struct coro_condition *condition)
{
	return condition ? coro_lock_acquire_at(site, lock_of(condition))
			 : fail_with(-EINVAL, "coro_condition_acquire: the condition is NULL");
}

int coro_condition_release(struct coro_condition *condition)
{
	return condition ? coro_lock_release(lock_of(condition))
			 : fail_with(-EINVAL, "coro_condition_release: the condition is NULL");
}

bool coro_condition_locked(const struct coro_condition *condition)
{
	return condition && coro_lock_locked(lock_of(condition));
}

static const struct wait_kind waiting = {.leave = waiter_leave, .what = "a condition"};

static int wait_in(struct coro_condition *condition, const struct wait_kind *kind)
{
	struct waiter waiter;
	if (!condition)
		return fail_with(-EINVAL, "coro_condition_wait: the condition is NULL");
	if (!task_running())
		return fail_with(-EPERM, "coro_condition_wait: not in a task");
	const char *site = lock_site(lock_of(condition));
	if (!coro_lock_locked(lock_of(condition)))
		return fail_with(-EPERM, "coro_condition_wait: the lock is not held");
	int r = waiters_check(&condition->waiters);
	if (r == 0)
		r = coro_lock_release(lock_of(condition));
	if (r < 0)
		return r;
	r = waiters_wait(&condition->waiters, &waiter, kind);
	/* The lock is taken again in any case. A cancellation meanwhile is returned after that. */
	int again;
	while ((again = coro_lock_acquire_at(site, lock_of(condition))) == -ECANCELED)
		r = again;
	if (again < 0)
		return again;
	/* The task may have been notified too, and passes that on. Otherwise the next one wakes in vain. */
	if (unlikely(r < 0))
		waiters_wake(&condition->waiters, 1);
	return r;
}

int coro_condition_wait(struct coro_condition *condition)
{
	return wait_in(condition, &waiting);
}

int condition_wait_for(struct coro_condition *condition, int (*predicate)(void *arg), void *arg,
		       const struct wait_kind *kind)
{
	int value;
	if (!condition || !predicate)
		return fail_with(-EINVAL,
				 "coro_condition_wait_for: the condition or the predicate is NULL");
	while ((value = predicate(arg)) == 0) {
		int r = wait_in(condition, kind);
		if (r < 0)
			return r;
	}
	return value;
}

int coro_condition_wait_for(struct coro_condition *condition, int (*predicate)(void *arg),
			    void *arg)
{
	return condition_wait_for(condition, predicate, arg, &waiting);
}

int coro_condition_notify(struct coro_condition *condition, size_t n)
{
	if (!condition)
		return fail_with(-EINVAL, "coro_condition_notify: the condition is NULL");
	int r = coro_condition_locked(condition)
			? waiters_check(&condition->waiters)
			: fail_with(-EPERM, "coro_condition_notify: the lock is not held");
	if (r < 0)
		return r;
	waiters_wake(&condition->waiters, n);
	return 0;
}

int coro_condition_notify_all(struct coro_condition *condition)
{
	return coro_condition_notify(condition, SIZE_MAX);
}
