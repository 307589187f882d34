/* SPDX-License-Identifier: MIT */
/* What cancellation must know of waiting for several. */
#ifndef LOOP_WAIT_H
#define LOOP_WAIT_H

#include "coro/wait.h"

struct failure;
struct task;

/*
 * Cancels the children of a gather one by one, so that gathers below it need no recursion.
 * Beginning: `above` is the gather whose child it is, and `task` waits for it, or NULL. False if it
 * has begun before: a cycle.
 */
bool gather_cancel_begin(struct coro_future *outer, struct coro_future *above, struct task *task);

/*
 * The next child to be cancelled, NULL if there is none left; `cancelled`: the last one could be.
 */
struct coro_future *gather_cancel_next(struct coro_future *outer, bool cancelled);

/*
 * Whether the gather was cancelled: unless all children were done. If they were, the words are for
 * the task that waits for it. Goes up to the gather above it.
 */
bool gather_cancel_end(struct coro_future **outer, struct failure *words);

/* 0 if the task may wait for all of these futures, -EPERM, -EINVAL. NULL for no task. */
int check_futures(const struct task *task, struct coro_future *const *futures, size_t count);

#endif
