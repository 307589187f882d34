/* SPDX-License-Identifier: MIT */
#include "debug/dump.h"

#include "core/fail.h"
#include "coro/debug.h"
#include "debug/describe.h"

#include <errno.h>

/* -- a task */

enum { WHOLE = 1024 }; /* room for the longest text */

int coro_task_waiting(const struct coro_future *future, char *text, size_t size)
{
	char chars[WHOLE];
	struct text whole = {chars, sizeof(chars), 0};
	if (!future || !is_task(future) || (!text && size > 0))
		return fail_with(-EINVAL, "coro_task_waiting: it is no task, or text is NULL");
	if (future->sched->thread != thread_current)
		return fail_with(-EPERM, "coro_task_waiting: the task is another thread's");
	const struct task *task = task_of(future);
	enum doing doing = task_doing(task);
	if (doing == DOING_WAIT)
		add_wait(&whole, task);
	else
		text_add(&whole, "nothing: it %s", doing_text(doing));
	if (doing == DOING_WAIT)
		add_timeouts(&whole, task);
	struct text cut = {text, size, 0};
	if (size > 0)
		text_add(&cut, "%s", chars);
	return (int)whole.length;
}

/* -- a loop */

static void add_stack(struct text *line, const struct task *task)
{
	const struct frame *frame = task->coro.frame;
	if (frame)
		text_add(line, "; stack %zu of %zu KiB",
			 stack_used(&task->sched->thread->stacks, &frame->stack) / 1024,
			 frame->stack.size->bytes / 1024);
}

static void dump_list(struct out *out, const struct coro_loop *loop)
{
	char chars[DUMP_LINE];
	list_for_each(link, &loop->tasks.all) {
		struct text line = {chars, sizeof(chars), 0};
		text_add(&line, "coro:   ");
		add_task(&line, dumped_task(link));
		add_stack(&line, dumped_task(link));
		out_line(out, &line);
	}
}

static void add_head(struct out *out, size_t count)
{
	char chars[64];
	struct text line = {chars, sizeof(chars), 0};
	text_add(&line, "coro: a loop with %zu task%s", count, count == 1 ? "" : "s");
	out_line(out, &line);
}

int coro_loop_dump_as(const struct coro_loop *loop, int fd, enum coro_dump_format format)
{
	struct out out;
	size_t count = 0;
	int r = sched_check(sched_of(loop));
	if (r < 0 || format > CORO_DUMP_JSON)
		return r < 0 ? r : fail_with(-EINVAL, "coro_loop_dump: there is no such format");
	list_for_each(link, &loop->tasks.all)
		count++;
	out_init(&out, fd);
	if (format == CORO_DUMP_JSON) {
		dump_json(&out, loop, count);
	} else {
		add_head(&out, count);
		if (format == CORO_DUMP_LIST)
			dump_list(&out, loop);
		else
			r = dump_tree(&out, loop, count);
	}
	if (r == 0)
		r = out_flush(&out);
	return r < 0 ? fail_code(r) : (int)count;
}
