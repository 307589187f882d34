/* SPDX-License-Identifier: MIT */
/*
 * Reports of futures and tasks: of failures that nobody asked for, which go to the loop's exception
 * handler, and of what debug mode finds, on stderr.
 */
#ifndef TASK_REPORT_H
#define TASK_REPORT_H

#include "task/task.h"

struct pieces;

/* Reports a future with its failure, if it has one, to the handler of its loop. */
static inline void report_future(struct coro_future *future, const char *message)
{
	const struct tasks *tasks = tasks_of(future->sched);
	if (tasks->report)
		tasks->report(future, message);
}

/*
 * The last reference to a future goes. Where its failure has to be reported, the future stays until
 * that is done, and this is true.
 */
bool report_lost(struct coro_future *future);

/* Reports what is in loop->unheard. The caller holds the loop. */
void report_unheard(struct sched *sched);

/*
 * A future has failed, with another code than -ECANCELED. As long as it is held, it is in
 * loop->failing or loop->failed, by the link that its waiters were in.
 */
void report_note_failed(struct coro_future *future);

/* All who wait for what has failed by now have been told of it. */
void report_all_told(struct sched *sched);

/* The loop is being closed: who was to be told in the next turn will not be. */
void report_nobody_told(struct sched *sched);

/* The loop is closed: reports those that are held still, perhaps by nobody who knows. */
void report_held(struct sched *sched);

/* Adds the task's name, and where it was spawned. */
void report_add_task(struct pieces *text, const struct coro_future *task);

/* Debug mode has found something that the task has done. */
void report_found(const struct coro_future *task, const char *what);

#endif
