/* SPDX-License-Identifier: MIT */
/* A task from inside: a coroutine that the loop resumes, and the future of its result. */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include "core/thread.h"
#include "sched/park.h"
#include "task/future.h"

/* Kept small: a million may sleep. What only a started task needs lies in its stack's header. */
struct task {
	struct coro coro;
	struct coro_future future;
	int cancels;     /* requests that were not taken back */
	uint32_t parent; /* the number of the task that spawned it, 0 for none */
	struct list all; /* in loop->tasks, until it is done */
};

_Static_assert(sizeof(struct wait) <= sizeof(((struct frame *)0)->outer), "a wait fits the frame");

/* The loop's counterpart of struct thread's leave. */
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

/* The wait of a task that has started. */
static inline struct wait *task_wait(const struct task *task)
{
	return (struct wait *)(void *)task->coro.frame->outer;
}

/*
 * loop->start: what a new task may be beside plain, which is cancelled, without a stack to be had,
 * or an heir of values.
 */
bool task_start_slow(struct task *task);

/* It has a stack now, and stands at its start. */
static inline void task_begin(struct task *task)
{
	struct wait *wait = task_wait(task);
	task->coro.state = STATE_RUNNING; /* to all but the loop */
	task->coro.at = &task->coro;
	wait->task = task;
	wait->kind = NULL;
	wait->waiter = NULL;
	wait->cleanups = NULL;
	wait->scopes = 0;
	wait->shields = 0;
	wait->cancelled_late = false;
}

static inline bool is_task(const struct coro_future *future)
{
	return future->kind == FUTURE_TASK;
}

static inline struct task *task_of(const struct coro_future *future)
{
	return container_of(future, struct task, future);
}

#endif
