/* SPDX-License-Identifier: MIT */
/* A task from inside: a coroutine that the loop resumes, and the future of its result. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include "core/thread.h"
#include "sched/park.h"
#include "task/future.h"
#include "task/tasks.h"

/* A task as a whole: what the scheduler switches to, and the future of its result. */
struct spawned {
	struct task task;
	struct coro_future future;
	uint32_t parent; /* the number of the task that spawned it, 0 for none */
	struct list all; /* in the loop's tasks, until it is done */
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

/* coro_loop_spawn. */
int task_spawn(struct sched *sched, const struct coro_options *options, coro_fn *fn, void *arg,
	       struct coro_future **ret);

/* The scheduler's counterpart of struct thread's leave. */
void *task_leave(struct coro *co, int status, int *result);

/*
 * A task that serves the library: it is not among coro_all_tasks, nor cancelled at the end of the
 * run, which does not wait for it.
 */
void task_hide(struct coro_future *future);

/*
 * Throws a task away where it stands; nobody is told. In steps, each of them for all tasks before
 * the next, since what lies on the stack of one others may wait for, or use in what they deferred:
 * takes it off all that it waits for; makes its deferred calls; lets go of its stack and of it.
 */
void task_discard_wait(struct task *task);
void task_discard_deferred(struct task *task);
void task_discard(struct task *task);

/* The task was cancelled, and what it waited for came all the same: it has not received that yet. */
static inline bool request_put_off(const struct task *task)
{
	enum { BOTH = FLAG_MUST_CANCEL | FLAG_GIVEN };
	return (task->coro.flags & BOTH) == BOTH;
}

/*
 * Takes back a request to cancel; returns how many are left. Where the task was given something
 * before the request could reach it, the request is still pending: once no more than `others` are
 * left, it is not.
 */
int task_uncancel(struct task *task, int others);

/*
 * loop->start: what a new task may be beside plain, which is cancelled, without a stack to be had,
 * or an heir of values.
 */
bool task_start_slow(struct task *task);

#endif
