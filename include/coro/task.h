/* SPDX-License-Identifier: MIT */
/*
 * Tasks: bodies that a loop runs, each on a stack of its own, beside one another. A task waits
 * where it calls something that waits, however deep in plain functions that stands.
 */
#ifndef CORO_TASK_H
#define CORO_TASK_H

#include <coro/coroutine.h>
#include <coro/future.h>

CORO_BEGIN_DECLS

/*
 * Has the running loop run fn(arg) as a task, from its next turn on (asyncio.create_task). Where
 * ret is not NULL the caller owns *ret; either way the task runs to its end. What fn returns is the
 * task's result: negative its failure, else its status, to which coro_return adds a value. A body
 * that returns -ECANCELED is cancelled. The stack is taken when the task first runs; if there is
 * none, the task fails with -ENOMEM. -EPERM outside a running loop; -EINVAL, -ENOMEM.
 */
#define coro_spawn(...)          \
	coro_spawn_at(CORO_HERE, \
		      __VA_ARGS__) /* (coro_fn *fn, void *arg, struct coro_future **ret) */
CORO_MUST_CHECK CORO_API int coro_spawn_at(const char *site, coro_fn *fn, void *arg,
					   struct coro_future **ret);

/*
 * The same with a copy of the argument, its first size bytes, at most CORO_COPY_MOST: fn gets a
 * pointer to that, on the task's stack. So tasks can be spawned in a loop over what changes, and
 * outlive what they were spawned with.
 */
#define CORO_COPY_MOST 4096
#define coro_spawn_copy(...) \
	coro_spawn_copy_at(CORO_HERE, __VA_ARGS__) /* (fn, const void *arg, size_t size, ret) */
CORO_MUST_CHECK CORO_API int coro_spawn_copy_at(const char *site, coro_fn *fn, const void *arg,
						size_t size, struct coro_future **ret);

/*
 * The same on a loop, running or not (loop.create_task), with options (see coro_create_with) or
 * NULL.
 *
 * With CORO_EAGER_START among them, or on a loop with CORO_EAGER_TASKS, the new task runs before
 * this returns, in the caller's stead, until it first waits or ends (eager_start of Python 3.12);
 * then the caller goes on before all others. One that needs not wait is done by then, and was never
 * ready. Where the loop does not run yet, the task starts as any other.
 */
CORO_MUST_CHECK CORO_API int coro_loop_spawn(struct coro_loop *loop,
					     const struct coro_options *options, coro_fn *fn,
					     void *arg, struct coro_future **ret);

/* The task that calls, NULL for none (asyncio.current_task). The caller gets no reference. */
CORO_API struct coro_future *coro_current_task(void);

/* Whether this future is a task. */
CORO_API bool coro_is_task(const struct coro_future *future);

/*
 * The task's name (task.get_name): the one given, else "Task-N", N counting the tasks of its loop;
 * that text lives in the calling thread until the next call. NULL for a plain future.
 */
CORO_API const char *coro_task_name(const struct coro_future *task);

/*
 * Names the task (task.set_name). The name is not copied, and must outlive the task; NULL for
 * "Task-N". -EINVAL for a plain future, -EPERM.
 */
CORO_API int coro_task_set_name(struct coro_future *task, const char *name);

/* The N of "Task-N", from 1 on; 0 for a plain future. */
CORO_API unsigned coro_task_number(const struct coro_future *task);

/* The number of the task that spawned it; 0 if none did, and for a plain future. */
CORO_API unsigned coro_task_parent(const struct coro_future *task);

/* Where the task was spawned, "file.c:12"; NULL if that is not known. */
CORO_API const char *coro_task_site(const struct coro_future *task);

/* How many requests to cancel the task are pending (task.cancelling). */
CORO_MUST_CHECK CORO_API int coro_task_cancelling(const struct coro_future *task);

/*
 * Takes one of them back; returns how many are left (task.uncancel). -EINVAL for a plain future,
 * -EPERM.
 */
CORO_API int coro_task_uncancel(struct coro_future *task);

/* Lets everything run that is ready, once: coro_sleep(0). */
coro_async CORO_MUST_CHECK CORO_API int coro_task_yield(void);

/*
 * For what computes for long, in a task or not: in a task it gives way, as coro_task_yield, and is
 * -ECANCELED if the task was asked to cancel; elsewhere it does nothing. 0, -ECANCELED.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_checkpoint(void);

CORO_END_DECLS

#endif
