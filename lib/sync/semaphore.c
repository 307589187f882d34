/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
#include "sync/waiters.h"

#include <errno.h>

void coro_semaphore_init(struct coro_semaphore *semaphore, size_t value)
{
	if (!semaphore)
		return;
	waiters_init(&semaphore->waiters);
	semaphore->value = value;
	semaphore->bound = SIZE_MAX;
}

void coro_semaphore_init_bounded(struct coro_semaphore *semaphore, size_t value)
{
	coro_semaphore_init(semaphore, value);
	if (semaphore)
		semaphore->bound = value;
}

static inline bool locked(const struct coro_semaphore *semaphore)
{
	return semaphore->value == 0 || waiters_any(&semaphore->waiters);
}

bool coro_semaphore_locked(const struct coro_semaphore *semaphore)
{
	return semaphore && locked(semaphore);
}

static inline bool take(struct coro_semaphore *semaphore)
{
	if (locked(semaphore))
		return false;
	semaphore->value--;
	return true;
}

/*
 * Wakes the first in line and takes one unit of the value for it now, so that no other task can.
 * False if nobody waits.
 */
static bool wake_next(struct coro_semaphore *semaphore)
{
	if (waiters_wake(&semaphore->waiters, 1) == 0)
		return false;
	semaphore->value--;
	return true;
}

static void give_back(struct coro_semaphore *semaphore)
{
	semaphore->value++;
	wake_next(semaphore);
}

static void given_back(struct grant *grant)
{
	give_back(container_of(grant->waiters, struct coro_semaphore, waiters));
}

static const struct wait_kind acquiring = {
	.leave = waiter_leave, .what = "a semaphore", .call = "coro_semaphore_acquire"};

/* A function of its own, so that the fast path needs no stack frame. */
static __attribute__((noinline)) int wait_and_take(struct coro_semaphore *semaphore)
{
	struct grant grant;
	if (take(semaphore))
		return 0;
	int r = waiters_wait_granted(&semaphore->waiters, &grant, given_back, &acquiring);
	if (r == -EPERM)
		return r;
	if (r < 0 && grant.waiter.state == WAITER_WOKEN)
		semaphore->value++;
	/* Tasks that came behind this one may go on. */
	while (semaphore->value > 0 && wake_next(semaphore))
		;
	return r;
}

int coro_semaphore_acquire(struct coro_semaphore *semaphore)
{
	if (!semaphore)
		return fail_with(-EINVAL, "coro_semaphore_acquire: the semaphore is NULL");
	if (semaphore->value == 0 || !waiters_empty(&semaphore->waiters))
		return wait_and_take(semaphore);
	semaphore->value--;
	return 0;
}

int coro_semaphore_try_acquire(struct coro_semaphore *semaphore)
{
	if (!semaphore)
		return fail_with(-EINVAL, "coro_semaphore_try_acquire: the semaphore is NULL");
	return take(semaphore) ? 0 : fail_code(-EAGAIN);
}

static __attribute__((noinline)) int hand_over(struct coro_semaphore *semaphore)
{
	int r = waiters_check(&semaphore->waiters);
	if (r < 0)
		return r;
	give_back(semaphore);
	return 0;
}

int coro_semaphore_release(struct coro_semaphore *semaphore)
{
	if (!semaphore)
		return fail_with(-EINVAL, "coro_semaphore_release: the semaphore is NULL");
	if (semaphore->value >= semaphore->bound)
		return fail_with(-EOVERFLOW, "coro_semaphore_release: above the bound");
	if (!waiters_empty(&semaphore->waiters))
		return hand_over(semaphore);
	semaphore->value++;
	return 0;
}
