/* SPDX-License-Identifier: MIT */
#include "task/done_call.h"

#include "core/fail.h"
#include "task/task.h"

#include <errno.h>
#include <stdlib.h>

static void run_done_call(struct call *call)
{
	struct done_call *watch = container_of(call, struct done_call, call);
	watch->done(watch);
}

static void queue_done_call(struct done_callback *on_done, struct coro_future *future)
{
	call_push(future->sched, &container_of(on_done, struct done_call, on_done)->call);
}

static void done_call_init(struct done_call *watch, struct coro_future *future,
			   void (*done)(struct done_call *watch))
{
	*watch = (struct done_call){
		.on_done.notify = queue_done_call,
		.call = {.run = run_done_call, .position = CALL_IDLE},
		.future = future,
		.done = done,
	};
	list_init(&watch->on_done.link);
}

void done_call_add(struct done_call *watch, struct coro_future *future,
		   void (*done)(struct done_call *watch))
{
	done_call_init(watch, future, done);
	if (future->done)
		queue_done_call(&watch->on_done, future);
	else
		list_append(&future->waiters, &watch->on_done.link);
}

void done_call_remove(struct done_call *watch)
{
	list_remove(&watch->on_done.link);
	call_remove(watch->future->sched, &watch->call);
}

/* -- several */

int done_calls_init(struct done_calls *watches, struct sched *sched, size_t count)
{
	watches->sched = sched;
	watches->count = count;
	watches->all =
		count <= DONE_CALLS_FEW ? watches->few : calloc(count, sizeof(*watches->all));
	if (!watches->all)
		return fail_code(-ENOMEM);
	int r = sched_reserve(sched, 0, count);
	if (r < 0 && watches->all != watches->few)
		free(watches->all);
	return r;
}

void done_calls_begin(struct done_calls *watches, struct coro_future *const *futures,
		      void (*done)(struct done_call *watch))
{
	for (size_t i = 0; i < watches->count; i++) {
		struct owned_done_call *owned = &watches->all[i];
		struct coro_future *future = future_ref(futures[i]);
		owned->watches = watches;
		done_call_init(&owned->watch, future, done);
		if (!future->done)
			list_append(&future->waiters, &owned->watch.on_done.link);
	}
	for (size_t i = 0; i < watches->count; i++)
		if (futures[i]->done)
			done(&watches->all[i].watch);
}

void done_calls_begin_once(struct done_calls *watches, struct coro_future *const *futures,
			   void (*done)(struct done_call *watch))
{
	size_t named = watches->count;
	watches->count = 0;
	for (size_t i = 0; i < named; i++) {
		if (futures[i]->marked)
			continue;
		futures[i]->marked = true;
		struct owned_done_call *owned = &watches->all[watches->count++];
		owned->watches = watches;
		done_call_add(&owned->watch, future_ref(futures[i]), done);
	}
	for (size_t i = 0; i < named; i++)
		futures[i]->marked = false;
	sched_release(watches->sched, 0, named - watches->count);
}

void done_calls_finish(struct done_calls *watches)
{
	sched_release(watches->sched, 0, watches->count);
	if (watches->all != watches->few)
		free(watches->all);
}

void done_calls_end(struct done_calls *watches)
{
	for (size_t i = 0; i < watches->count; i++) {
		done_call_remove(&watches->all[i].watch);
		coro_future_unref(watches->all[i].watch.future);
	}
	done_calls_finish(watches);
}
