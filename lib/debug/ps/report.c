/* SPDX-License-Identifier: MIT */
#include "debug/ps/report.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

size_t report_count(const struct report *report, const struct loop_record *loop)
{
	size_t count = 0;
	for (size_t i = 0; i < loop->task_count; i++)
		count += report_has(report, &loop->tasks[i]);
	return count;
}

void report_head(const struct report *report)
{
	const struct snapshot *snapshot = report->snapshot;
	const struct image *image = snapshot->image;
	size_t tasks = 0;
	for (size_t i = 0; i < snapshot->loop_count; i++)
		tasks += report_count(report, &snapshot->loops[i]);
	printf("%s", report->what);
	if (*image->name)
		printf(" (%s)", image->name);
	printf(": %zu loop%s, %zu task%s", snapshot->loop_count,
	       snapshot->loop_count == 1 ? "" : "s", tasks, tasks == 1 ? "" : "s");
	if (image->stopped_for > 0)
		printf("; it was stopped for %.1f ms", (double)image->stopped_for / 1e6);
	printf("\n");
	if (snapshot->damaged)
		printf("The list of loops is damaged: there may be more.\n");
}

void report_loop(const struct report *report, const struct loop_record *loop)
{
	const struct task_record *running = snapshot_task(loop, loop->running);
	size_t count = report_count(report, loop);
	printf("\nloop of thread %d: %zu task%s, ", loop->tid, count, count == 1 ? "" : "s");
	if (running)
		printf("task %u runs", running->number);
	else if (loop->runs)
		printf("no task runs");
	else
		printf("the loop does not run");
	printf("%s\n", loop->virtual_clock ? ", its clock is virtual" : "");
	if (loop->damaged)
		printf("The list of its tasks is damaged: there may be more.\n");
}

void report_write_state(char *ret, size_t size, const struct task_record *task)
{
	static const char *const words[] = {
		[TASK_CREATED] = "not started",
		[TASK_READY] = "ready",
		[TASK_RUNNING] = "runs",
		[TASK_WAITING] = "waits",
		[TASK_DONE] = "done",
		[TASK_UNKNOWN] = "unknown: its stack cannot be read",
	};
	struct text text = {ret, size, 0};
	text_add(&text, "%s", words[task->state]);
	if (task->state == TASK_WAITING)
		text_add(&text, " in %s", task->waits_in ? task->waits_in : "something");
	if (task->waited > 0)
		text_add(&text, ", for %.3f s so far", (double)task->waited / 1e9);
}

/* -- backtraces */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

struct printing {
	int indent, count;
};

static void print_site(const struct call_site *site)
{
	if (site->function)
		printf("%s", site->function);
	else
		printf("0x%llx", (unsigned long long)site->pc);
	if (site->file)
		printf(" at %s:%d", site->file, site->line);
	else if (site->module)
		printf(" in %s+0x%llx", base_name(site->module), (unsigned long long)site->offset);
	printf("\n");
}

static void print_call(const struct call_site *site, void *arg)
{
	struct printing *printing = arg;
	printf("%*s#%-2d ", printing->indent, "", printing->count++);
	print_site(site);
}

static void print_body(const struct call_site *site, void *arg)
{
	const struct printing *printing = arg;
	printf("%*sbody ", printing->indent, "");
	print_site(site);
}

void report_backtrace(const struct report *report, const struct loop_record *loop,
		      const struct task_record *task, int indent)
{
	struct printing printing = {.indent = indent};
	if (!report->unwinder)
		return;
	unwind_task(report->unwinder, task, print_call, &printing);
	unwind_body(report->unwinder, loop, task, print_body, &printing);
}
