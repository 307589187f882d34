/* SPDX-License-Identifier: MIT */
/* Waiting for futures, from inside. */
#ifndef TASK_WAIT_H
#define TASK_WAIT_H

#include "coro/wait.h"

struct task;

/*
 * Returns 0 if the task, which may be NULL, may wait for all of these futures, or -EPERM or
 * -EINVAL.
 */
int check_futures(const struct task *task, struct coro_future *const *futures, size_t count);

/*
 * coro_wait_for without time. Gives the result of a future that is done; otherwise cancels it and
 * waits for its end.
 */
int wait_for_none(const char *site, struct coro_future *future, void **ret);

#endif
