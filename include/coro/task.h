/* SPDX-License-Identifier: MIT */
/*
 * Tasks: bodies that a loop runs concurrently, each on a stack of its own. A task may wait in any
 * function that its body calls: a plain function, which need not know that it runs in a task.
 *
 *	static int square(void *arg)
 *	{
 *		int n = *(int *)arg;
 *		int r = coro_sleep(10 * CORO_MSEC);
 *		return r < 0 ? r : n * n;
 *	}
 *
 *	r = coro_spawn_copy(square, &n, sizeof(n), &task);    // runs beside the caller from now on
 *	if (r < 0)
 *		return r;
 *	r = coro_await(task, NULL);                           // what the body returned
 *	coro_future_unref(task);
 *
 * What the body returns is the task's result: an error if it is negative, else a status, to which
 * coro_return adds a value. A task whose body returns -ECANCELED is cancelled. Tasks are futures:
 * coro/future.h has the calls to await and cancel them.
 */
#ifndef CORO_TASK_H
#define CORO_TASK_H

#include <coro/coroutine.h>
#include <coro/future.h>

CORO_BEGIN_DECLS

/*
 * Has the running loop run fn(arg) as a task, from its next turn on. If ret is not NULL, *ret is
 * the task and the caller owns a reference to it. The task runs to its end without references too.
 * It takes a stack when it first runs; if there is none, it fails with -ENOMEM.
 *
 * Returns 0, -EINVAL, -ENOMEM, or -EPERM when no loop runs in this thread. Like
 * asyncio.create_task.
 */
#define coro_spawn(...) /* (coro_fn *fn, void *arg, struct coro_future **ret) */ \
	coro_spawn_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_spawn. */
CORO_MUST_CHECK CORO_API int coro_spawn_at(const char *site, coro_fn *fn, void *arg,
					   struct coro_future **ret);

/* The most bytes that coro_spawn_copy copies. */
#define CORO_COPY_MOST 4096

/*
 * Spawns a task as coro_spawn does, with a copy of its argument: fn gets a pointer to a copy of the
 * size bytes at arg, at most CORO_COPY_MOST, on the task's stack. So arg may be a variable that
 * changes, or ends, before the task runs.
 */
#define coro_spawn_copy(...) /* (coro_fn *fn, const void *arg, size_t size, \
				 struct coro_future **ret) */ \
	coro_spawn_copy_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_spawn_copy. */
CORO_MUST_CHECK CORO_API int coro_spawn_copy_at(const char *site, coro_fn *fn, const void *arg,
						size_t size, struct coro_future **ret);

/*
 * Spawns a task on a loop, which may run or not, with options (see coro_create_with) or NULL.
 *
 * With CORO_EAGER_START in the options, or CORO_EAGER_TASKS in the loop's, the new task runs at
 * once, until it first waits or ends. Then the caller goes on, before all others. A task that need
 * not wait is done when the call returns. If the loop does not run, the task starts as any other.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EPERM  the loop belongs to another thread
 *   -EPIPE  the loop is closed
 *
 * Like loop.create_task.
 */
CORO_MUST_CHECK CORO_API int coro_loop_spawn(struct coro_loop *loop,
					     const struct coro_options *options, coro_fn *fn,
					     void *arg, struct coro_future **ret);

/*
 * Returns the task that runs, without a reference for the caller; NULL outside of tasks. Like
 * asyncio.current_task.
 */
CORO_API struct coro_future *coro_current_task(void);

/* Returns whether this future is a task. */
CORO_API bool coro_is_task(const struct coro_future *future);

/*
 * Returns the task's name: the one it was given, else "Task-N", where N is coro_task_number. The
 * text "Task-N" is valid until the next call in this thread. NULL for a plain future. Like
 * task.get_name.
 */
CORO_API const char *coro_task_name(const struct coro_future *task);

/*
 * Names the task. The name is not copied, and must outlive the task. NULL gives "Task-N" again.
 * Returns 0, -EINVAL for a plain future, or -EPERM in another thread. Like task.set_name.
 */
CORO_API int coro_task_set_name(struct coro_future *task, const char *name);

/* Returns the task's number: its loop counts them from 1 on. 0 for a plain future. */
CORO_API unsigned coro_task_number(const struct coro_future *task);

/* Returns the number of the task that spawned it; 0 if none did, and for a plain future. */
CORO_API unsigned coro_task_parent(const struct coro_future *task);

/* Returns where the task was spawned, "file.c:12", or NULL if that is not known. */
CORO_API const char *coro_task_site(const struct coro_future *task);

/*
 * Returns how many requests to cancel the task are pending, or -EINVAL for a plain future. Like
 * task.cancelling.
 */
CORO_MUST_CHECK CORO_API int coro_task_cancelling(const struct coro_future *task);

/*
 * Takes one request to cancel the task back. Returns how many are left, -EINVAL for a plain future,
 * or -EPERM in another thread. Like task.uncancel.
 */
CORO_API int coro_task_uncancel(struct coro_future *task);

/*
 * Suspends the task for delay nanoseconds, and never ends early. A delay of 0 or less lets
 * everything run once that is ready.
 *
 * Returns 0, -ECANCELED if the task was cancelled, or -EPERM outside of tasks. Like asyncio.sleep.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_sleep(int64_t delay);

/* Suspends the task until a time of the loop's clock. Returns what coro_sleep does. */
coro_async CORO_MUST_CHECK CORO_API int coro_sleep_until(int64_t when);

/*
 * Lets everything run once that is ready. Returns 0, -ECANCELED if the task was cancelled, or
 * -EPERM outside of tasks. Like `asyncio.sleep(0)`.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_task_yield(void);

/*
 * Does what coro_task_yield does, but nothing outside of tasks. It is for code that computes for
 * long and may run in a task or not. Returns 0, or -ECANCELED if the task was cancelled.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_checkpoint(void);

CORO_END_DECLS

#endif
