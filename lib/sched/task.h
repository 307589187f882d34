/* SPDX-License-Identifier: MIT */
/*
 * A task as the scheduler knows it: a coroutine that it switches to. The result, which others await,
 * is in lib/task.
 */
#ifndef SCHED_TASK_H
#define SCHED_TASK_H

#include "core/thread.h"

struct failure;
struct sched;

/* Kept small: a million may sleep. What only a started task needs lies in its stack's header. */
struct task {
	struct coro coro;
	struct sched *sched;
	/* FLAG_MUST_CANCEL: the message of the request, or NULL. */
	struct failure *request;
	uint32_t number; /* which one of its loop */
	int cancels;     /* requests that were not taken back */
};

/* Flags that are cleared when a task parks. */
enum { UNTIL_PARKED = FLAG_HAS_RESULT | FLAG_GIVEN | FLAG_STARTS };

#endif
