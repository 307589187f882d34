/* SPDX-License-Identifier: MIT */
#include "loop/watch.h"

#include "core/fail.h"
#include "loop/future.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>

static void run_watch(struct call *call)
{
	struct watch *watch = container_of(call, struct watch, call);
	watch->done(watch);
}

static void queue_watch(struct waiter *waiter, struct coro_future *future)
{
	call_push(future->loop, &container_of(waiter, struct watch, waiter)->call);
}

static void watch_init(struct watch *watch, struct coro_future *future,
		       void (*done)(struct watch *watch))
{
	*watch = (struct watch){
		.waiter.notify = queue_watch,
		.call = {.run = run_watch, .position = CALL_IDLE},
		.future = future,
		.done = done,
	};
	list_init(&watch->waiter.link);
}

void watch_add(struct watch *watch, struct coro_future *future, void (*done)(struct watch *watch))
{
	watch_init(watch, future, done);
	if (future->done)
		queue_watch(&watch->waiter, future);
	else
		list_append(&future->waiters, &watch->waiter.link);
}

void watch_remove(struct watch *watch)
{
	list_remove(&watch->waiter.link);
	call_remove(watch->future->loop, &watch->call);
}

/* -- several */

int watches_init(struct watches *watches, struct coro_loop *loop, size_t count)
{
	watches->loop = loop;
	watches->count = count;
	watches->all = count <= WATCHES_FEW ? watches->few : calloc(count, sizeof(*watches->all));
	if (!watches->all)
		return fail_code(-ENOMEM);
	int r = loop_reserve(loop, 0, count);
	if (r < 0 && watches->all != watches->few)
		free(watches->all);
	return r;
}

void watches_begin(struct watches *watches, struct coro_future *const *futures,
		   void (*done)(struct watch *watch))
{
	for (size_t i = 0; i < watches->count; i++) {
		struct owned_watch *owned = &watches->all[i];
		struct coro_future *future = future_ref(futures[i]);
		owned->watches = watches;
		watch_init(&owned->watch, future, done);
		if (!future->done)
			list_append(&future->waiters, &owned->watch.waiter.link);
	}
	for (size_t i = 0; i < watches->count; i++)
		if (futures[i]->done)
			done(&watches->all[i].watch);
}

void watches_begin_once(struct watches *watches, struct coro_future *const *futures,
			void (*done)(struct watch *watch))
{
	size_t named = watches->count;
	watches->count = 0;
	for (size_t i = 0; i < named; i++) {
		if (futures[i]->marked)
			continue;
		futures[i]->marked = true;
		struct owned_watch *owned = &watches->all[watches->count++];
		owned->watches = watches;
		watch_add(&owned->watch, future_ref(futures[i]), done);
	}
	for (size_t i = 0; i < named; i++)
		futures[i]->marked = false;
	loop_release(watches->loop, 0, named - watches->count);
}

void watches_finish(struct watches *watches)
{
	loop_release(watches->loop, 0, watches->count);
	if (watches->all != watches->few)
		free(watches->all);
}

void watches_end(struct watches *watches)
{
	for (size_t i = 0; i < watches->count; i++) {
		watch_remove(&watches->all[i].watch);
		coro_future_unref(watches->all[i].watch.future);
	}
	watches_finish(watches);
}
