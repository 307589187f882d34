/* SPDX-License-Identifier: MIT */
/* Handles: callbacks of the program, now or at a time. */
#include "loop/handle.h"

#include "base/list.h"
#include "core/fail.h"
#include "loop/loop.h"
#include "task/local.h"

#include <errno.h>

enum handle_state { HANDLE_QUEUED, HANDLE_CANCELLED, HANDLE_RAN };

struct coro_handle {
	struct timer timer;
	coro_callback *fn;
	void *arg;
	struct coro_loop *loop; /* holds a reference */
	struct locals *locals;  /* the task-local values it inherits, until it runs */
	int64_t when;
	unsigned refs; /* the loop's until it has run or is cancelled, and the caller's */
	enum handle_state state;
};

size_t handle_size(void)
{
	return sizeof(struct coro_handle);
}

void coro_handle_unref(struct coro_handle *handle)
{
	if (!handle || --handle->refs > 0)
		return;
	struct coro_loop *loop = handle->loop;
	locals_unref(handle->locals);
	slab_free(handle);
	sched_unref(sched_of(loop));
}

/* It has run or will not: gives the loop's reference back. */
static void handle_over(struct coro_handle *handle)
{
	sched_release(sched_of(handle->loop), 0, 1);
	coro_handle_unref(handle);
}

static void handle_run(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	struct coro_handle *handle = container_of(timer, struct coro_handle, timer);
	if (handle->state == HANDLE_QUEUED) {
		handle->state = HANDLE_RAN;
		struct locals *locals = handle->locals;
		handle->locals = NULL;
		locals_call(locals, handle->fn, handle->arg);
	}
	handle_over(handle);
}

bool handle_discard(struct call *call)
{
	if (call->run != handle_run)
		return false;
	struct timer *timer = container_of(call, struct timer, call);
	struct coro_handle *handle = container_of(timer, struct coro_handle, timer);
	handle->state = HANDLE_CANCELLED;
	coro_handle_unref(handle);
	return true;
}

coro_callback *handle_function(const struct call *call)
{
	if (call->run != handle_run)
		return NULL;
	const struct timer *timer = container_of(call, struct timer, call);
	const struct coro_handle *handle = container_of(timer, struct coro_handle, timer);
	return handle->state == HANDLE_QUEUED ? handle->fn : NULL;
}

static int handle_create(struct coro_loop *loop, coro_callback *fn, void *arg, int64_t when,
			 struct coro_handle **ret)
{
	struct sched *sched = sched_of(loop);
	int r = sched_reserve(sched, 0, 1);
	if (r < 0)
		return r;
	struct coro_handle *handle = slab_alloc(&loop->handles_slab);
	if (!handle) {
		sched_release(sched, 0, 1);
		return fail_code(-ENOMEM);
	}
	*handle = (struct coro_handle){
		.timer = {.call.run = handle_run, .node.place = HEAP_NONE},
		.fn = fn,
		.arg = arg,
		.loop = loop,
		.locals = locals_inherit(sched->thread),
		.when = when,
		.refs = 1,
	};
	sched->refs++;
	*ret = handle;
	return 0;
}

static void give(struct coro_handle *handle, struct coro_handle **ret)
{
	if (ret) {
		handle->refs++;
		*ret = handle;
	}
}

int coro_call_soon(struct coro_loop *loop, coro_callback *fn, void *arg, struct coro_handle **ret)
{
	struct sched *sched = sched_of(loop);
	struct coro_handle *handle;
	int r = sched_check(sched);
	if (r < 0 || !fn)
		return r < 0 ? r : fail_with(-EINVAL, "coro_call_soon: fn is NULL");
	r = handle_create(loop, fn, arg, 0, &handle);
	if (r < 0)
		return r;
	call_push(sched, &handle->timer.call);
	give(handle, ret);
	return 0;
}

int coro_call_at(struct coro_loop *loop, int64_t when, coro_callback *fn, void *arg,
		 struct coro_handle **ret)
{
	struct sched *sched = sched_of(loop);
	struct coro_handle *handle;
	int r = sched_check(sched);
	if (r < 0 || !fn)
		return r < 0 ? r : fail_with(-EINVAL, "coro_call_at, _later: fn is NULL");
	r = handle_create(loop, fn, arg, when, &handle);
	if (r < 0)
		return r;
	timer_arm(sched, &handle->timer, when);
	give(handle, ret);
	return 0;
}

int coro_call_later(struct coro_loop *loop, int64_t delay, coro_callback *fn, void *arg,
		    struct coro_handle **ret)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	return r < 0 ? r : coro_call_at(loop, time_after(sched_time(sched), delay), fn, arg, ret);
}

int coro_handle_cancel(struct coro_handle *handle)
{
	if (!handle)
		return fail_with(-EINVAL, "coro_handle_cancel: the handle is NULL");
	if (sched_of(handle->loop)->thread != thread_current)
		return fail_with(-EPERM, "coro_handle_cancel: the handle is another thread's");
	if (handle->state != HANDLE_QUEUED)
		return handle->state == HANDLE_RAN
			       ? fail_expected(-EALREADY, "coro_handle_cancel: it has run already")
			       : 0;
	handle->state = HANDLE_CANCELLED;
	/* A handle that is ready keeps its place, where it is passed over. */
	if (handle->timer.node.place != HEAP_NONE) {
		timer_disarm(sched_of(handle->loop), &handle->timer);
		handle_over(handle);
	}
	return 0;
}

bool coro_handle_cancelled(const struct coro_handle *handle)
{
	return handle && handle->state == HANDLE_CANCELLED;
}

int64_t coro_handle_when(const struct coro_handle *handle)
{
	return handle ? handle->when : fail_with(-EINVAL, "coro_handle_when: the handle is NULL");
}
