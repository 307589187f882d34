/* SPDX-License-Identifier: MIT */
#include "task/future.h"

#include "base/error.h"
#include "base/memory.h"
#include "core/fail.h"
#include "task/gather.h"
#include "task/local.h"
#include "task/report.h"
#include "task/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* -- life */

int future_create(struct sched *sched, struct coro_future **ret)
{
	int r = sched_check(sched);
	if (r < 0 || !ret)
		return r < 0 ? r : fail_with(-EINVAL, "coro_future_create: ret is NULL");
	struct coro_future *future = slab_alloc(&tasks_of(sched)->futures_slab);
	if (!future)
		return fail_code(-ENOMEM);
	future_init(future, sched);
	*ret = future;
	return 0;
}

int coro_future_create(struct coro_loop *loop, struct coro_future **ret)
{
	return future_create(sched_of(loop), ret);
}

struct coro_future *coro_future_ref(struct coro_future *future)
{
	if (future)
		future->refs++;
	return future;
}

static int remove_callbacks(struct coro_future *future, coro_callback *fn, void *arg);

void coro_future_unref(struct coro_future *future)
{
	if (future)
		future_unref(future);
}

void future_free(struct coro_future *future)
{
	struct sched *sched = future->sched;
	if (future->status < 0 && report_lost(future))
		return;
	if (future->status < 0 && future->status != -ECANCELED)
		list_remove(&future->callbacks); /* out of the list of failed futures */
	else if (!list_empty(&future->callbacks))
		remove_callbacks(future, NULL, NULL);
	if (unlikely(future->failure != NULL))
		failure_unref(future->failure);
	slab_free(is_task(future) ? (void *)task_of(future) : future);
	sched_unref(sched);
}

/* -- results */

void future_finish(struct coro_future *future, int status, void *value, struct failure *failure)
{
	future_ref(future);
	future_finish_held(future, status, value, failure);
	if (status < 0 && status != -ECANCELED && future->kind == FUTURE_PLAIN)
		report_note_failed(future);
	future_unref(future);
}

int future_result(const struct coro_future *future, void **ret)
{
	future_retrieved(future);
	if (future->status < 0)
		return fail_again(future->status, future->failure);
	if (ret)
		*ret = future->value;
	return future->status;
}

/* Returns 0 if the caller may set its result. */
static int check_settable(const struct coro_future *future)
{
	if (!future)
		return fail_with(-EINVAL, "coro_future_set_result, _set_error: the future is NULL");
	if (future->kind != FUTURE_PLAIN)
		return fail_with(
			-EPERM,
			"coro_future_set_result, _set_error: a task's result is for its body alone to give");
	int r = sched_check(future->sched);
	if (r < 0)
		return r;
	return future->done ? fail_expected(-EALREADY, "the future is done already") : 0;
}

int coro_future_set_result(struct coro_future *future, void *value)
{
	int r = check_settable(future);
	if (r == 0)
		future_finish(future, 0, value, NULL);
	return r;
}

int coro_future_set_error(struct coro_future *future, int error)
{
	if (error >= 0)
		return fail_with(-EINVAL, "coro_future_set_error: the error is not negative");
	int r = check_settable(future);
	if (r < 0)
		return r;
	future_finish(future, error, NULL, fail_message(error));
	return 0;
}

struct coro_loop *coro_future_loop(const struct coro_future *future)
{
	return future ? sched_loop(future->sched) : NULL;
}

bool coro_future_done(const struct coro_future *future)
{
	return future && future->done;
}

bool coro_future_cancelled(const struct coro_future *future)
{
	return future && future->done && future->status == -ECANCELED;
}

int coro_future_result(const struct coro_future *future, void **ret)
{
	if (!future)
		return fail_with(-EINVAL, "coro_future_result: the future is NULL");
	if (future->sched->thread != thread_current)
		return fail_with(-EPERM, "coro_future_result: the future is another thread's");
	return future->done ? future_result(future, ret)
			    : fail_expected(-EAGAIN, "the future is not done");
}

const char *coro_future_message(const struct coro_future *future)
{
	if (!future || !future->done || future->status >= 0)
		return NULL;
	future_retrieved(future);
	return future->failure ? future->failure->message : coro_strerror(future->status);
}

const char *coro_future_origin(const struct coro_future *future)
{
	if (!future || !future->done || future->status >= 0 || !future->failure)
		return NULL;
	return future->failure->site;
}

int future_describe(const struct coro_future *future, char *text, size_t size)
{
	if (future->kind == FUTURE_GATHER)
		return gather_describe(future, text, size);
	if (!is_task(future))
		return snprintf(text, size, "a future");
	const char *name = task_of(future)->coro.name;
	return snprintf(text, size, "task %u%s%s", task_of(future)->number, name ? " " : "",
			name ? name : "");
}

/* -- callbacks */

/* A done callback of the program. When the future is done it becomes a call. */
struct user_callback {
	struct done_callback on_done;
	struct call call;
	coro_callback *fn;
	void *arg;
	struct coro_future *future; /* held from when it is done until the call is made */
	struct locals *locals;      /* the task-local values it inherits */
};

static void callback_free(struct user_callback *callback)
{
	locals_unref(callback->locals);
	free(callback);
}

static void run_callback(struct call *call)
{
	struct user_callback *callback = container_of(call, struct user_callback, call);
	coro_callback *fn = callback->fn;
	void *arg = callback->arg;
	struct coro_future *future = callback->future;
	struct locals *locals = callback->locals;
	sched_release(future->sched, 0, 1);
	free(callback);
	locals_call(locals, fn, arg);
	future_unref(future);
}

void callback_discard(struct call *call)
{
	if (call->run != run_callback)
		return;
	struct user_callback *callback = container_of(call, struct user_callback, call);
	future_unref(callback->future);
	callback_free(callback);
}

coro_callback *callback_function(const struct call *call)
{
	return call->run == run_callback ? container_of(call, struct user_callback, call)->fn
					 : NULL;
}

static void queue_callback(struct done_callback *on_done, struct coro_future *future)
{
	struct user_callback *callback = container_of(on_done, struct user_callback, on_done);
	future_ref(future);
	call_push(future->sched, &callback->call);
}

int coro_future_add_done_callback(struct coro_future *future, coro_callback *fn, void *arg)
{
	if (!future || !fn)
		return fail_with(-EINVAL,
				 "coro_future_add_done_callback: the future or fn is NULL");
	int r = sched_check(future->sched);
	if (r < 0)
		return r;
	struct user_callback *callback = memory_alloc(sizeof(*callback));
	if (!callback)
		return fail_code(-ENOMEM);
	r = sched_reserve(future->sched, 0, 1);
	if (r < 0) {
		free(callback);
		return r;
	}
	*callback = (struct user_callback){
		.on_done.notify = queue_callback,
		.call.run = run_callback,
		.fn = fn,
		.arg = arg,
		.future = future,
		.locals = locals_inherit(thread_current),
	};
	if (future->done)
		queue_callback(&callback->on_done, future);
	else
		list_append(&future->callbacks, &callback->on_done.link);
	return 0;
}

/* Removes the callbacks with this fn and arg; all of them if fn is NULL. */
static int remove_callbacks(struct coro_future *future, coro_callback *fn, void *arg)
{
	int count = 0;
	if (future->done && !future->sched->closed)
		return 0; /* they are calls already */
	for (struct list *link = future->callbacks.next, *next; link != &future->callbacks;
	     link = next) {
		next = link->next;
		struct done_callback *on_done = container_of(link, struct done_callback, link);
		if (on_done->notify != queue_callback)
			continue;
		struct user_callback *callback =
			container_of(on_done, struct user_callback, on_done);
		if (fn && (callback->fn != fn || callback->arg != arg))
			continue;
		list_remove(link);
		sched_release(future->sched, 0, 1);
		callback_free(callback);
		count++;
	}
	return count;
}

int coro_future_remove_done_callback(struct coro_future *future, coro_callback *fn, void *arg)
{
	if (!future || !fn)
		return fail_with(-EINVAL,
				 "coro_future_remove_done_callback: the future or fn is NULL");
	int r = sched_check(future->sched);
	return r < 0 ? r : remove_callbacks(future, fn, arg);
}
