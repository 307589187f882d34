/* SPDX-License-Identifier: MIT */
#include "loop/deadlock.h"

#include "base/text.h"
#include "loop/loop.h"

#include <errno.h>

enum {
	NAMED = 8, /* tasks that are named; the others are counted */
	ROOM = 800,
};

static void add_wait(struct text *text, const struct task_wait *wait)
{
	char what[128];
	wait_describe(wait, what, sizeof(what));
	text_add(text, " waits in %s", what);
}

static void add_task(struct text *text, const struct task *task)
{
	text_add(text, " %u", task->number);
	if (task->coro.name)
		text_add(text, " %s", task->coro.name);
	if (task->coro.site)
		text_add(text, " (%s)", task->coro.site);
	if (task->coro.frame && task_wait(task)->kind)
		add_wait(text, task_wait(task));
	else
		text_add(text, " is ready");
}

/* Adds the tasks, and what each waits for. */
static void add_tasks(struct text *text, const struct coro_loop *loop)
{
	size_t count = 0;
	list_for_each(link, &loop->tasks.all) {
		if (count++ >= NAMED)
			continue;
		text_add(text, "%s", count > 1 ? ";" : ": task");
		add_task(text, &container_of(link, struct spawned, all)->task);
	}
	if (count > NAMED)
		text_add(text, "; and %zu more", count - NAMED);
}

void (*loop_deadlocked)(const struct coro_loop *loop);

int fail_deadlock(const struct coro_loop *loop)
{
	if (list_empty(&loop->tasks.all))
		return fail_with(-EDEADLK, "nothing is left to wait for, and there is no task");
	if (sched_of(loop)->debug && loop_deadlocked)
		loop_deadlocked(loop);
	char chars[ROOM];
	struct text text = {chars, sizeof(chars), 0};
	add_tasks(&text, loop);
	return fail_format(-EDEADLK, NULL, "nothing is left to wait for%s", chars);
}

int fail_turns(const struct coro_loop *loop)
{
	char chars[ROOM] = "";
	struct text text = {chars, sizeof(chars), 0};
	add_tasks(&text, loop);
	return fail_format(-ELOOP, NULL, "the run has made its %llu turns%s",
			   (unsigned long long)sched_of(loop)->max_turns, chars);
}
