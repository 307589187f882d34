/* SPDX-License-Identifier: MIT */
#include "loop/guest.h"

#include "coro/guest.h"
#include "loop/loop.h"

#include <errno.h>

static void tell(struct coro_loop *loop, int64_t due)
{
	struct guest *guest = &loop->guest;
	guest->told = due;
	guest->telling = true;
	guest->fn(guest->arg);
	guest->telling = false;
}

void guest_notice(struct coro_loop *loop)
{
	int64_t due = loop_due(loop);
	if (due < loop->guest.told && !loop->guest.telling)
		tell(loop, due);
}

void guest_host(struct coro_loop *loop)
{
	if (loop->guest.hosted)
		return;
	loop->guest.hosted = true;
	if (!loop->runner)
		guest_asleep(loop);
}

void guest_awake(struct coro_loop *loop)
{
	loop->noticing = false;
	/* In a child made by fork, the fd is the parent's. */
	if (loop->guest.asleep && loop->fork_count == fork_count)
		inbox_awake(&loop->inbox);
	loop->guest.asleep = false;
}

void guest_asleep(struct coro_loop *loop)
{
	struct guest *guest = &loop->guest;
	if (guest->hosted) {
		/* Before, lest the poller takes for itself what is for the host. */
		loop->poller->ops->settle(loop->poller);
		guest->asleep = true;
		inbox_asleep(&loop->inbox, CORO_FOREVER);
	}
	if (!guest->fn)
		return;
	loop->noticing = true;
	tell(loop, loop_due(loop));
}

int64_t coro_loop_timeout(const struct coro_loop *loop)
{
	int r = loop_check(loop);
	if (r < 0)
		return r;
	int64_t due = loop_due(loop);
	if (due == 0 || due == CORO_FOREVER)
		return due;
	int64_t left = due - coro_clock();
	return left > 0 ? left : 0;
}

int coro_loop_run_once(struct coro_loop *loop)
{
	int r = loop_run_turn(loop);
	return r < 0 ? r : loop_has_more(loop);
}

int coro_loop_set_timeout_callback(struct coro_loop *loop, coro_callback *fn, void *arg)
{
	int r = loop_check(loop);
	if (r < 0)
		return r;
	loop->guest.fn = fn;
	loop->guest.arg = arg;
	loop->guest.told = loop_due(loop);
	loop->noticing = fn && !loop->runner;
	return 0;
}
