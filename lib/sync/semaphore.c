/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
#include "sync/holds.h"

#include <errno.h>

void coro_semaphore_init(struct coro_semaphore *semaphore, size_t value)
{
	if (!semaphore)
		return;
	/* The line is made at the first use. */
	*semaphore = (struct coro_semaphore){.value = value, .bound = SIZE_MAX};
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
	if (!semaphore || !semaphore->waiters.own[0])
		return semaphore && semaphore->value == 0; /* the first use is yet to come */
	return locked(semaphore);
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

/*
 * Debug mode: the tasks that hold a unit of a bounded semaphore. Another may be raised by tasks that
 * have not lowered it: it counts things, and nobody holds them.
 */
static void settle(struct coro_semaphore *semaphore)
{
	void *none = NULL;
	holds_settle(&semaphore->waiters, semaphore->bound == SIZE_MAX ? &none : &semaphore->holds);
}

static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct grant *grant = container_of(wait->waiter, struct grant, waiter);
	const struct coro_semaphore *semaphore =
		container_of(grant->waiters, struct coro_semaphore, waiters);
	return holds_describe(semaphore->holds, "a semaphore", text, size);
}

static const struct wait_kind acquiring = {.leave = waiter_leave,
					   .what = "a semaphore",
					   .call = "coro_semaphore_acquire",
					   .describe = describe};

static int wait_in_line(struct coro_semaphore *semaphore)
{
	struct grant grant;
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

/* A function of its own, so that the fast path needs no stack frame. */
static __attribute__((noinline)) int wait_and_take(const char *site,
						   struct coro_semaphore *semaphore)
{
	settle(semaphore);
	int r = take(semaphore) ? 0 : wait_in_line(semaphore);
	if (unlikely(r == 0 && semaphore->holds))
		holds_note(&semaphore->holds, site, "semaphore taken");
	return r;
}

int coro_semaphore_acquire_at(const char *site, struct coro_semaphore *semaphore)
{
	if (!semaphore)
		return fail_with(-EINVAL, "coro_semaphore_acquire: the semaphore is NULL");
	if (semaphore->value == 0 || !holds_quiet(&semaphore->waiters, semaphore->holds))
		return wait_and_take(site, semaphore);
	semaphore->value--;
	return 0;
}

int coro_semaphore_try_acquire_at(const char *site, struct coro_semaphore *semaphore)
{
	if (!semaphore)
		return fail_with(-EINVAL, "coro_semaphore_try_acquire: the semaphore is NULL");
	if (unlikely(!holds_quiet(&semaphore->waiters, semaphore->holds)))
		settle(semaphore);
	if (!take(semaphore))
		return fail_code(-EAGAIN);
	if (unlikely(semaphore->holds))
		holds_note(&semaphore->holds, site, "semaphore taken");
	return 0;
}

static __attribute__((noinline)) int hand_over(struct coro_semaphore *semaphore)
{
	settle(semaphore);
	int r = waiters_check(&semaphore->waiters);
	if (r < 0)
		return r;
	holds_end(&semaphore->holds);
	give_back(semaphore);
	return 0;
}

int coro_semaphore_release(struct coro_semaphore *semaphore)
{
	if (!semaphore)
		return fail_with(-EINVAL, "coro_semaphore_release: the semaphore is NULL");
	if (semaphore->value >= semaphore->bound)
		return fail_with(-EOVERFLOW, "coro_semaphore_release: above the bound");
	if (!holds_quiet(&semaphore->waiters, semaphore->holds))
		return hand_over(semaphore);
	semaphore->value++;
	return 0;
}
