/* SPDX-License-Identifier: MIT */
/* The formats of a dump, each a file. */
#ifndef DEBUG_DUMP_H
#define DEBUG_DUMP_H

#include "debug/out.h"
#include "loop/loop.h"

enum { DUMP_LINE = 512 }; /* what does not fit is left out */

/* The loop's tasks as list_for_each walks them. */
static inline const struct task *dumped_task(const struct list *link)
{
	return &container_of((struct list *)link, struct spawned, all)->task;
}

/* Writes the tasks of a loop, `count` of them. Returns 0, or -ENOMEM with nothing written. */
int dump_tree(struct out *out, const struct coro_loop *loop, size_t count);

/* The same, as JSON. */
void dump_json(struct out *out, const struct coro_loop *loop, size_t count);

#endif
