/* SPDX-License-Identifier: MIT */
/* The argument of a task that has its own copy of it: in memory until it starts, then on its stack. */
#ifndef LOOP_COPY_H
#define LOOP_COPY_H

#include "coro/base.h"

#include <stddef.h>

struct coro;

/* A task ends that has not started. */
void copy_drop(const struct coro *co);

#endif
