/* SPDX-License-Identifier: MIT */
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

bool coro_semaphore_locked(const struct coro_semaphore *semaphore)
{
	return semaphore && (semaphore->value == 0 || waiters_any(&semaphore->waiters));
}

/*
 * Hands one unit of the value to the first in line: it is taken now, so that nobody else can have
 * it meanwhile.
 */
static void wake_next(struct coro_semaphore *semaphore)
{
	if (waiters_wake(&semaphore->waiters, 1) == 1)
		semaphore->value--;
}

int coro_semaphore_acquire(struct coro_semaphore *semaphore)
{
	struct latch latch;
	if (!semaphore)
		return -EINVAL;
	if (!coro_semaphore_locked(semaphore)) {
		semaphore->value--;
		return 0;
	}
	int r = waiters_wait(&semaphore->waiters, &latch);
	if (r < 0 && latch.state == LATCH_SET) {
		semaphore->value++;
		wake_next(semaphore);
	} else if (r == 0 && semaphore->value > 0) {
		wake_next(semaphore);
	}
	return r;
}

int coro_semaphore_release(struct coro_semaphore *semaphore)
{
	if (!semaphore)
		return -EINVAL;
	if (semaphore->value >= semaphore->bound)
		return -EOVERFLOW;
	semaphore->value++;
	wake_next(semaphore);
	return 0;
}
