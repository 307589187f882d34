/* SPDX-License-Identifier: MIT */
#include "sync/waiters.h"

#include <errno.h>

void coro_waitgroup_init(struct coro_waitgroup *group)
{
	if (!group)
		return;
	waiters_init(&group->waiters);
	group->count = 0;
}

int coro_waitgroup_add(struct coro_waitgroup *group, ptrdiff_t n)
{
	ptrdiff_t count;
	if (!group)
		return -EINVAL;
	int r = waiters_check(&group->waiters);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(group->count, n, &count))
		return -EOVERFLOW;
	if (count < 0)
		return -EINVAL;
	group->count = count;
	if (count == 0)
		waiters_wake(&group->waiters, SIZE_MAX);
	return 0;
}

int coro_waitgroup_done(struct coro_waitgroup *group)
{
	return coro_waitgroup_add(group, -1);
}

int coro_waitgroup_wait(struct coro_waitgroup *group)
{
	struct latch latch;
	if (!group)
		return -EINVAL;
	return group->count > 0 ? waiters_wait(&group->waiters, &latch) : 0;
}

size_t coro_waitgroup_count(const struct coro_waitgroup *group)
{
	return group ? (size_t)group->count : 0;
}
