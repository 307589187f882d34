/* SPDX-License-Identifier: MIT */
#include "core/fail.h"
#include "sync/waiters.h"

#include <errno.h>

void coro_event_init(struct coro_event *event)
{
	if (!event)
		return;
	waiters_init(&event->waiters);
	event->set = false;
}

static const struct wait_kind waiting = {
	.leave = waiter_leave, .what = "an event", .call = "coro_event_wait"};

int coro_event_wait(struct coro_event *event)
{
	struct waiter waiter;
	if (!event)
		return fail_with(-EINVAL, "coro_event_wait: the event is NULL");
	return event->set ? 0 : waiters_wait(&event->waiters, &waiter, &waiting);
}

int coro_event_set(struct coro_event *event)
{
	if (!event)
		return fail_with(-EINVAL, "coro_event_set: the event is NULL");
	int r = waiters_check(&event->waiters);
	if (r < 0 || event->set)
		return r;
	event->set = true;
	waiters_wake(&event->waiters, SIZE_MAX);
	return 0;
}

void coro_event_clear(struct coro_event *event)
{
	if (event)
		event->set = false;
}

bool coro_event_is_set(const struct coro_event *event)
{
	return event && event->set;
}
