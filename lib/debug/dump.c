/* SPDX-License-Identifier: MIT */
#include "coro/debug.h"

#include "base/text.h"
#include "core/fail.h"
#include "coro/task.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* -- a task */

/* What a task is doing that waits in nothing; NULL for one that waits. */
static const char *idle_state(const struct task *task)
{
	if (future_of(task)->done)
		return "is done";
	if (task == task->sched->running)
		return "runs";
	if (task->coro.state == STATE_CREATED)
		return "has not started";
	return task_wait(task)->kind ? NULL : "is ready";
}

int coro_task_waiting(const struct coro_future *task, char *text, size_t size)
{
	if (!task || !is_task(task) || (!text && size > 0))
		return fail_with(-EINVAL, "coro_task_waiting: it is no task, or text is NULL");
	if (task->sched->thread != thread_current)
		return fail_with(-EPERM, "coro_task_waiting: the task is another thread's");
	const char *state = idle_state(task_of(task));
	return state ? snprintf(text, size, "nothing: it %s", state)
		     : wait_describe(task_wait(task_of(task)), text, size);
}

/* -- a loop */

enum { LINE = 512 }; /* what does not fit is left out */

/* The text has room for the line's end. */
static int write_line(struct text *line, int fd)
{
	line->chars[line->length++] = '\n';
	for (size_t at = 0; at < line->length;) {
		ssize_t n = write(fd, line->chars + at, line->length - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void add_task(struct text *line, const struct task *task)
{
	char what[128];
	text_add(line, "coro:   task %u", task->number);
	if (task->coro.name)
		text_add(line, " %s", task->coro.name);
	if (task->coro.site)
		text_add(line, ", spawned at %s", task->coro.site);
	if (spawned_of(task)->parent)
		text_add(line, " by task %u", spawned_of(task)->parent);
	const char *state = idle_state(task);
	if (!state)
		wait_describe(task_wait(task), what, sizeof(what));
	text_add(line, ", %s%s", state ? state : "waits in ", state ? "" : what);
}

int coro_loop_dump(const struct coro_loop *loop, int fd)
{
	int count = 0, r = sched_check(sched_of(loop));
	if (r < 0)
		return r;
	list_for_each(link, &loop->tasks.all)
		count++;
	char chars[LINE];
	struct text line = {chars, sizeof(chars) - 1, 0};
	text_add(&line, "coro: a loop with %d task%s", count, count == 1 ? "" : "s");
	r = write_line(&line, fd);
	list_for_each(link, &loop->tasks.all) {
		line.length = 0;
		add_task(&line, &container_of(link, struct spawned, all)->task);
		if (r == 0)
			r = write_line(&line, fd);
	}
	return r < 0 ? fail_code(r) : count;
}
