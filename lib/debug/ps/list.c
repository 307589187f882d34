/* SPDX-License-Identifier: MIT */
/* The list: a table with a line for each task. */
#include "debug/ps/report.h"

#include <stdio.h>
#include <string.h>

enum { COLUMNS = 6, WIDEST = 40 };

static const char *const titles[COLUMNS] = {"TASK",  "NAME",       "PARENT",
					    "STACK", "SPAWNED AT", "STATE"};

/* Writes bytes as 812, 1.2K or 256K. */
static void write_bytes(char *ret, size_t size, uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	int unit = 0;
	for (; value >= 1000 && unit < 6; unit++)
		value /= 1024;
	if (unit == 0)
		snprintf(ret, size, "%d", (int)bytes);
	else
		snprintf(ret, size, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

static void write_stack(char *ret, size_t size, const struct task_record *task)
{
	char used[16], whole[16];
	snprintf(ret, size, "-");
	if (!task->stack_bytes)
		return;
	write_bytes(whole, sizeof(whole), task->stack_bytes);
	write_bytes(used, sizeof(used), task->stack_used);
	snprintf(ret, size, "%s/%s", task->stack_used ? used : "?", whole);
}

struct row {
	char cells[COLUMNS][640];
};

static void fill_row(struct row *row, const struct task_record *task)
{
	enum { CELL = sizeof(row->cells[0]) };
	snprintf(row->cells[0], CELL, "%u", task->number);
	snprintf(row->cells[1], CELL, "%s",
		 task->name      ? task->name
		 : task->servant ? "(library)"
				 : "-");
	snprintf(row->cells[2], CELL, task->parent ? "%u" : "-", task->parent);
	write_stack(row->cells[3], CELL, task);
	snprintf(row->cells[4], CELL, "%s", task->site ? task->site : "-");
	report_write_state(row->cells[5], CELL, task);
}

/* Characters, of which a UTF-8 one has several bytes. */
static int width_of(const char *text)
{
	int width = 0;
	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void widen(int widths[COLUMNS], const struct row *row)
{
	for (int i = 0; i < COLUMNS; i++) {
		int width = width_of(row->cells[i]);
		if (width > widths[i])
			widths[i] = width < WIDEST ? width : WIDEST;
	}
}

static void print_row(const int widths[COLUMNS], const struct row *row)
{
	for (int i = 0; i < COLUMNS; i++) {
		int blanks = widths[i] - width_of(row->cells[i]);
		if (blanks < 0 || i == COLUMNS - 1)
			blanks = 0;
		bool right = i == 0 || i == 2;
		printf("%s%*s%s%*s", i ? "  " : "", right ? blanks : 0, "", row->cells[i],
		       right ? 0 : blanks, "");
	}
	printf("\n");
}

static void print_tasks(const struct report *report, const struct loop_record *loop)
{
	struct row row;
	int widths[COLUMNS] = {0};
	for (int i = 0; i < COLUMNS; i++)
		snprintf(row.cells[i], sizeof(row.cells[i]), "%s", titles[i]);
	struct row head = row;
	widen(widths, &head);
	for (size_t i = 0; i < loop->task_count; i++) {
		fill_row(&row, &loop->tasks[i]);
		if (report_has(report, &loop->tasks[i]))
			widen(widths, &row);
	}
	print_row(widths, &head);
	for (size_t i = 0; i < loop->task_count; i++) {
		if (!report_has(report, &loop->tasks[i]))
			continue;
		fill_row(&row, &loop->tasks[i]);
		print_row(widths, &row);
		report_backtrace(report, loop, &loop->tasks[i], widths[0] + 4);
	}
}

void report_list(const struct report *report)
{
	report_head(report);
	for (size_t i = 0; i < report->snapshot->loop_count; i++) {
		const struct loop_record *loop = &report->snapshot->loops[i];
		report_loop(report, loop);
		if (report_count(report, loop) > 0)
			print_tasks(report, loop);
	}
}
