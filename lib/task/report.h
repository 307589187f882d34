/* SPDX-License-Identifier: MIT */
/*
 * Reports of futures and tasks. Failures that nobody asked for go to the exception handler of the
 * loop; what debug mode finds goes to stderr.
 */
#ifndef TASK_REPORT_H
#define TASK_REPORT_H

#include "task/task.h"

struct pieces;

/* Reports a future, with its failure if it has one, to the handler of its loop. */
static inline void report_future(struct coro_future *future, const char *message)
{
	const struct tasks *tasks = tasks_of(future->sched);
	if (tasks->report)
		tasks->report(future, message);
}

/*
 * The last reference to a future is gone. Returns true if its failure must be reported: then the
 * future stays until that is done.
 */
bool report_lost(struct coro_future *future);

/* Reports the futures in tasks->unheard. The caller holds the loop. */
void report_unheard(struct sched *sched);

/*
 * A future has failed, but was not cancelled. While it is held, it is in tasks->failing or
 * tasks->failed, by the link of its done callbacks.
 */
void report_note_failed(struct coro_future *future);

/* All tasks that wait for futures failed by now have run on. */
void report_all_told(struct sched *sched);

/* The loop is being closed: tasks that would run on in the next turn do not. */
void report_nobody_told(struct sched *sched);

/* The loop is closed: reports the failed futures that are still held. */
void report_held(struct sched *sched);

/* Adds the name of the task, and where it was spawned. */
void report_add_task(struct pieces *text, const struct coro_future *task);

/* Reports what debug mode has found in the task. */
void report_found(const struct coro_future *task, const char *what);

#endif
