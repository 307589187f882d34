/* SPDX-License-Identifier: MIT */
/* Futures in the order in which the runner calls their done callbacks. */
#include "task/as_completed.h"

#include "base/memory.h"
#include "core/fail.h"
#include "iter/adaptor.h"
#include "task/done_call.h"
#include "task/task.h"
#include "task/wait.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct completed {
	struct coro_iterator iterator;
	struct task *owner; /* who made it; held */
	struct cleanup cleanup;
	struct timer timer;
	struct waiter *reader; /* waits for the next future; NULL: nobody does */
	struct list done;      /* not given yet */
	size_t pending;        /* whose done callback was not called yet */
	bool timed_out;
	const char *site; /* where it was made */
	int64_t timeout;

	size_t count;
	struct entry {
		struct done_call done_call; /* once called, it is linked into `done` */
		struct completed *of;
	} entries[];
};

static struct completed *completed_of(struct coro_iterator *it)
{
	return container_of(it, struct completed, iterator);
}

static struct sched *owner_sched(const struct completed *completed)
{
	return completed->owner->sched;
}

static void wake_reader(struct completed *completed)
{
	if (completed->reader)
		waiter_wake(completed->reader);
}

static void entry_done(struct done_call *done_call)
{
	struct completed *completed = container_of(done_call, struct entry, done_call)->of;
	if (completed->timed_out)
		return;
	list_append(&completed->done, &done_call->on_done.link);
	if (--completed->pending == 0)
		timer_disarm(owner_sched(completed), &completed->timer);
	wake_reader(completed);
}

static void time_over(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	struct completed *completed = container_of(timer, struct completed, timer);
	completed->timed_out = true;
	wake_reader(completed);
}

/* -- the iterator */

/* The task that waits for the next. */
struct reader {
	struct waiter waiter;
	const struct completed *completed;
};

static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct completed *completed =
		container_of(wait->waiter, struct reader, waiter)->completed;
	const struct sched *sched = owner_sched(completed);
	char left[TIME_LEFT_SIZE];
	return snprintf(text, size, "as_completed, %zu of %zu left%s", completed->pending,
			completed->count,
			time_left_text(left, sched, timer_time(sched, &completed->timer)));
}

static const struct wait_kind reading = {.leave = waiter_leave,
					 .what = "as_completed",
					 .describe = describe,
					 .subject = SUBJECT_BESIDE(SUBJECT_COMPLETED, struct reader,
								   waiter, completed)};

const struct completed_layout completed_layout = {
	.count = offsetof(struct completed, count),
	.entries = offsetof(struct completed, entries),
	.bytes = sizeof(struct entry),
	.future = offsetof(struct entry, done_call.future),
};

const struct coro_future *completed_future(const struct completed *completed, size_t i)
{
	return i < completed->count ? completed->entries[i].done_call.future : NULL;
}

/* Waits for one. Returns 0 or -ECANCELED. What has come by then stays in `done`. */
static int wait_for_one(struct completed *completed)
{
	struct reader reader;
	reader.completed = completed;
	list_init(&reader.waiter.link);
	completed->reader = &reader.waiter;
	int r = waiter_wait(&reader.waiter, &reading);
	waiter_end(&reader.waiter);
	completed->reader = NULL;
	return r;
}

static int completed_next(struct coro_iterator *it, void **ret)
{
	struct completed *completed = completed_of(it);
	const struct task *task = task_running();
	if (!task || task->sched != owner_sched(completed))
		return fail_with(-EPERM,
				 "coro_iter_next: not in a task of the loop of coro_as_completed");
	if (completed->reader)
		return fail_with(-EBUSY, "coro_iter_next: another task waits in this as_completed");
	while (list_empty(&completed->done)) {
		if (completed->timed_out)
			return fail_timeout(completed->site, completed->timeout);
		if (completed->pending == 0)
			return 0;
		int r = wait_for_one(completed);
		if (r < 0)
			return r;
	}
	struct list *link = list_pop(&completed->done);
	if (ret)
		*ret = container_of(link, struct entry, done_call.on_done.link)->done_call.future;
	return 1;
}

static void completed_free(struct completed *completed)
{
	struct sched *sched = owner_sched(completed);
	timer_disarm(sched, &completed->timer);
	for (size_t i = 0; i < completed->count; i++) {
		done_call_remove(&completed->entries[i].done_call);
		future_unref(completed->entries[i].done_call.future);
	}
	sched_release(sched, 0, completed->count + 1);
	future_unref(future_of(completed->owner));
	free(completed);
}

static void completed_discard(struct cleanup *cleanup)
{
	completed_free(container_of(cleanup, struct completed, cleanup));
}

/* The deferred calls may still use it, and are made before. */
static void completed_outlive(struct cleanup *cleanup)
{
	struct completed *completed = container_of(cleanup, struct completed, cleanup);
	cleanup_push(completed->owner, &completed->cleanup, completed_discard);
}

static int completed_close(struct coro_iterator *it)
{
	struct completed *completed = completed_of(it);
	int r = sched_check(owner_sched(completed));
	if (r < 0)
		return r;
	if (completed->reader)
		return fail_with(-EBUSY, "coro_iter_close: a task waits in this as_completed");
	if (!future_of(completed->owner)->done)
		cleanup_pop(&completed->cleanup); /* otherwise it went with the owner's stack */
	completed_free(completed);
	return 0;
}

/* -- birth */

static int refused_next(struct coro_iterator *it, void **ret)
{
	(void)it;
	(void)ret;
	return fail_with(-EPERM, "coro_as_completed: not in a task of the loop of the futures");
}

static struct coro_iterator *failed(int error)
{
	/* Nobody writes to it. */
	static const struct coro_iterator refused = {.next = refused_next};
	return error == -EPERM ? (struct coro_iterator *)&refused : adaptor_failed(error);
}

/* Adds a done callback to each future, however often it is named. */
static void add_done_calls(struct completed *completed, struct coro_future *const *futures,
			   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (futures[i]->marked)
			continue;
		futures[i]->marked = true;
		struct entry *entry = &completed->entries[completed->pending++];
		entry->of = completed;
		done_call_add(&entry->done_call, future_ref(futures[i]), entry_done);
	}
	for (size_t i = 0; i < count; i++)
		futures[i]->marked = false;
}

struct coro_iterator *coro_as_completed_at(const char *site, struct coro_future *const *futures,
					   size_t count, int64_t timeout)
{
	struct task *task = task_running();
	int r = check_futures(task, futures, count);
	if (r < 0)
		return failed(r);
	struct completed *completed = NULL;
	if (count <= (SIZE_MAX / 2 - sizeof(*completed)) / sizeof(completed->entries[0]))
		completed =
			memory_alloc(sizeof(*completed) + count * sizeof(completed->entries[0]));
	struct sched *sched = task->sched;
	if (!completed || sched_reserve(sched, 0, count + 1) < 0) {
		free(completed);
		return failed(fail_code(-ENOMEM));
	}
	*completed = (struct completed){
		.iterator = {.next = completed_next, .close = completed_close},
		.owner = task,
		.site = site,
		.timeout = timeout,
		.timer = {.call = {.run = time_over, .position = CALL_IDLE},
			  .node.place = HEAP_NONE},
	};
	future_ref(future_of(task));
	list_init(&completed->done);
	add_done_calls(completed, futures, count);
	completed->count = completed->pending;
	sched_release(sched, 0, count - completed->count);
	if (timeout != CORO_FOREVER && completed->count > 0)
		timer_arm(sched, &completed->timer, time_after(sched_time(sched), timeout));
	cleanup_push(task, &completed->cleanup, completed_outlive);
	return &completed->iterator;
}
