/* SPDX-License-Identifier: MIT */
#include "loop/asyncgen.h"

#include "base/error.h"
#include "core/fail.h"
#include "coro/group.h"
#include "coro/loop.h"
#include "loop/loop.h"

#include <errno.h>

/* -- who is open */

int coro_loop_note_asyncgen(void)
{
	struct task *task = task_running();
	struct coro *self = thread_current->self;
	if (!task || self == &task->coro)
		return fail_with(-EPERM,
				 "coro_loop_note_asyncgen: not in a generator that a task runs");
	asyncgen_note(task->sched, task, self);
	return 0;
}

void asyncgen_forget(struct coro_loop *loop)
{
	struct list *link;
	while ((link = list_pop(&sched_of(loop)->asyncgens)))
		link->next = NULL;
}

/* -- closing them */

/* The handler may destroy the generator, and receive other errors. */
static void report(struct coro_loop *loop, struct coro *co, int error)
{
	struct failure *message = failure_ref(thread_current->self->frame->failure);
	struct coro_report report = {
		.message = "an error occurred during closing of asynchronous generator",
		.error = error,
		.error_message = coro_message(error),
		.origin = coro_origin(error),
		.generator = co,
	};
	coro_loop_call_exception_handler(loop, &report);
	failure_unref(message);
}

/* Puts a generator back that was closed and has not left, or that another task uses. */
static void put_back(struct coro_loop *loop, struct coro *co)
{
	list_remove(&co->frame->asyncgen.link);
	list_append(&sched_of(loop)->asyncgens, &co->frame->asyncgen.link);
}

/* The generators that were open when it began. */
struct shutdown {
	struct coro_loop *loop;
	size_t left; /* not taken off the list yet */
};

/*
 * Closes the first open generator. Meanwhile it is on the other list, where nobody else finds it.
 */
static int close_first(void *arg)
{
	struct shutdown *shutdown = arg;
	struct coro_loop *loop = shutdown->loop;
	struct list *link = list_pop(&sched_of(loop)->asyncgens);
	shutdown->left--;
	if (!link)
		return 0;
	list_append(&loop->closing_asyncgens, link);
	struct coro *co = container_of(link, struct asyncgen, link)->co;
	int r = coro_close(co);
	bool ended = co->state == STATE_DONE, leaving = !ended && co->flags & FLAG_CLOSING;
	if (!ended)
		put_back(loop, co);
	if (r < 0 && r != -ECANCELED && !leaving)
		report(loop, co, r);
	return 0;
}

static size_t count_open(const struct coro_loop *loop)
{
	size_t count = 0;
	list_for_each(link, &sched_of(loop)->asyncgens)
		count++;
	return count;
}

/* Closes all, in a task of the loop: each in a task of its own, or without memory in this one. */
static int close_all(void *arg)
{
	struct shutdown shutdown = {.loop = arg, .left = count_open(arg)};
	struct coro_group *group;
	int r = shutdown.left > 0 ? coro_group_create_at(NULL, &group) : -ENOENT;
	if (r == 0) {
		for (size_t i = shutdown.left; i > 0 && r == 0; i--)
			r = coro_group_spawn(group, close_first, &shutdown, NULL);
		r = coro_group_end(group, 0);
	}
	while (shutdown.left > 0)
		close_first(&shutdown);
	return r == -ECANCELED ? r : 0;
}

/* The same from outside of the loop, which does not run. */
static int run_close_all(struct coro_loop *loop)
{
	struct coro_future *task;
	int r = coro_loop_spawn(loop, NULL, close_all, loop, &task);
	if (r < 0)
		return r;
	r = coro_run_until_complete(loop, task, NULL);
	coro_future_unref(task);
	return r;
}

int coro_loop_shutdown_asyncgens(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	if (!sched->thread->sched)
		return sched->runner
			       ? fail_with(-EBUSY, "coro_loop_shutdown_asyncgens: the loop runs")
			       : run_close_all(loop);
	struct task *task = task_running();
	return task && task->sched == sched
		       ? close_all(loop)
		       : fail_with(-EPERM,
				   "coro_loop_shutdown_asyncgens: not in a task of the loop");
}
