/* SPDX-License-Identifier: MIT */
/*
 * A task as the scheduler knows it: a coroutine that it switches to. lib/task adds the future of
 * the result.
 */
#ifndef SCHED_TASK_H
#define SCHED_TASK_H

#include "core/thread.h"

struct failure;
struct sched;

/*
 * Kept small, since a million may sleep. What only a started task needs lies in the header of its
 * stack.
 */
struct task {
	struct coro coro;
	struct sched *sched;
	/* FLAG_MUST_CANCEL: the message of the request, or NULL. Not valid without the flag. */
	struct failure *request;
	uint32_t number; /* counts the tasks of the loop */
	int cancels;     /* requests to cancel it that were not taken back */
};

/* Flags beside those of every coroutine. */
enum {
	/* Its wait has written to wait->ret, where another value stood before. Until it parks. */
	FLAG_HAS_RESULT = FLAG_OUTER,
	/* It spawns a task that runs at once, in its stead, and counts as running until it parks. */
	FLAG_STARTS = FLAG_OUTER << 1,
};

_Static_assert(FLAG_STARTS <= UINT16_MAX, "the flags fit struct coro");

/* Flags that are cleared when a task parks. */
enum { UNTIL_PARKED = FLAG_HAS_RESULT | FLAG_GIVEN | FLAG_STARTS };

#endif
