/* SPDX-License-Identifier: MIT */
/* JSON: times are nanoseconds, sizes bytes. The fields of a task are those of coro_loop_dump. */
#include "debug/ps/report.h"

#include <inttypes.h>
#include <stdio.h>

/* Texts were cleaned when they were read: they are UTF-8 without control characters. */
static void print_string(const char *text)
{
	if (!text) {
		printf("null");
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? '?' : *text);
	}
	putchar('"');
}

static void print_field(const char *name, const char *text)
{
	printf(", \"%s\": ", name);
	print_string(text);
}

/* A number, or null if it is 0. */
static void print_number(const char *name, uint64_t number)
{
	if (number)
		printf(", \"%s\": %" PRIu64, name, number);
	else
		printf(", \"%s\": null", name);
}

static void print_awaits(const struct report *report, const struct loop_record *loop,
			 const struct task_record *task)
{
	const char *before = "";
	printf(", \"awaits\": [");
	for (size_t i = 0; i < task->await_count; i++) {
		const struct task_record *other = snapshot_task(loop, task->awaits[i]);
		if (!other || !report_has(report, other))
			continue;
		printf("%s%u", before, other->number);
		before = ", ";
	}
	printf("]");
}

static void print_call(const struct call_site *site, void *arg)
{
	const char **before = arg;
	printf("%s{\"pc\": %" PRIu64, *before, site->pc);
	print_field("function", site->function);
	print_field("file", site->file);
	print_number("line", (uint64_t)(site->line > 0 ? site->line : 0));
	print_field("module", site->module);
	print_number("offset", site->offset);
	printf("}");
	*before = ", ";
}

static void print_backtrace(const struct report *report, const struct loop_record *loop,
			    const struct task_record *task)
{
	const char *before = "";
	if (!report->unwinder)
		return;
	printf(", \"backtrace\": [");
	unwind_task(report->unwinder, task, print_call, &before);
	printf("], \"body\": ");
	before = "";
	if (!unwind_body(report->unwinder, loop, task, print_call, &before))
		printf("null");
}

static void print_task(const struct report *report, const struct loop_record *loop,
		       const struct task_record *task)
{
	static const char *const states[] = {
		[TASK_CREATED] = "new",     [TASK_READY] = "ready", [TASK_RUNNING] = "running",
		[TASK_WAITING] = "waiting", [TASK_DONE] = "done",   [TASK_UNKNOWN] = "unknown",
	};
	printf("{\"number\": %u", task->number);
	print_field("name", task->name);
	print_field("spawned_at", task->site);
	print_number("parent", task->parent);
	print_field("state", states[task->state]);
	print_field("waits_in", task->waits_in);
	if (task->fd >= 0)
		printf(", \"fd\": %d", task->fd);
	else
		printf(", \"fd\": null");
	print_number("waited", task->waited > 0 ? (uint64_t)task->waited : 0);
	print_awaits(report, loop, task);
	print_number("stack_used", task->stack_used);
	print_number("stack_size", task->stack_bytes);
	if (report->servants)
		printf(", \"library\": %s", task->servant ? "true" : "false");
	print_backtrace(report, loop, task);
	printf("}");
}

static void print_loop(const struct report *report, const struct loop_record *loop)
{
	const struct task_record *running = snapshot_task(loop, loop->running);
	const char *before = "\n";
	printf("{\"thread\": %d, \"runs\": %s", loop->tid, loop->runs ? "true" : "false");
	print_number("running", running ? running->number : 0);
	printf(", \"virtual_clock\": %s, \"spawned\": %u, \"damaged\": %s, \"tasks\": [",
	       loop->virtual_clock ? "true" : "false", loop->spawned,
	       loop->damaged ? "true" : "false");
	for (size_t i = 0; i < loop->task_count; i++) {
		if (!report_has(report, &loop->tasks[i]))
			continue;
		printf("%s", before);
		print_task(report, loop, &loop->tasks[i]);
		before = ",\n";
	}
	printf("]}");
}

void report_json(const struct report *report)
{
	const struct snapshot *snapshot = report->snapshot;
	printf("{\"pid\": %d", snapshot->image->pid);
	print_field("program", *snapshot->image->name ? snapshot->image->name : NULL);
	print_number("stopped_for", (uint64_t)snapshot->image->stopped_for);
	printf(", \"damaged\": %s, \"loops\": [", snapshot->damaged ? "true" : "false");
	for (size_t i = 0; i < snapshot->loop_count; i++) {
		printf("%s", i ? ",\n" : "\n");
		print_loop(report, &snapshot->loops[i]);
	}
	printf("]}\n");
}
