/* SPDX-License-Identifier: MIT */
/* What cancellation and descriptions know of a gather. */
#ifndef TASK_GATHER_H
#define TASK_GATHER_H

#include <stdbool.h>
#include <stddef.h>

struct coro_future;
struct done_calls;
struct failure;
struct task;

/*
 * Begins to cancel the children of a gather, one by one, so that gathers below need no recursion.
 * `above` is the gather from whose child `first` the request has come here, or NULL. `task` waits
 * for this gather, or is NULL. Returns false if it has begun already: there is a cycle.
 */
bool gather_cancel_begin(struct coro_future *outer, struct coro_future *above,
			 struct coro_future *first, struct task *task);

/* The `first` of a gather that has begun. */
struct coro_future *gather_cancelled_by(struct coro_future *outer);

/*
 * Returns the next child to cancel; NULL if there is none. `cancelled` tells whether the last one
 * was.
 */
struct coro_future *gather_cancel_next(struct coro_future *outer, bool cancelled);

/*
 * Ends it. Returns whether the gather was cancelled: not if all children were done. Then the task
 * that waits for it is cancelled in its next wait. *outer becomes the gather above.
 */
bool gather_cancel_end(struct coro_future **outer, struct failure *message);

/* Its children, which lie at this offset. */
const struct done_calls *gather_children(const struct coro_future *outer);
extern const size_t gather_children_at __attribute__((visibility("hidden")));

/* Writes how many of its children are left, as snprintf does. */
int gather_describe(const struct coro_future *outer, char *text, size_t size);

#endif
