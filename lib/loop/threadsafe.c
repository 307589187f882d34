/* SPDX-License-Identifier: MIT */
/* What other threads may do with a loop: hold it, and send it calls. */
#include "base/memory.h"
#include "core/fail.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>

int coro_loop_hold(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	if (!loop)
		return fail_with(-EINVAL, "coro_loop_hold: the loop is NULL");
	if (!sched_is_own(sched))
		return fail_with(-EOWNERDEAD, "the loop is the parent process's");
	sched_hold(sched);
	return 0;
}

void coro_loop_release(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	if (!loop)
		return;
	if (sched_is_own(sched))
		sched_unhold(sched);
	sched_let_go(sched);
}

struct threadsafe_call {
	struct message message;
	coro_callback *fn;
	void *arg;
};

static void drop_call(struct message *message)
{
	free(container_of(message, struct threadsafe_call, message));
}

static void run_call(struct message *message)
{
	struct threadsafe_call *call = container_of(message, struct threadsafe_call, message);
	coro_callback *fn = call->fn;
	void *arg = call->arg;
	free(call);
	fn(arg);
}

int coro_call_soon_threadsafe(struct coro_loop *loop, coro_callback *fn, void *arg)
{
	struct sched *sched = sched_of(loop);
	if (!loop || !fn)
		return fail_with(-EINVAL, "coro_call_soon_threadsafe: the loop or fn is NULL");
	if (sched->thread == thread_current)
		return coro_call_soon(loop, fn, arg, NULL);
	struct threadsafe_call *call = memory_alloc(sizeof(*call));
	if (!call)
		return fail_code(-ENOMEM);
	*call = (struct threadsafe_call){
		.message = {.run = run_call, .drop = drop_call},
		.fn = fn,
		.arg = arg,
	};
	int r = sched_post(sched, &call->message);
	if (r == 0)
		return 0;
	free(call);
	return fail_post(r);
}
