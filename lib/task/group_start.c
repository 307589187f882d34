/* SPDX-License-Identifier: MIT */
/* A member that says when it is ready (coro_group_start). */
#include "base/error.h"
#include "core/fail.h"
#include "task/group.h"
#include "task/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* It lies on the stack of the task that waits for the start. */
struct start {
	struct waiter waiter;
	struct member *member; /* NULL: the group has it */
	coro_fn *fn;
	void *arg, *value;
	struct done_call done_call; /* of the task, which may end before */
	struct cleanup cleanup;
};

/* It lies on the stack of the new task. */
struct starting {
	struct cleanup cleanup;
	struct start *start; /* NULL: the task is ready */
};

static void starting_discard(struct cleanup *cleanup)
{
	container_of(cleanup, struct starting, cleanup)->start = NULL;
}

static int run_starting(void *arg)
{
	struct start *start = arg;
	struct starting starting = {.start = start};
	cleanup_push(task_running(), &starting.cleanup, starting_discard);
	int r = start->fn(start->arg);
	cleanup_pop(&starting.cleanup);
	return r;
}

int coro_started(void *value)
{
	struct task *task = task_running();
	struct cleanup *at = task ? task_wait(task)->cleanups : NULL;
	while (at && at->run != starting_discard)
		at = at->next;
	if (!at)
		return fail_with(-EPERM, "coro_started: not in a task of coro_group_start");
	struct starting *starting = container_of(at, struct starting, cleanup);
	struct start *start = starting->start;
	if (!start)
		return fail_with(-EALREADY, "coro_started: the task has said so already");
	starting->start = NULL;
	start->value = value;
	member_join(start->member, future_ref(future_of(task)));
	start->member = NULL;
	if (start->waiter.state == WAITER_PENDING) {
		start->waiter.state = WAITER_WOKEN;
		wake_given(start->waiter.task, 0);
	}
	return 0;
}

static void start_over(struct done_call *done_call)
{
	waiter_wake(&container_of(done_call, struct start, done_call)->waiter);
}

/* The task that waits is discarded, and the new one too. */
static void start_discard(struct cleanup *cleanup)
{
	struct start *start = container_of(cleanup, struct start, cleanup);
	done_call_remove(&start->done_call);
	coro_future_unref(start->done_call.future);
	free(start->member);
}

static int describe_start(const struct task_wait *wait, char *text, size_t size)
{
	const struct start *start = container_of(wait->waiter, struct start, waiter);
	char task[64];
	future_describe(start->done_call.future, task, sizeof(task));
	return snprintf(text, size, "the start of %s", task);
}

static const struct wait_kind waiting_for_start = {
	.leave = waiter_leave,
	.what = "a member's start",
	.describe = describe_start,
	.subject = SUBJECT_BESIDE(SUBJECT_FUTURE, struct start, waiter, done_call.future)};

/*
 * Waits until the task is ready or has ended. If the caller is cancelled, the task is cancelled,
 * and -ECANCELED returned.
 */
static int wait_for_start(struct start *start, struct coro_future *task)
{
	int r = 0;
	while (start->member && !task->done) {
		int waited = waiter_wait(&start->waiter, &waiting_for_start);
		waiter_end(&start->waiter);
		if (waited == 0)
			continue;
		if (!start->member) {
			task_put_off_cancel(
				task_running()); /* the task was ready in the same turn */
			break;
		}
		r = -ECANCELED;
		future_cancel(task);
	}
	return r;
}

/*
 * The task has ended before it was ready: returns its failure. A request to cancel the caller is
 * kept.
 */
static int start_failed(struct coro_future *task, int cancelled)
{
	int r = future_result(task, NULL);
	if (r >= 0)
		r = fail_with(CORO_INCOMPLETE, "coro_group_start: the task ended unready");
	if (cancelled && r != -ECANCELED)
		task_put_off_cancel(task_running());
	return r;
}

/* Spawns the task, which the group counts as a user. Returns 0 or an error. */
static int begin(const char *site, struct start *start, struct coro_future **ret)
{
	struct coro_group *group = start->member->group;
	struct sched *sched = group->parent->sched;
	group->users++;
	int r = sched_reserve(sched, 0, 1);
	if (r == 0)
		r = task_spawn(sched, &(struct coro_options){.site = site}, run_starting, start,
			       ret);
	if (r < 0) {
		group->users--;
		member_destroy(start->member);
		return r;
	}
	list_init(&start->waiter.link);
	done_call_add(&start->done_call, *ret, start_over);
	cleanup_push(task_running(), &start->cleanup, start_discard);
	return 0;
}

static void end(struct start *start, struct coro_group *group)
{
	cleanup_pop(&start->cleanup);
	done_call_remove(&start->done_call);
	sched_release(group->parent->sched, 0, 1);
	group->users--;
	if (start->member)
		member_destroy(start->member);
	else
		group_left(group);
}

int coro_group_start_at(const char *site, struct coro_group *group, coro_fn *fn, void *arg,
			void **value, struct coro_future **ret)
{
	struct start start = {.fn = fn, .arg = arg, .waiter.state = WAITER_CANCELLED};
	struct coro_future *task;
	if (!task_running())
		return fail_with(-EPERM, "coro_group_start: not in a task");
	int r = member_create(group, fn, &start.member);
	if (r == 0)
		r = begin(site, &start, &task);
	if (r < 0)
		return r;
	r = wait_for_start(&start, task);
	if (start.member)
		r = start_failed(task, r);
	if (value && r == 0)
		*value = start.value;
	if (ret && r == 0)
		*ret = coro_future_ref(task);
	end(&start, group);
	coro_future_unref(task);
	return r;
}
