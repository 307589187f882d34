/* SPDX-License-Identifier: MIT */
/*
 * Scopes of a task that cancellation does not reach. They count as levels. A request from outside
 * of all scopes has level 0; that of a timeout or group begun inside n scopes has level n. A
 * request of level n reaches the task while at most n scopes are open. Otherwise the scope in its
 * way holds it, unless the time of that scope is over.
 */
#ifndef TASK_SHIELD_H
#define TASK_SHIELD_H

#include "task/task.h"

/* How many scopes of the task are open. */
static inline unsigned task_shields(const struct task *task)
{
	return task->coro.frame ? task_wait(task)->shields : 0;
}

/*
 * Holds a request of this level until the scopes in its way have ended. Until then it does not
 * count in task->cancels, which timeouts and groups inside go by. Returns false if none is in its way.
 */
bool shield_hold(const struct task *task, unsigned level, struct failure *message);

/* Returns how many requests are held. */
int shield_held(const struct task *task);

/* Takes one of them back. Returns false if there is none. */
bool shield_uncancel(const struct task *task);

#endif
