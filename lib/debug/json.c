/* SPDX-License-Identifier: MIT */
/* A dump as JSON: times are nanoseconds, sizes bytes. */
#include "debug/awaits.h"
#include "debug/describe.h"
#include "debug/dump.h"
#include "io/fd.h"
#include "task/timeout.h"

#include <inttypes.h>

static void add_field(struct out *out, const char *name, const char *text)
{
	out_add(out, ", \"%s\": ", name);
	out_string(out, text);
}

/* A number, or null if it is less than 0. */
static void add_number(struct out *out, const char *name, int64_t number)
{
	if (number < 0)
		out_add(out, ", \"%s\": null", name);
	else
		out_add(out, ", \"%s\": %" PRId64, name, number);
}

/* The fd that a task waits for; -1 for none. */
static int fd_waited_for(const struct task *task)
{
	const struct task_wait *wait = task_wait(task);
	if (wait->kind->subject.type != SUBJECT_FD)
		return -1;
	const struct fd *fd = *(const struct fd *const *)wait_subject(wait);
	return fd ? fd->number : -1;
}

static void add_wait_fields(struct out *out, const struct task *task, bool waits)
{
	char chars[DUMP_LINE];
	struct text text = {chars, sizeof(chars), 0};
	if (waits)
		add_wait(&text, task);
	add_field(out, "kind", waits ? task_wait(task)->kind->what : NULL);
	add_field(out, "waits_in", waits ? chars : NULL);
	add_number(out, "fd", waits ? fd_waited_for(task) : -1);
	add_number(out, "waited", waits ? task_waited(task) : -1);
}

static void add_awaits(struct out *out, const struct task *task)
{
	struct awaits awaits = {.task = task};
	const char *before = "";
	uint32_t number;
	out_add(out, ", \"awaits\": [");
	for (; (number = awaits_next(&awaits)); before = ", ")
		out_add(out, "%s%" PRIu32, before, number);
	out_add(out, "]");
}

static void add_open_timeouts(struct out *out, const struct task *task)
{
	const struct cleanup *at = NULL;
	struct open_timeout timeout;
	const char *before = "{";
	out_add(out, ", \"timeouts\": [");
	while (task->coro.frame && timeout_next(task, &at, &timeout)) {
		int64_t left = timeout.when - sched_time(task->sched);
		if (timeout.when == CORO_FOREVER)
			continue;
		out_add(out, "%s\"left\": %" PRId64, before, left > 0 ? left : 0);
		add_field(out, "begun_at", timeout.site);
		out_add(out, "}");
		before = ", {";
	}
	out_add(out, "]");
}

static void add_stack(struct out *out, const struct task *task)
{
	const struct frame *frame = task->coro.frame;
	add_number(out, "stack_used",
		   frame ? (int64_t)stack_used(&task->sched->thread->stacks, &frame->stack) : -1);
	add_number(out, "stack_size", frame ? (int64_t)frame->stack.size->bytes : -1);
}

static void add_object(struct out *out, const struct task *task)
{
	static const char *const states[] = {
		[DOING_WAIT] = "waiting", [DOING_RUN] = "running", [DOING_READY] = "ready",
		[DOING_NEW] = "new",      [DOING_DONE] = "done",
	};
	enum doing doing = task_doing(task);
	uint32_t parent = spawned_of(task)->parent;
	out_add(out, "{\"number\": %" PRIu32, task->number);
	add_field(out, "name", task->coro.name);
	add_field(out, "spawned_at", task->coro.site);
	add_number(out, "parent", parent ? (int64_t)parent : -1);
	add_field(out, "state", states[doing]);
	add_wait_fields(out, task, doing == DOING_WAIT);
	add_awaits(out, task);
	add_open_timeouts(out, task);
	add_number(out, "cancels", task->cancels);
	add_stack(out, task);
	out_add(out, "}");
}

void dump_json(struct out *out, const struct coro_loop *loop, size_t count)
{
	const struct sched *sched = sched_of(loop);
	const char *before = "\n";
	out_add(out, "{\"count\": %zu, \"time\": %" PRId64 ", \"debug\": %s, \"tasks\": [", count,
		sched_time(sched), sched->debug ? "true" : "false");
	list_for_each(link, &loop->tasks.all) {
		out_add(out, "%s", before);
		add_object(out, dumped_task(link));
		before = ",\n";
	}
	out_add(out, "]}\n");
}
