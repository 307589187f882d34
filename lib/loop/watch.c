/* SPDX-License-Identifier: MIT */
#include "loop/watch.h"

#include "loop/future.h"
#include "loop/loop.h"

static void run_watch(struct call *call)
{
	struct watch *watch = container_of(call, struct watch, call);
	watch->done(watch);
}

static void queue_watch(struct waiter *waiter, struct coro_future *future)
{
	call_push(future->loop, &container_of(waiter, struct watch, waiter)->call);
}

void watch_add(struct watch *watch, struct coro_future *future, void (*done)(struct watch *watch))
{
	*watch = (struct watch){
		.waiter.notify = queue_watch,
		.call = {.run = run_watch, .position = CALL_IDLE},
		.future = future,
		.done = done,
	};
	list_init(&watch->waiter.link);
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
