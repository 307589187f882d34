/* SPDX-License-Identifier: MIT */
#include "loop/embed.h"

#include "coro/embed.h"
#include "loop/loop.h"

#include <errno.h>

static void tell(struct coro_loop *loop, int64_t due)
{
	struct embed *embed = &loop->embed;
	embed->told = due;
	embed->telling = true;
	embed->fn(embed->arg);
	embed->telling = false;
}

static void notice(struct coro_loop *loop)
{
	int64_t due = loop_due(loop);
	if (due < loop->embed.told && !loop->embed.telling)
		tell(loop, due);
}

void embed_expose(struct coro_loop *loop)
{
	if (loop->embed.embedded)
		return;
	loop->embed.embedded = true;
	if (!loop->runner)
		embed_asleep(loop);
}

void embed_awake(struct coro_loop *loop)
{
	loop->notice = NULL;
	/* In a child made by fork, the fd is the parent's. */
	if (loop->embed.asleep && loop_is_own(loop))
		inbox_awake(&loop->inbox);
	loop->embed.asleep = false;
}

void embed_asleep(struct coro_loop *loop)
{
	struct embed *embed = &loop->embed;
	if (embed->embedded) {
		/* Before, lest the poller takes for itself what is for the host. */
		loop->poller->settle(loop->poller);
		embed->asleep = true;
		inbox_asleep(&loop->inbox, CORO_FOREVER);
	}
	if (!embed->fn)
		return;
	loop->notice = notice;
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

int coro_loop_set_timeout_callback(struct coro_loop *loop, coro_callback *fn, void *arg)
{
	int r = loop_check(loop);
	if (r < 0)
		return r;
	loop->embed.fn = fn;
	loop->embed.arg = arg;
	loop->embed.told = loop_due(loop);
	loop->notice = fn && !loop->runner ? notice : NULL;
	return 0;
}
