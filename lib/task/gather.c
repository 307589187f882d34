/* SPDX-License-Identifier: MIT */
#include "task/gather.h"

#include "base/error.h"
#include "task/done_call.h"
#include "task/task.h"
#include "task/wait.h"

#include <stdio.h>

/*
 * The task awaits `outer`, as in asyncio, so that cancelling that can mean cancelling the children.
 */
struct gather {
	struct coro_future outer;
	struct done_calls done_calls;
	struct cleanup cleanup;
	size_t finished;
	bool failures_are_results;
	bool cancel_requested;
	struct failure *message; /* of the last request that cancelled a child */

	/* While its children are cancelled: */
	bool cancelling, any_cancelled;
	size_t next;
	struct coro_future *above;
	struct coro_future *first; /* the first of the chain of tasks that has led here */
	struct task *task;
};

static struct gather *gather_of(const struct coro_future *outer)
{
	return container_of((struct coro_future *)outer, struct gather, outer);
}

struct coro_future *gather_cancelled_by(struct coro_future *outer)
{
	return gather_of(outer)->first;
}

bool gather_cancel_begin(struct coro_future *outer, struct coro_future *above,
			 struct coro_future *first, struct task *task)
{
	struct gather *gather = gather_of(outer);
	if (gather->cancelling)
		return false;
	gather->first = first;
	gather->cancelling = true;
	gather->any_cancelled = false;
	gather->next = 0;
	gather->above = above;
	gather->task = task;
	return true;
}

struct coro_future *gather_cancel_next(struct coro_future *outer, bool cancelled)
{
	struct gather *gather = gather_of(outer);
	gather->any_cancelled |= cancelled;
	return gather->next < gather->done_calls.count
		       ? gather->done_calls.all[gather->next++].done_call.future
		       : NULL;
}

const size_t gather_children_at = offsetof(struct gather, done_calls);

const struct done_calls *gather_children(const struct coro_future *outer)
{
	return &gather_of(outer)->done_calls;
}

int gather_describe(const struct coro_future *outer, char *text, size_t size)
{
	const struct gather *gather = gather_of(outer);
	size_t count = gather->done_calls.count;
	return snprintf(text, size, "a gather, %zu of %zu left", count - gather->finished, count);
}

static void note_request(struct gather *gather, struct failure *message)
{
	gather->cancel_requested = true;
	failure_unref(gather->message);
	gather->message = failure_ref(message);
}

bool gather_cancel_end(struct coro_future **outer, struct failure *message)
{
	struct gather *gather = gather_of(*outer);
	gather->cancelling = false;
	if (gather->any_cancelled)
		note_request(gather, message);
	if (!gather->any_cancelled && gather->task)
		task_must_cancel(gather->task, message);
	*outer = gather->above;
	return gather->any_cancelled || gather->task;
}

/*
 * All children are done. The message of a cancellation is that of the child named last if it was
 * cancelled, otherwise that of the request.
 */
static void finish_gather(struct gather *gather)
{
	const struct coro_future *last =
		gather->done_calls.all[gather->done_calls.count - 1].done_call.future;
	if (!gather->cancel_requested)
		future_finish(&gather->outer, 0, NULL, NULL);
	else
		future_finish(&gather->outer, -ECANCELED, NULL,
			      failure_ref(last->status == -ECANCELED ? last->failure
								     : gather->message));
}

static void child_done(struct done_call *done_call)
{
	struct gather *gather = container_of(done_calls_of(done_call), struct gather, done_calls);
	struct coro_future *child = done_call->future;
	gather->finished++;
	if (!gather->failures_are_results)
		future_retrieved(child);
	if (gather->outer.done)
		return;
	if (child->status < 0 && !gather->failures_are_results)
		future_finish(&gather->outer, child->status, NULL, failure_ref(child->failure));
	else if (gather->finished == gather->done_calls.count)
		finish_gather(gather);
}

static void gather_finish(struct gather *gather)
{
	done_calls_end(&gather->done_calls);
	failure_unref(gather->outer.failure);
	failure_unref(gather->message);
	sched_unref(gather->outer.sched);
}

/*
 * The failures of its children are the gather's, also those of children that are not done yet: the
 * callbacks of asyncio ask for them too.
 */
static void gather_end(struct gather *gather)
{
	for (size_t i = 0; i < gather->done_calls.count; i++)
		future_retrieved_next_turn(gather->done_calls.all[i].done_call.future);
	gather_finish(gather);
}

/* Nobody gets its result. If it was there, the failures of the children count as asked for. */
static void gather_discard(struct cleanup *cleanup)
{
	struct gather *gather = container_of(cleanup, struct gather, cleanup);
	if (gather->outer.done)
		gather_end(gather);
	else
		gather_finish(gather);
}

static int gather(struct coro_future *const *futures, size_t count, struct coro_result *ret,
		  bool failures_are_results)
{
	struct task *task = task_running();
	int r = check_futures(task, futures, count);
	if (r < 0 || count == 0)
		return r;
	struct gather all = {.failures_are_results = failures_are_results};
	r = done_calls_init(&all.done_calls, task->sched, count);
	if (r < 0)
		return r;
	future_init(&all.outer, task->sched);
	all.outer.kind = FUTURE_GATHER;
	done_calls_begin(&all.done_calls, futures, child_done);
	cleanup_push(task, &all.cleanup, gather_discard);
	r = coro_await(&all.outer, NULL);
	cleanup_pop(&all.cleanup);
	for (size_t i = 0; r == 0 && ret && i < count; i++)
		ret[i] = (struct coro_result){futures[i]->status, futures[i]->value};
	gather_end(&all);
	return r;
}

int coro_gather(struct coro_future *const *futures, size_t count, struct coro_result *ret)
{
	return gather(futures, count, ret, false);
}

int coro_gather_all(struct coro_future *const *futures, size_t count, struct coro_result *ret)
{
	return gather(futures, count, ret, true);
}
