/* SPDX-License-Identifier: MIT */
/* What descriptions know of an as_completed. */
#ifndef TASK_AS_COMPLETED_H
#define TASK_AS_COMPLETED_H

#include <stddef.h>

struct completed;
struct coro_future;

/* Returns its i-th future, done or not; NULL if there are no more. */
const struct coro_future *completed_future(const struct completed *completed, size_t i);

#endif
