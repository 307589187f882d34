/* SPDX-License-Identifier: MIT */
/* The copy of an argument that a task owns: allocated until the task starts, then on its stack. */
#ifndef TASK_ARGUMENT_H
#define TASK_ARGUMENT_H

#include "coro/base.h"

#include <stddef.h>

struct coro;

/* Frees the copy of a task that ends without having started. */
void copy_drop(const struct coro *co);

#endif
