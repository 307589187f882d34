/* SPDX-License-Identifier: MIT */
/*
 * The tree: each task below one that waits for it.
 *
 * Its roots are the tasks that no other waits for. Then come those that are reached from no root,
 * since they wait for one another. A task that several wait for is shown in full only once.
 */
#include "debug/ps/report.h"

#include <stdio.h>
#include <stdlib.h>

struct node {
	size_t next;  /* which of what it awaits is walked next */
	size_t above; /* on_path: the task that waits for this */
	bool awaited; /* some task waits for it */
	bool on_path; /* the walk is at it or below */
	bool shown;
};

struct tree {
	const struct report *report;
	const struct loop_record *loop;
	struct node *nodes; /* in the order of the tasks */
};

enum { DEEPEST = 32 }; /* what lies deeper is not moved to the right any more */

/* -- lines */

static void indent(size_t depth)
{
	printf("%*s", 2 * (int)(depth < DEEPEST ? depth : DEEPEST), "");
}

static void print_name(const struct task_record *task)
{
	printf("task %u%s%s", task->number, task->name ? " " : "", task->name ? task->name : "");
}

static void show(const struct tree *tree, size_t index, size_t depth)
{
	const struct task_record *task = &tree->loop->tasks[index];
	struct node *node = &tree->nodes[index];
	char doing[640];
	indent(depth);
	print_name(task);
	if (node->shown) {
		printf(", see above\n");
		return;
	}
	node->shown = true;
	if (task->site)
		printf(", spawned at %s", task->site);
	if (task->parent)
		printf(" by task %u", task->parent);
	report_write_state(doing, sizeof(doing), task);
	printf(", %s\n", doing);
	report_backtrace(tree->report, tree->loop, task,
			 2 * (int)(depth < DEEPEST ? depth : DEEPEST) + 4);
}

/* The task at `last` waits for that at `first`, which lies above it on the path. */
static void show_cycle(const struct tree *tree, size_t first, size_t last, size_t depth)
{
	enum { NAMED = 8 };
	size_t path[NAMED], length = 0, more = 0;
	for (size_t at = last;; at = tree->nodes[at].above) {
		if (length < NAMED)
			path[length++] = at;
		else
			more++;
		if (at == first)
			break;
	}
	indent(depth);
	printf("cycle: ");
	print_name(&tree->loop->tasks[first]);
	if (more > 0)
		printf(" -> %zu more", more);
	for (size_t i = length - (more == 0); i > 0; i--) {
		printf(" -> ");
		print_name(&tree->loop->tasks[path[i - 1]]);
	}
	printf(" -> ");
	print_name(&tree->loop->tasks[first]);
	printf("\n");
}

/* -- the walk */

/* Takes the next of what a task awaits, if it is listed. Returns false at the end. */
static bool next_awaited(const struct tree *tree, size_t index, size_t *ret)
{
	const struct task_record *task = &tree->loop->tasks[index];
	struct node *node = &tree->nodes[index];
	while (node->next < task->await_count) {
		const struct task_record *other =
			snapshot_task(tree->loop, task->awaits[node->next++]);
		if (!other || !report_has(tree->report, other))
			continue;
		*ret = (size_t)(other - tree->loop->tasks);
		return true;
	}
	return false;
}

static void walk(const struct tree *tree, size_t root)
{
	size_t at = root, other, depth = 0;
	show(tree, root, depth);
	tree->nodes[root].on_path = true;
	for (;;) {
		if (!next_awaited(tree, at, &other)) {
			tree->nodes[at].on_path = false;
			if (at == root)
				return;
			at = tree->nodes[at].above;
			depth--;
		} else if (tree->nodes[other].on_path) {
			show_cycle(tree, other, at, depth + 1);
		} else if (tree->nodes[other].shown) {
			show(tree, other, depth + 1);
		} else {
			tree->nodes[other].above = at;
			tree->nodes[other].on_path = true;
			at = other;
			show(tree, at, ++depth);
		}
	}
}

static void print_tasks(const struct tree *tree)
{
	size_t other, count = tree->loop->task_count;
	for (size_t i = 0; i < count; i++) {
		while (next_awaited(tree, i, &other))
			tree->nodes[other].awaited = true;
		tree->nodes[i].next = 0;
	}
	for (int rest = 0; rest < 2; rest++)
		for (size_t i = 0; i < count; i++)
			if (report_has(tree->report, &tree->loop->tasks[i]) &&
			    !tree->nodes[i].shown && (rest || !tree->nodes[i].awaited))
				walk(tree, i);
}

void report_tree(const struct report *report)
{
	report_head(report);
	for (size_t i = 0; i < report->snapshot->loop_count; i++) {
		struct tree tree = {.report = report, .loop = &report->snapshot->loops[i]};
		report_loop(report, tree.loop);
		tree.nodes = calloc(tree.loop->task_count + 1, sizeof(*tree.nodes));
		if (tree.nodes)
			print_tasks(&tree);
		free(tree.nodes);
	}
}
