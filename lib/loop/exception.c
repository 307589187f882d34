/* SPDX-License-Identifier: MIT */
#include "loop/exception.h"

#include "base/error.h"
#include "base/pieces.h"
#include "core/fail.h"
#include "loop/loop.h"
#include "task/report.h"

#include <errno.h>
#include <stdio.h>

/* -- the text of a report */

static void add_generator(struct pieces *text, const struct coro *generator)
{
	pieces_add(text, ": generator");
	if (generator->name) {
		pieces_add(text, " ");
		pieces_add(text, generator->name);
	}
	pieces_add_site(text, ", made at ", generator->site);
}

void exception_write(const struct coro_report *report)
{
	struct pieces text = {.count = 0};
	char number[24];
	pieces_add(&text, "coro: ");
	pieces_add(&text, report->message ? report->message : "Unhandled exception in event loop");
	if (report->future && is_task(report->future)) {
		pieces_add(&text, ": ");
		report_add_task(&text, report->future);
	}
	if (report->generator)
		add_generator(&text, report->generator);
	if (report->error) {
		snprintf(number, sizeof(number), " (error %d", report->error);
		pieces_add(&text, ": ");
		pieces_add(&text, report->error_message ? report->error_message
							: coro_strerror(report->error));
		pieces_add(&text, number);
		pieces_add_site(&text, ", raised at ", report->origin);
		pieces_add(&text, ")");
	}
	pieces_add(&text, "\n");
	pieces_write(&text);
}

/* -- the handler */

static int check(const struct coro_loop *loop, const struct coro_report *report)
{
	if (!loop || !report)
		return fail_with(-EINVAL, "the loop or the report is NULL");
	return sched_of(loop)->thread == thread_current
		       ? 0
		       : fail_with(-EPERM, "the loop is another thread's");
}

int coro_loop_set_exception_handler(struct coro_loop *loop, coro_exception_handler *fn, void *arg)
{
	if (!loop)
		return fail_with(-EINVAL, "coro_loop_set_exception_handler: the loop is NULL");
	if (sched_of(loop)->thread != thread_current)
		return fail_with(-EPERM,
				 "coro_loop_set_exception_handler: the loop is another thread's");
	loop->handler = fn;
	loop->handler_arg = fn ? arg : NULL;
	exception_note_handler(loop);
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
		exception_write(report);
	return r;
}

/* -- futures */

static void report(struct coro_future *future, const char *message)
{
	struct coro_report report = {.message = message, .future = future};
	if (future->done && future->status < 0) {
		report.error = future->status;
		report.error_message =
			future->failure ? future->failure->message : coro_strerror(future->status);
		report.origin = future->failure ? future->failure->site : NULL;
	}
	coro_loop_call_exception_handler(sched_loop(future->sched), &report);
}

void exception_note_handler(struct coro_loop *loop)
{
	loop->tasks.report = loop->handler || loop->reports ? report : NULL;
}
