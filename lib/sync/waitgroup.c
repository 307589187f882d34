/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
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
		return fail_with(-EINVAL, "coro_waitgroup_add: the group is NULL");
	int r = waiters_check(&group->waiters);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(group->count, n, &count))
		return fail_with(-EOVERFLOW, "coro_waitgroup_add: the count is too large");
	if (count < 0)
		return fail_with(-EINVAL, "coro_waitgroup_add: the count would be below 0");
	group->count = count;
	if (count == 0)
		waiters_wake(&group->waiters, SIZE_MAX);
	return 0;
}

int coro_waitgroup_done(struct coro_waitgroup *group)
{
	return coro_waitgroup_add(group, -1);
}

static const struct wait_kind waiting = {
	.leave = waiter_leave, .what = "a wait group", .call = "coro_waitgroup_wait"};

int coro_waitgroup_wait(struct coro_waitgroup *group)
{
	struct waiter waiter;
	if (!group)
		return fail_with(-EINVAL, "coro_waitgroup_wait: the group is NULL");
	return group->count > 0 ? waiters_wait(&group->waiters, &waiter, &waiting) : 0;
}

size_t coro_waitgroup_count(const struct coro_waitgroup *group)
{
	return group ? (size_t)group->count : 0;
}
