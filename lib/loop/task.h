/* SPDX-License-Identifier: MIT */
/* A task from inside: a coroutine that the loop resumes, and the future of its result. */
#ifndef LOOP_TASK_H
#define LOOP_TASK_H

#include "core/coroutine.h"
#include "loop/future.h"
#include "loop/waiter.h"

/* Kept small: a million may sleep. What only a started task needs lies in its stack's header. */
struct task {
	struct coro coro;
	struct coro_future future;
	int cancels;     /* requests that were not taken back */
	uint32_t parent; /* the number of the task that spawned it, 0 for none */
	struct list all; /* in loop->tasks, until it is done */
};

_Static_assert(sizeof(struct wait) <= sizeof(((struct frame *)0)->outer), "a wait fits the frame");

/*
 * Readies a task that has not started to be switched to; false if it has ended instead, without
 * running.
 */
bool task_start(struct task *task);

/* The loop's counterpart of struct thread's leave. */
void *task_leave(struct coro *co, int status, int *result);

/* Throws a task away where it stands; nobody is told. */
void task_abandon(struct task *task);

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

static inline bool is_task(const struct coro_future *future)
{
	return future->kind == FUTURE_TASK;
}

static inline struct task *task_of(const struct coro_future *future)
{
	return container_of(future, struct task, future);
}

#endif
