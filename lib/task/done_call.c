/* SPDX-License-Identifier: MIT */
#include "task/done_call.h"

#include "base/memory.h"
#include "core/fail.h"
#include "task/task.h"

#include <errno.h>
#include <stdlib.h>

static void run_done_call(struct call *call)
{
	struct done_call *done_call = container_of(call, struct done_call, call);
	done_call->done(done_call);
}

static void queue_done_call(struct done_callback *on_done, struct coro_future *future)
{
	call_push(future->sched, &container_of(on_done, struct done_call, on_done)->call);
}

static void done_call_init(struct done_call *done_call, struct coro_future *future,
			   void (*done)(struct done_call *done_call))
{
	*done_call = (struct done_call){
		.on_done.notify = queue_done_call,
		.call = {.run = run_done_call, .position = CALL_IDLE},
		.future = future,
		.done = done,
	};
	list_init(&done_call->on_done.link);
}

void done_call_add(struct done_call *done_call, struct coro_future *future,
		   void (*done)(struct done_call *done_call))
{
	done_call_init(done_call, future, done);
	if (future->done)
		queue_done_call(&done_call->on_done, future);
	else
		list_append(&future->callbacks, &done_call->on_done.link);
}

void done_call_remove(struct done_call *done_call)
{
	list_remove(&done_call->on_done.link);
	call_remove(done_call->future->sched, &done_call->call);
}

/* -- several */

int done_calls_init(struct done_calls *done_calls, struct sched *sched, size_t count)
{
	done_calls->sched = sched;
	done_calls->count = count;
	done_calls->all = count <= DONE_CALLS_FEW
				  ? done_calls->few
				  : memory_alloc_zeroed(count, sizeof(*done_calls->all));
	if (!done_calls->all)
		return fail_code(-ENOMEM);
	int r = sched_reserve(sched, 0, count);
	if (r < 0 && done_calls->all != done_calls->few)
		free(done_calls->all);
	return r;
}

void done_calls_begin(struct done_calls *done_calls, struct coro_future *const *futures,
		      void (*done)(struct done_call *done_call))
{
	for (size_t i = 0; i < done_calls->count; i++) {
		struct owned_done_call *owned = &done_calls->all[i];
		struct coro_future *future = future_ref(futures[i]);
		owned->done_calls = done_calls;
		done_call_init(&owned->done_call, future, done);
		if (!future->done)
			list_append(&future->callbacks, &owned->done_call.on_done.link);
	}
	for (size_t i = 0; i < done_calls->count; i++)
		if (futures[i]->done)
			done(&done_calls->all[i].done_call);
}

void done_calls_begin_once(struct done_calls *done_calls, struct coro_future *const *futures,
			   void (*done)(struct done_call *done_call))
{
	size_t named = done_calls->count;
	done_calls->count = 0;
	for (size_t i = 0; i < named; i++) {
		if (futures[i]->marked)
			continue;
		futures[i]->marked = true;
		struct owned_done_call *owned = &done_calls->all[done_calls->count++];
		owned->done_calls = done_calls;
		done_call_add(&owned->done_call, future_ref(futures[i]), done);
	}
	for (size_t i = 0; i < named; i++)
		futures[i]->marked = false;
	sched_release(done_calls->sched, 0, named - done_calls->count);
}

void done_calls_finish(struct done_calls *done_calls)
{
	sched_release(done_calls->sched, 0, done_calls->count);
	if (done_calls->all != done_calls->few)
		free(done_calls->all);
}

void done_calls_end(struct done_calls *done_calls)
{
	for (size_t i = 0; i < done_calls->count; i++) {
		done_call_remove(&done_calls->all[i].done_call);
		coro_future_unref(done_calls->all[i].done_call.future);
	}
	done_calls_finish(done_calls);
}
