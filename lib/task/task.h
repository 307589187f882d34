/* SPDX-License-Identifier: MIT */
/* A task from inside: what the scheduler switches to, and the future of its result. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include "core/thread.h"
#include "sched/park.h"
#include "task/future.h"
#include "task/tasks.h"

/* A task as a whole. */
struct spawned {
	struct task task;
	struct coro_future future;
	uint32_t parent; /* the number of the task that spawned it, 0 for none */
	struct list all; /* in tasks->all or servants, until it is done */
};

static inline bool is_task(const struct coro_future *future)
{
	return future->kind == FUTURE_TASK;
}

static inline struct spawned *spawned_of(const struct task *task)
{
	return container_of((struct task *)task, struct spawned, task);
}

static inline struct coro_future *future_of(const struct task *task)
{
	return &spawned_of(task)->future;
}

static inline struct task *task_of(const struct coro_future *future)
{
	return &container_of((struct coro_future *)future, struct spawned, future)->task;
}

/* What coro_loop_spawn does. */
int task_spawn(struct sched *sched, const struct coro_options *options, coro_fn *fn, void *arg,
	       struct coro_future **ret);

/* thread->leave, for tasks. */
void *task_leave(struct coro *co, int status, int *result);

/*
 * Hides a task that serves the library. coro_all_tasks does not list it, and the end of coro_run
 * neither cancels it nor waits for it.
 */
void task_hide(struct coro_future *future);

/*
 * Discards a task; its body does not run on. There are three steps, each made for all tasks before
 * the next, since tasks may use what lies on the stacks of others: unlink its wait and its
 * cleanups; make its deferred calls; free its stack.
 */
void task_discard_wait(struct task *task);
void task_discard_deferred(struct task *task);
void task_discard(struct task *task);

/* Whether a request to cancel the task is put off, since it was given what it waited for. */
static inline bool request_put_off(const struct task *task)
{
	enum { BOTH = FLAG_MUST_CANCEL | FLAG_GIVEN };
	return (task->coro.flags & BOTH) == BOTH;
}

/*
 * Takes a request to cancel back. Returns how many are left. A request that was put off is dropped
 * once no more than `others` are left.
 */
int task_uncancel(struct task *task, int others);

/* sched->start: starts a task that was cancelled, has no warm stack, or inherits values. */
bool task_start_slow(struct task *task);

#endif
