/* SPDX-License-Identifier: MIT */
/* Waiting for futures, from inside. */
#ifndef TASK_WAIT_H
#define TASK_WAIT_H

#include "coro/wait.h"

struct task;

/* 0 if the task may wait for all of these futures, -EPERM, -EINVAL. NULL for no task. */
int check_futures(const struct task *task, struct coro_future *const *futures, size_t count);

/*
 * coro_wait_for with no time at all: the result of one that is done; else it is cancelled, and its
 * end waited for.
 */
int wait_for_none(const char *site, struct coro_future *future, void **ret);

#endif
