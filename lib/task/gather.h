/* SPDX-License-Identifier: MIT */
/* What cancellation must know of a gather. */
#ifndef TASK_GATHER_H
#define TASK_GATHER_H

#include <stdbool.h>

struct coro_future;
struct failure;
struct task;

/*
 * Cancels the children of a gather one by one, so that gathers below it need no recursion.
 * Beginning: `above` is the gather by one of whose children, `first`, the request has come here,
 * and `task` waits for it, or NULL. False if it has begun before: a cycle.
 */
bool gather_cancel_begin(struct coro_future *outer, struct coro_future *above,
			 struct coro_future *first, struct task *task);

/* Of one that has begun: its `first`. */
struct coro_future *gather_cancelled_by(struct coro_future *outer);

/*
 * The next child to be cancelled, NULL if there is none left; `cancelled`: the last one could be.
 */
struct coro_future *gather_cancel_next(struct coro_future *outer, bool cancelled);

/*
 * Whether the gather was cancelled: unless all children were done. If they were, the words are for
 * the task that waits for it. Goes up to the gather above it.
 */
bool gather_cancel_end(struct coro_future **outer, struct failure *message);

#endif
