/* SPDX-License-Identifier: MIT */
/*
 * Scopes of a task in which cancellation waits outside. They count as levels: a request from outside
 * of all is of level 0, one by a timeout or a group that was begun within n scopes of level n. It
 * reaches the task while no more than so many are open; else the one that is in its way holds it.
 */
#ifndef LOOP_SHIELD_H
#define LOOP_SHIELD_H

#include "loop/task.h"

/* How many such scopes the task is in. */
static inline unsigned task_shields(const struct task *task)
{
	return task->coro.frame ? task_wait(task)->shields : 0;
}

/*
 * A request of that level, which the task is in more scopes than, waits until they have ended. Until
 * then it is none of the task's cancels, which what is begun inside goes by.
 */
void shield_hold(const struct task *task, unsigned level, struct failure *words);

/* How many requests wait. */
int shield_held(const struct task *task);

/* Takes one of them back; false if there is none. */
bool shield_uncancel(const struct task *task);

#endif
