/* SPDX-License-Identifier: MIT */
/*
 * Scopes of a task that cancellation does not reach. They count as levels: a request from outside
 * of all scopes is of level 0; one of a timeout or group that was begun within n scopes is of level
 * n. A request of level n reaches the task while at most n scopes are open; else the scope that is
 * in its way holds it.
 */
#ifndef TASK_SHIELD_H
#define TASK_SHIELD_H

#include "task/task.h"

/* How many scopes the task is in. */
static inline unsigned task_shields(const struct task *task)
{
	return task->coro.frame ? task_wait(task)->shields : 0;
}

/*
 * Holds a request of that level, while the task is in more scopes, until they have ended. Until
 * then it does not count among the task's cancels, by which timeouts and groups inside go.
 */
void shield_hold(const struct task *task, unsigned level, struct failure *message);

/* How many requests are held. */
int shield_held(const struct task *task);

/* Takes one of them back; false if there is none. */
bool shield_uncancel(const struct task *task);

#endif
