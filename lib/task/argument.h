/* SPDX-License-Identifier: MIT */
/* A task's own copy of its argument: in allocated memory until it starts, then on its stack. */
#ifndef TASK_ARGUMENT_H
#define TASK_ARGUMENT_H

#include "coro/base.h"

#include <stddef.h>

struct coro;

/* For a task that ends without having started. */
void copy_drop(const struct coro *co);

#endif
