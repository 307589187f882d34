/* SPDX-License-Identifier: MIT */
/* What descriptions know of an as_completed. */
#ifndef TASK_AS_COMPLETED_H
#define TASK_AS_COMPLETED_H

#include <stddef.h>

struct completed;
struct coro_future;

/* Where its futures are, for tools that look from outside. Bytes. */
struct completed_layout {
	size_t count;   /* size_t: how many */
	size_t entries; /* an array */
	size_t bytes;   /* of an entry */
	size_t future;  /* struct coro_future *: in an entry */
};

extern const struct completed_layout completed_layout __attribute__((visibility("hidden")));

/* Returns its i-th future, done or not; NULL if there are no more. */
const struct coro_future *completed_future(const struct completed *completed, size_t i);

#endif
