/* SPDX-License-Identifier: MIT */
#include "coro/loop.h"

#include "base/error.h"
#include "base/memory.h"
#include "core/fail.h"
#include "coro/task.h"
#include "loop/loop.h"
#include "loop/sigint.h"
#include "task/report.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct coro_runner {
	struct coro_loop *loop; /* held twice, since the program may close it */
	bool closing;
};

int coro_runner_create(const struct coro_loop_options *options, struct coro_runner **ret)
{
	if (!ret)
		return fail_with(-EINVAL, "coro_runner_create: ret is NULL");
	struct coro_runner *runner = memory_alloc(sizeof(*runner));
	if (!runner)
		return fail_code(-ENOMEM);
	int r = coro_loop_create(options, &runner->loop);
	if (r < 0) {
		free(runner);
		return r;
	}
	coro_loop_ref(runner->loop);
	runner->closing = false;
	*ret = runner;
	return 0;
}

struct coro_loop *coro_runner_loop(const struct coro_runner *runner)
{
	return runner ? runner->loop : NULL;
}

/*
 * Runs the main task. The first SIGINT cancels it, and so does the first SIGTERM if the loop's
 * options say so.
 */
static int run_main(struct coro_loop *loop, struct coro_future *task)
{
	struct sigint by_int, by_term = {.caught = false};
	int r = sigint_begin(&by_int, task, SIGINT);
	if (r < 0)
		return r;
	if (loop->takes_sigterm)
		r = sigint_begin(&by_term, task, SIGTERM);
	if (r == 0)
		r = coro_run_until_complete(loop, task, NULL);
	return sigint_end(&by_int, sigint_end(&by_term, r));
}

int coro_runner_run_at(const char *site, struct coro_runner *runner, coro_fn *fn, void *arg)
{
	struct coro_future *task;
	if (!runner)
		return fail_with(-EINVAL, "coro_runner_run: the runner is NULL");
	int r = sched_check(sched_of(runner->loop));
	if (r < 0)
		return r;
	if (sched_busy(sched_of(runner->loop)))
		return fail_with(-EBUSY, "a loop runs in this thread already");
	struct coro_options options = {.name = "main", .site = site};
	r = coro_loop_spawn(runner->loop, &options, fn, arg, &task);
	if (r < 0)
		return r;
	r = run_main(runner->loop, task);
	coro_future_unref(task);
	return r;
}

/* -- what is left */

/* The tasks that are left, held until they have ended. */
struct leftover {
	uint32_t last; /* the number of the youngest */
	int count;
	struct coro_future **tasks; /* NULL without memory: nothing is reported then */
};

static void leftover_take(struct leftover *left, struct coro_loop *loop)
{
	int count = coro_all_tasks(loop, NULL, 0);
	left->last = loop->tasks.spawned;
	left->tasks = memory_alloc((size_t)count * sizeof(struct coro_future *));
	left->count = left->tasks ? coro_all_tasks(loop, left->tasks, (size_t)count) : 0;
}

/* Reports those that have failed, even if their failure was asked for, as asyncio does. */
static void leftover_report(const struct leftover *left)
{
	for (int i = 0; i < left->count; i++) {
		struct coro_future *task = left->tasks[i];
		if (!task->done || task->status >= 0 || task->status == -ECANCELED)
			continue;
		future_retrieved(task);
		report_future(task, "unhandled exception during coro_run() shutdown");
	}
}

static void leftover_drop(struct leftover *left)
{
	for (int i = 0; i < left->count; i++)
		coro_future_unref(left->tasks[i]);
	free(left->tasks);
}

/*
 * Returns the oldest task that is left, if it was spawned no later than that number, which may have
 * wrapped; otherwise NULL.
 */
static struct coro_future *oldest(const struct coro_loop *loop, uint32_t last)
{
	if (list_empty(&loop->tasks.all))
		return NULL;
	struct coro_future *task = &container_of(loop->tasks.all.next, struct spawned, all)->future;
	return (int32_t)(task_of(task)->number - last) <= 0 ? task : NULL;
}

/* Runs the loop until they have ended. Returns 0, or why they will not. */
static int run_until_ended(struct coro_loop *loop, uint32_t last)
{
	struct coro_future *task;
	while ((task = oldest(loop, last))) {
		coro_future_ref(task);
		int r = loop_run_until(loop, task);
		coro_future_unref(task);
		if (r < 0 && r != -ESHUTDOWN)
			return r;
	}
	return 0;
}

/*
 * Cancels all tasks, and runs those that were there until they have ended. Then it does the same
 * with the tasks that they have spawned meanwhile, a bounded number of times. It gives up if a task
 * waits for what cannot come; tasks that have failed by then are reported like any other. Returns
 * 0, or why it gave up.
 */
static int cancel_all(struct coro_loop *loop)
{
	enum { GENERATIONS = 8 };
	int r = 0;
	for (int i = 0; i < GENERATIONS && r == 0 && !list_empty(&loop->tasks.all); i++) {
		struct leftover left;
		leftover_take(&left, loop);
		list_for_each(link, &loop->tasks.all)
			coro_cancel(&container_of(link, struct spawned, all)->future);
		r = run_until_ended(loop, left.last);
		if (r == 0)
			leftover_report(&left);
		leftover_drop(&left);
	}
	return r;
}

/* -- end */

static void shut_down_extensions(struct coro_loop *loop)
{
	for (int kind = 0; kind < EXTENSION_COUNT; kind++) {
		struct extension *extension = loop->extensions[kind];
		if (extension && extension->shut_down)
			extension->shut_down(extension, loop);
	}
}

static void shut_down(struct coro_loop *loop)
{
	/* Not if it gave up: generators may wait in their cleanup for what those tasks hold. */
	if (cancel_all(loop) == 0 && coro_loop_shutdown_asyncgens(loop) == -ESHUTDOWN)
		run_until_ended(loop, loop->tasks.spawned); /* in spite of the stop */
	shut_down_extensions(loop);
}

static void end(struct coro_loop *loop)
{
	struct failure *saved = fail_save();
	if (sched_is_own(sched_of(loop)))
		shut_down(loop);
	coro_loop_close(loop);
	fail_restore(saved);
}

int coro_runner_close(struct coro_runner *runner)
{
	if (!runner)
		return 0;
	int r = sched_check(sched_of(runner->loop));
	if (r < 0 && r != -EPIPE && r != -EOWNERDEAD)
		return r;
	if (sched_busy(sched_of(runner->loop)) || runner->closing)
		return fail_with(
			-EBUSY,
			"coro_runner_close: a loop runs in this thread, or the runner is being closed");
	runner->closing = true;
	if (r != -EPIPE)
		end(runner->loop);
	coro_loop_unref(runner->loop);
	free(runner);
	return 0;
}

/* -- a whole program */

int coro_run_with_at(const char *site, const struct coro_loop_options *options, coro_fn *fn,
		     void *arg)
{
	struct coro_runner *runner;
	fork_notice();
	if (thread_current->sched)
		return fail_with(-EBUSY, "coro_run: a loop runs in this thread already");
	int r = coro_runner_create(options, &runner);
	if (r < 0)
		return r;
	r = coro_runner_run_at(site, runner, fn, arg);
	coro_runner_close(runner);
	return r;
}

int coro_run_at(const char *site, coro_fn *fn, void *arg)
{
	return coro_run_with_at(site, NULL, fn, arg);
}
