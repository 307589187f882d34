/* SPDX-License-Identifier: MIT */
/* Whom a task waits for: tasks, one, several or a group's, and in debug mode who holds a lock. */
#ifndef DEBUG_AWAITS_H
#define DEBUG_AWAITS_H

#include "task/task.h"

/* A walk over them. It begins with the task alone set. */
struct awaits {
	const struct task *task;
	const void *at; /* what was found last */
	size_t index;   /* how many were looked at */
};

/* Returns the number of the next task that it waits for and that is not done; 0 for no more. */
uint32_t awaits_next(struct awaits *awaits);

#endif
