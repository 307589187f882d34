/* SPDX-License-Identifier: MIT */
#include "loop/deadlock.h"

#include "loop/loop.h"

#include <errno.h>
#include <stdio.h>

/* A text with an end: what does not fit is left out. */
struct text {
	char chars[800];
	size_t length;
};

/* As many as are named; the others are counted. */
enum { NAMED = 8 };

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
	va_list args;
	size_t room = sizeof(text->chars) - text->length;
	va_start(args, format);
	int length = vsnprintf(text->chars + text->length, room, format, args);
	va_end(args);
	if (length > 0)
		text->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void add_wait(struct text *text, const struct wait *wait)
{
	char what[80];
	if (!wait->kind)
		return;
	wait_describe(wait, what, sizeof(what));
	add(text, " waits in %s", what);
}

static void add_task(struct text *text, const struct task *task)
{
	const struct coro_future *future = &task->future;
	add(text, " %u", future->number);
	if (task->coro.name)
		add(text, " %s", task->coro.name);
	if (task->coro.site)
		add(text, " (%s)", task->coro.site);
	if (task->coro.frame)
		add_wait(text, task_wait(task));
}

int fail_deadlock(const struct coro_loop *loop)
{
	if (list_empty(&loop->tasks))
		return fail_with(-EDEADLK, "nothing is left to wait for, and there is no task");
	struct text text = {.length = 0};
	size_t count = 0;
	list_for_each(link, &loop->tasks) {
		if (count++ >= NAMED)
			continue;
		add(&text, "%s", count > 1 ? ";" : ": task");
		add_task(&text, container_of(link, struct task, all));
	}
	if (count > NAMED)
		add(&text, "; and %zu more", count - NAMED);
	return fail_format(-EDEADLK, NULL, "nothing is left to wait for%s", text.chars);
}
