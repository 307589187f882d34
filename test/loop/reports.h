/* SPDX-License-Identifier: MIT */
/* Reports as words of the trace, and bodies that fail. */
#ifndef TEST_LOOP_REPORTS_H
#define TEST_LOOP_REPORTS_H

#include "tasks.h"

/* "message-initials|name|error|words", a word of the trace for each report. */
static inline void hear(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	const char *name = coro_is_task(report->future) ? coro_task_name(report->future) : "-";
	const char *what = strstr(report->message, "never retrieved")     ? "unheard"
			   : strstr(report->message, "not retrieved by")  ? "held"
			   : strstr(report->message, "but it is pending") ? "pending"
									  : report->message;
	trace("%s:%s:%d%s%s", what, name, -report->error, report->error_message ? ":" : "",
	      report->error_message ? report->error_message : "");
	if (arg)
		((void (*)(const struct coro_report *report))arg)(report);
}

static inline void hear_with(struct coro_loop *from, void (*more)(const struct coro_report *report))
{
	ck_assert_int_eq(coro_loop_set_exception_handler(from, hear, (void *)more), 0);
}

static inline void setup(void)
{
	unsetenv("CORO_DEBUG");
	setenv("CORO_REPORTS", "0", 1); /* what the default says: test/debug/report_test.c */
	loop_setup();
	hear_with(loop, NULL);
}

static inline int fails(void *arg)
{
	int delay = (int)(intptr_t)arg;
	if (delay)
		coro_sleep(delay);
	return coro_raise(-EIO, "torn");
}

static inline int waits(void *arg)
{
	return coro_sleep(1000);
}

static inline struct coro_future *failed_future(void)
{
	struct coro_future *future = make_future();
	ck_assert_int_eq(coro_future_set_error(future, coro_raise(-EIO, "torn")), 0);
	return future;
}

static inline struct coro_future *failed_task(void)
{
	struct coro_future *task = spawn(fails, NULL);
	run();
	ck_assert(coro_future_done(task));
	return task;
}

/* Bodies that use a failed task, to which they hold the only reference. */

static inline struct coro_future *failing(int delay)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_spawn(fails, (void *)(intptr_t)delay, &task), 0);
	return task;
}

static inline int drop(struct coro_future *task)
{
	coro_future_unref(task);
	return 0;
}

static inline void call_nothing(void *arg)
{
}

static inline int steps(void *word)
{
	for (int i = 0; i < 3; i++) {
		trace("%s", (const char *)word);
		coro_task_yield();
	}
	return 0;
}

static inline int drops_two(void *arg)
{
	struct coro_future *first = failing(0), *second = failing(0);
	coro_sleep(1);
	coro_future_unref(second);
	coro_future_unref(first);
	trace("dropped");
	coro_task_yield();
	trace("after");
	return 0;
}

#endif
