/* SPDX-License-Identifier: MIT */
/*
 * A dump as a tree: each task below one that waits for it.
 *
 * Tasks and what they wait for make a graph. Its roots are the tasks that no other waits for. Then
 * come those that are reached from no root, since they wait for one another. A task that several
 * wait for is shown in full only once.
 */
#include "base/memory.h"
#include "debug/awaits.h"
#include "debug/describe.h"
#include "debug/dump.h"

#include <errno.h>
#include <stdlib.h>

struct node {
	struct awaits awaits; /* of the task; what to walk next */
	size_t above;         /* on_path: the node that waits for this */
	bool awaited;         /* some task waits for it */
	bool on_path;         /* the walk is at it or below */
	bool shown;
};

struct tree {
	struct out *out;
	size_t count;
	struct node nodes[]; /* in the order of their numbers */
};

static struct node *node_of(const struct tree *tree, size_t index)
{
	return (struct node *)&tree->nodes[index];
}

static uint32_t number_of(const struct node *node)
{
	return node->awaits.task->number;
}

/*
 * Finds the node of a task by its number. NULL if the loop does not list it. Numbers count from the
 * oldest task on, since they may wrap around.
 */
static struct node *find(const struct tree *tree, uint32_t number)
{
	uint32_t oldest = number_of(&tree->nodes[0]);
	size_t low = 0, high = tree->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (number_of(&tree->nodes[middle]) - oldest < number - oldest)
			low = middle + 1;
		else
			high = middle;
	}
	return low < tree->count && number_of(&tree->nodes[low]) == number ? node_of(tree, low)
									   : NULL;
}

static struct tree *tree_create(struct out *out, const struct coro_loop *loop, size_t count)
{
	struct tree *tree = memory_alloc_zeroed(1, sizeof(*tree) + count * sizeof(*tree->nodes));
	uint32_t number;
	if (!tree)
		return NULL;
	tree->out = out;
	list_for_each(link, &loop->tasks.all)
		tree->nodes[tree->count++].awaits.task = dumped_task(link);
	for (size_t i = 0; i < count; i++) {
		struct awaits awaits = tree->nodes[i].awaits;
		while ((number = awaits_next(&awaits))) {
			struct node *other = find(tree, number);
			if (other)
				other->awaited = true;
		}
	}
	return tree;
}

/* -- lines */

/* Begins a line. What lies very deep is not moved to the right any more. */
static void begin_line(struct text *line, size_t depth)
{
	enum { DEEPEST = 32 };
	int spaces = 2 * (int)(depth < DEEPEST ? depth : DEEPEST);
	line->length = 0;
	text_add(line, "coro:   %*s", spaces, "");
}

static void show(const struct tree *tree, struct node *node, size_t depth)
{
	char chars[DUMP_LINE];
	struct text line = {chars, sizeof(chars), 0};
	begin_line(&line, depth);
	if (node->shown)
		add_name(&line, node->awaits.task);
	else
		add_task(&line, node->awaits.task);
	if (node->shown)
		text_add(&line, ", see above");
	node->shown = true;
	out_line(tree->out, &line);
}

/* The node that lies so many steps above another on the path. */
static const struct node *above(const struct tree *tree, const struct node *node, size_t steps)
{
	while (steps-- > 0)
		node = &tree->nodes[node->above];
	return node;
}

/* The last node of the path waits for the first, which lies `length` - 1 steps above. */
static void show_cycle(const struct tree *tree, const struct node *first, const struct node *last,
		       size_t depth)
{
	enum { NAMED = 8 };
	char chars[DUMP_LINE];
	struct text line = {chars, sizeof(chars), 0};
	size_t length = 1;
	for (const struct node *node = last; node != first; node = &tree->nodes[node->above])
		length++;
	begin_line(&line, depth);
	text_add(&line, "cycle: ");
	for (size_t i = 0; i < length && i < NAMED; i++) {
		add_name(&line, above(tree, last, length - 1 - i)->awaits.task);
		text_add(&line, " -> ");
	}
	if (length > NAMED)
		text_add(&line, "%zu more -> ", length - NAMED);
	add_name(&line, first->awaits.task);
	out_line(tree->out, &line);
}

/* -- the walk */

static void walk(const struct tree *tree, struct node *root)
{
	struct node *node = root;
	size_t depth = 0;
	show(tree, root, depth);
	root->on_path = true;
	for (;;) {
		uint32_t number = awaits_next(&node->awaits);
		struct node *other = number ? find(tree, number) : NULL;
		if (number && !other)
			continue;
		if (!other) {
			node->on_path = false;
			if (node == root)
				return;
			node = node_of(tree, node->above);
			depth--;
		} else if (other->on_path) {
			show_cycle(tree, other, node, depth + 1);
		} else if (other->shown) {
			show(tree, other, depth + 1);
		} else {
			other->above = (size_t)(node - tree->nodes);
			other->on_path = true;
			node = other;
			show(tree, node, ++depth);
		}
	}
}

int dump_tree(struct out *out, const struct coro_loop *loop, size_t count)
{
	if (count == 0)
		return 0;
	struct tree *tree = tree_create(out, loop, count);
	if (!tree)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!tree->nodes[i].awaited)
			walk(tree, &tree->nodes[i]);
	for (size_t i = 0; i < count; i++)
		if (!tree->nodes[i].shown)
			walk(tree, &tree->nodes[i]);
	free(tree);
	return 0;
}
