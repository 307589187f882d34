/* SPDX-License-Identifier: MIT */
/*
 * Cancels a future. The request goes down the chain of tasks that wait for one another, without
 * recursion, and is delivered at its end: if the last task waits for a plain future, the future
 * is cancelled and wakes it, and else task_cancel in sched/park.c wakes it with -ECANCELED.
 */
#include "base/error.h"
#include "core/fail.h"
#include "task/gather.h"
#include "task/shield.h"
#include "task/task.h"

#include <errno.h>

/* How many tasks there are from this one to the one that waits for the gather. */
static size_t chain_length(const struct coro_future *future, const struct coro_future *gather)
{
	size_t length = 0;
	for (; future != gather; future = task_awaited(task_of(future)))
		length++;
	return length;
}

/*
 * A request has come to a gather a second time, round a cycle. The tasks that it has passed twice
 * count it once.
 */
static void count_once(struct coro_future *again, struct coro_future *gather)
{
	struct coro_future *first = gather_cancelled_by(gather);
	size_t before = chain_length(first, gather), now = chain_length(again, gather);
	for (; before > now; before--)
		first = task_awaited(task_of(first));
	for (; now > before; now--)
		again = task_awaited(task_of(again));
	while (again != first) {
		again = task_awaited(task_of(again));
		first = task_awaited(task_of(first));
	}
	for (; again != gather; again = task_awaited(task_of(again)))
		task_of(again)->cancels--;
}

/*
 * Goes down the chain of tasks that wait for one another, and cancels what the last one waits for.
 * If that is a gather, it becomes *gather, and its children are cancelled next.
 */
static bool cancel_chain(struct coro_future *future, struct failure *message, unsigned level,
			 struct coro_future **gather)
{
	struct task *last = NULL;
	struct coro_future *first = future;
	if (future->done) {
		future_retrieved(future); /* asyncio has it so */
		return false;
	}
	for (; is_task(future); future = task_awaited(last)) {
		last = task_of(future);
		if (unlikely(task_shields(last) > level) && shield_hold(last, level, message))
			return true;
		last->cancels++;
		if (unlikely(last->sched->trace != NULL))
			last->sched->trace->cancel(last->sched, last);
		if (!task_cancel(last, message))
			return true;
		level = 0;
	}
	if (future->kind == FUTURE_GATHER) {
		if (gather_cancel_begin(future, *gather, first, last)) {
			*gather = future;
			return false;
		}
		count_once(first, future);
	}
	future_finish(future, -ECANCELED, NULL, failure_ref(message));
	return true;
}

bool future_cancel_from(struct coro_future *future, struct failure *message, unsigned level)
{
	struct coro_future *gather = NULL;
	bool cancelled = cancel_chain(future, message, level, &gather);
	while (gather) {
		struct coro_future *child = gather_cancel_next(gather, cancelled);
		cancelled = child ? cancel_chain(child, message, 0, &gather)
				  : gather_cancel_end(&gather, message);
	}
	return cancelled;
}

bool future_cancel_with(struct coro_future *future, struct failure *message)
{
	return future_cancel_from(future, message, 0);
}

int coro_cancel(struct coro_future *future)
{
	if (!future)
		return fail_with(-EINVAL, "coro_cancel: the future is NULL");
	if (unlikely(future->sched->thread != thread_current || future->sched->closed))
		return sched_check(future->sched);
	return future_cancel(future);
}

int coro_cancel_with_at(const char *site, struct coro_future *future, const char *format, ...)
{
	int r = future ? sched_check(future->sched)
		       : fail_with(-EINVAL, "coro_cancel_with: the future is NULL");
	if (r < 0)
		return r;
	if (future->done)
		return future_cancel(future);
	struct failure *message = NULL;
	if (format) {
		va_list args;
		va_start(args, format);
		message = failure_create(-ECANCELED, site, format, args);
		va_end(args);
	}
	r = future_cancel_with(future, message);
	failure_unref(message);
	return r;
}
