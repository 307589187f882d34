/* SPDX-License-Identifier: MIT */
/* What is printed of a snapshot, to stdout: list.c, tree.c and json.c. */
#ifndef PS_REPORT_H
#define PS_REPORT_H

#include "debug/ps/snapshot.h"
#include "debug/ps/unwind.h"

struct report {
	const struct snapshot *snapshot;
	const char *what;          /* "process 12" or the core file's name */
	bool servants;             /* the library's own tasks too */
	struct unwinder *unwinder; /* NULL: no backtraces */
};

void report_list(const struct report *report);
void report_tree(const struct report *report);
void report_json(const struct report *report);

/* Whether the task is to be listed. */
static inline bool report_has(const struct report *report, const struct task_record *task)
{
	return report->servants || !task->servant;
}

/* How many of the loop's tasks are. */
size_t report_count(const struct report *report, const struct loop_record *loop);

/* The line of what was read, and that of a loop. */
void report_head(const struct report *report);
void report_loop(const struct report *report, const struct loop_record *loop);

/* Writes what a task does: "waits in a lock, for 3.1 s so far", "runs". */
void report_write_state(char *ret, size_t size, const struct task_record *task);

/* Prints the calls of a task, a line each, and its body, after so many blanks. */
void report_backtrace(const struct report *report, const struct loop_record *loop,
		      const struct task_record *task, int indent);

#endif
