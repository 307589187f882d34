/* SPDX-License-Identifier: MIT */
#include "loop/exception.h"

#include "base/error.h"
#include "base/hooks.h"
#include "core/fail.h"
#include "loop/loop.h"

#include <errno.h>

/* -- the handler */

static int check(const struct coro_loop *loop, const struct coro_report *report)
{
	if (!loop || !report)
		return fail_with(-EINVAL, "the loop or the report is NULL");
	return loop->thread == thread_current ? 0
					      : fail_with(-EPERM, "the loop is another thread's");
}

int coro_loop_set_exception_handler(struct coro_loop *loop, coro_exception_handler *fn, void *arg)
{
	if (!loop)
		return fail_with(-EINVAL, "coro_loop_set_exception_handler: the loop is NULL");
	if (loop->thread != thread_current)
		return fail_with(-EPERM,
				 "coro_loop_set_exception_handler: the loop is another thread's");
	loop->handler = fn;
	loop->handler_arg = fn ? arg : NULL;
	return 0;
}

coro_exception_handler *coro_loop_exception_handler(const struct coro_loop *loop, void **ret)
{
	if (!loop)
		return NULL;
	if (ret)
		*ret = loop->handler_arg;
	return loop->handler;
}

int coro_loop_call_exception_handler(struct coro_loop *loop, const struct coro_report *report)
{
	int r = check(loop, report);
	if (r < 0)
		return r;
	if (!loop->handler)
		return coro_loop_default_exception_handler(loop, report);
	loop->handler(loop, report, loop->handler_arg);
	return 0;
}

int coro_loop_default_exception_handler(struct coro_loop *loop, const struct coro_report *report)
{
	int r = check(loop, report);
	if (r == 0 && loop->reports)
		hooks.report(report);
	return r;
}

/* -- futures */

void report_future(struct coro_future *future, const char *message)
{
	struct coro_report report = {.message = message, .future = future};
	if (future->done && future->status < 0) {
		report.error = future->status;
		report.error_message =
			future->failure ? future->failure->message : coro_strerror(future->status);
		report.origin = future->failure ? future->failure->site : NULL;
	}
	coro_loop_call_exception_handler(future->loop, &report);
}

static const char *message_of(const struct coro_future *future, const char *task, const char *plain)
{
	if (future->shielded)
		return "exception in shielded future";
	return is_task(future) ? task : plain;
}

/* The handler may take a reference, and so keep it. */
static void report_and_drop(struct coro_future *future)
{
	report_future(future, message_of(future, "Task exception was never retrieved",
					 "Future exception was never retrieved"));
	future_unref(future);
}

/*
 * A handler is never called where the library is at work: a task's last reference goes on a stack
 * that is free already, and others go in the middle of some wait's end. While the loop runs, its
 * runner calls the handler.
 */
bool report_lost(struct coro_future *future)
{
	struct coro_loop *loop = future->loop;
	if (future->status == -ECANCELED || future->retrieved ||
	    !(loop->handler || loop->reports) || loop->thread != thread_current)
		return false;
	future_retrieved(future);
	future->refs = 1;
	list_remove(&future->waiters);
	if (loop->runner || loop->discarding) {
		list_append(&loop->unheard, &future->waiters);
		loop_cut(loop, 0);
	} else {
		report_and_drop(future);
	}
	return true;
}

void report_unheard(struct coro_loop *loop)
{
	struct list *link;
	while ((link = list_pop(&loop->unheard)))
		report_and_drop(container_of(link, struct coro_future, waiters));
}

void report_all_told(struct coro_loop *loop)
{
	list_append_all(&loop->failed, &loop->failing);
}

void report_note_failed(struct coro_future *future)
{
	struct coro_loop *loop = future->loop;
	size_t turn_end = loop->cut ? loop->uncut_end : loop->turn_end;
	if (loop->failing_end != turn_end)
		report_all_told(loop);
	loop->failing_end = turn_end;
	list_append(&loop->failing, &future->waiters);
}

static void forget_promises(const struct list *failing)
{
	list_for_each(link, failing) {
		struct coro_future *future = container_of(link, struct coro_future, waiters);
		if (future->retrieved == RETRIEVED_NEXT_TURN)
			future->retrieved = RETRIEVED_NOT;
	}
}

void report_nobody_told(struct coro_loop *loop)
{
	if (loop->failing_end == loop->turn_end)
		forget_promises(&loop->failing);
	report_all_told(loop);
}

void report_held(struct coro_loop *loop)
{
	struct list *link;
	report_all_told(loop);
	while ((link = list_pop(&loop->failed))) {
		struct coro_future *future = container_of(link, struct coro_future, waiters);
		if (future->retrieved || loop->fork_count != fork_count)
			continue;
		future_retrieved(future_ref(future));
		report_future(
			future,
			message_of(future,
				   "Task exception was not retrieved by the end of its loop",
				   "Future exception was not retrieved by the end of its loop"));
		future_unref(future); /* the handler may have given the last other one back */
	}
}
