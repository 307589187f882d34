/* SPDX-License-Identifier: MIT */
#include "loop/embed.h"

#include "coro/embed.h"
#include "loop/loop.h"
#include "sched/poller.h"

#include <errno.h>

static void tell(struct coro_loop *loop, int64_t due)
{
	struct embed *embed = &loop->embed;
	embed->told = due;
	embed->telling = true;
	embed->fn(embed->arg);
	embed->telling = false;
}

static void notice(struct sched *sched)
{
	struct coro_loop *loop = sched_loop(sched);
	int64_t due = sched_due(sched_of(loop));
	if (due < loop->embed.told && !loop->embed.telling)
		tell(loop, due);
}

void embed_expose(struct coro_loop *loop)
{
	if (loop->embed.embedded)
		return;
	loop->embed.embedded = true;
	if (!sched_of(loop)->runner)
		embed_asleep(loop);
}

void embed_awake(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	sched->notice = NULL;
	/* In a child made by fork, the fd belongs to the parent. */
	if (loop->embed.asleep && sched_is_own(sched))
		inbox_awake(&sched->inbox);
	loop->embed.asleep = false;
}

void embed_asleep(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	struct embed *embed = &loop->embed;
	if (embed->embedded) {
		/* First, so that the poller leaves for the other loop what it has found. */
		sched->poller->settle(sched->poller);
		embed->asleep = true;
		inbox_asleep(&sched->inbox, CORO_FOREVER, false);
	}
	if (!embed->fn)
		return;
	sched->notice = notice;
	tell(loop, sched_due(sched));
}

int64_t coro_loop_timeout(const struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	int64_t due = sched_due(sched);
	if (due == 0 || due == CORO_FOREVER)
		return due;
	int64_t left = due - coro_clock();
	return left > 0 ? left : 0;
}

int coro_loop_set_timeout_callback(struct coro_loop *loop, coro_callback *fn, void *arg)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	loop->embed.fn = fn;
	loop->embed.arg = arg;
	loop->embed.told = sched_due(sched);
	sched->notice = fn && !sched->runner ? notice : NULL;
	return 0;
}
