/* SPDX-License-Identifier: MIT */
/* Waits with a deadline, and waits that leave the future alone: wait, shield. */
#include "task/wait.h"

#include "base/error.h"
#include "core/fail.h"
#include "task/done_call.h"
#include "task/task.h"

#include <errno.h>
#include <stdio.h>

#define WAITING_CALLS "coro_wait, _wait_for, _gather, _shield, _as_completed"

int check_futures(const struct task *task, struct coro_future *const *futures, size_t count)
{
	if (!task)
		return fail_with(-EPERM, WAITING_CALLS ": not in a task");
	if (!futures && count > 0)
		return fail_with(-EINVAL, WAITING_CALLS ": the array is NULL");
	for (size_t i = 0; i < count; i++) {
		if (!futures[i])
			return fail_with(-EINVAL, WAITING_CALLS ": one of them is NULL");
		if (futures[i]->sched != task->sched)
			return fail_with(-EPERM, WAITING_CALLS ": one of them is another loop's");
	}
	return 0;
}

/* -- a waiter with a deadline: asyncio's waiter future, released by a callback or by call_later */

struct deadline {
	struct waiter waiter;
	struct timer timer;
	struct sched *sched; /* NULL: there is no deadline */
};

static void deadline_come(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	waiter_wake(&container_of(timer, struct deadline, timer)->waiter);
}

static int deadline_begin(struct deadline *deadline, struct sched *sched, int64_t timeout)
{
	*deadline = (struct deadline){.waiter.state = WAITER_PENDING};
	list_init(&deadline->waiter.link);
	if (timeout == CORO_FOREVER)
		return 0;
	int r = sched_reserve(sched, 0, 1);
	if (r < 0)
		return r;
	deadline->sched = sched;
	deadline->timer = (struct timer){.call.run = deadline_come, .node.place = HEAP_NONE};
	timer_arm(sched, &deadline->timer, time_after(sched_time(sched), timeout));
	return 0;
}

static void deadline_end(struct deadline *deadline)
{
	if (!deadline->sched)
		return;
	timer_disarm(deadline->sched, &deadline->timer);
	sched_release(deadline->sched, 0, 1);
}

/* -- wait */

struct waiting {
	struct deadline deadline;
	struct done_calls done_calls;
	struct cleanup cleanup;
	size_t left;
	enum coro_wait_mode mode;
};

static void one_completed(struct done_call *done_call)
{
	struct waiting *waiting =
		container_of(done_calls_of(done_call), struct waiting, done_calls);
	int status = done_call->future->status;
	waiting->left--;
	if (waiting->left > 0 && waiting->mode == CORO_FIRST_EXCEPTION)
		future_retrieved_next_turn(
			done_call->future); /* asyncio's callback asks for it too */
	if (waiting->left == 0 || waiting->mode == CORO_FIRST_COMPLETED ||
	    (waiting->mode == CORO_FIRST_EXCEPTION && status < 0 && status != -ECANCELED))
		waiter_wake(&waiting->deadline.waiter);
}

/*
 * Futures that are done and whose callback was not called yet count as asked for too, as in
 * asyncio.
 */
static void waiting_end(struct waiting *waiting)
{
	for (size_t i = 0; i < waiting->done_calls.count; i++) {
		struct done_call *done_call = &waiting->done_calls.all[i].done_call;
		if (done_call->call.position != CALL_IDLE && !done_call->future->sched->closed)
			one_completed(done_call);
	}
	deadline_end(&waiting->deadline);
	done_calls_end(&waiting->done_calls);
}

static void waiting_discard(struct cleanup *cleanup)
{
	waiting_end(container_of(cleanup, struct waiting, cleanup));
}

static int count_done(const struct done_calls *done_calls)
{
	int done = 0;
	for (size_t i = 0; i < done_calls->count; i++)
		done += done_calls->all[i].done_call.future->done;
	return done;
}

static int describe_several(const struct task_wait *wait, char *text, size_t size)
{
	const struct waiting *waiting = container_of(wait->waiter, struct waiting, deadline.waiter);
	const struct deadline *deadline = &waiting->deadline;
	char left[TIME_LEFT_SIZE] = "";
	if (deadline->sched)
		time_left_text(left, deadline->sched,
			       timer_time(deadline->sched, &deadline->timer));
	return snprintf(text, size, "several futures, %zu of %zu left%s", waiting->left,
			waiting->done_calls.count, left);
}

static const struct wait_kind waiting_for_several = {
	.leave = waiter_leave,
	.what = "several futures",
	.describe = describe_several,
	.subject = SUBJECT_BESIDE(SUBJECT_FUTURES, struct waiting, deadline.waiter, done_calls)};

int coro_wait(struct coro_future *const *futures, size_t count, enum coro_wait_mode mode,
	      int64_t timeout)
{
	struct task *task = task_running();
	int r = check_futures(task, futures, count);
	if (r < 0)
		return r;
	if (count == 0 || count > INT32_MAX || mode > CORO_FIRST_EXCEPTION)
		return fail_with(-EINVAL, "coro_wait: there are no futures, or the mode is none");
	struct waiting waiting = {.mode = mode};
	r = done_calls_init(&waiting.done_calls, task->sched, count);
	if (r < 0)
		return r;
	r = deadline_begin(&waiting.deadline, task->sched, timeout);
	if (r < 0) {
		done_calls_finish(&waiting.done_calls);
		return r;
	}
	done_calls_begin_once(&waiting.done_calls, futures, one_completed);
	waiting.left = waiting.done_calls.count;
	cleanup_push(task, &waiting.cleanup, waiting_discard);
	r = waiter_wait(&waiting.deadline.waiter, &waiting_for_several);
	waiter_end(&waiting.deadline.waiter);
	cleanup_pop(&waiting.cleanup);
	if (r == 0)
		r = count_done(&waiting.done_calls);
	waiting_end(&waiting);
	return r;
}

/* -- one, without giving it up */

/* Holds the future while the task waits. */
struct watching {
	struct waiter waiter;
	struct done_call done_call;
	struct cleanup cleanup;
};

static void watching_discard(struct cleanup *cleanup)
{
	struct watching *watching = container_of(cleanup, struct watching, cleanup);
	struct coro_future *future = watching->done_call.future;
	done_call_remove(&watching->done_call);
	sched_release(future->sched, 0, 1);
	future_unref(future);
}

static int watching_begin(struct watching *watching, struct coro_future *future,
			  void (*done)(struct done_call *done_call))
{
	int r = sched_reserve(future->sched, 0, 1);
	if (r < 0)
		return r;
	*watching = (struct watching){.waiter.state = WAITER_PENDING};
	list_init(&watching->waiter.link);
	done_call_add(&watching->done_call, future_ref(future), done);
	cleanup_push(task_running(), &watching->cleanup, watching_discard);
	return 0;
}

static int describe_one(const struct task_wait *wait, char *text, size_t size)
{
	const struct watching *watching = container_of(wait->waiter, struct watching, waiter);
	return future_describe(watching->done_call.future, text, size);
}

static const struct wait_kind waiting_for_one = {
	.leave = waiter_leave,
	.what = "a future",
	.describe = describe_one,
	.subject = SUBJECT_BESIDE(SUBJECT_FUTURE, struct watching, waiter, done_call.future)};

/* Waits until it is woken. Returns 0 or -ECANCELED. */
static int watching_wait(struct watching *watching)
{
	int r = waiter_wait(&watching->waiter, &waiting_for_one);
	waiter_end(&watching->waiter);
	return r;
}

static void watching_end(struct watching *watching)
{
	cleanup_pop(&watching->cleanup);
	watching_discard(&watching->cleanup);
}

static struct watching *watching_of(struct done_call *done_call)
{
	return container_of(done_call, struct watching, done_call);
}

static void release(struct done_call *done_call)
{
	waiter_wake(&watching_of(done_call)->waiter);
}

int wait_for_none(const char *site, struct coro_future *future, void **ret)
{
	struct watching watching;
	if (future->done)
		return future_result(future, ret);
	int r = watching_begin(&watching, future, release);
	if (r < 0)
		return r;
	future_cancel(future);
	r = watching_wait(&watching);
	if (r == 0)
		r = future_result(future, ret) == -ECANCELED ? fail_timeout(site, 0)
							     : future->status;
	watching_end(&watching);
	return r;
}

/* -- shield */

/* The caller of coro_shield has the result from here on, unless it was cancelled already. */
static void shielded_done(struct done_call *done_call)
{
	struct waiter *waiter = &watching_of(done_call)->waiter;
	if (waiter->state == WAITER_PENDING)
		future_retrieved(done_call->future);
	waiter_wake(waiter);
}

/*
 * The shield had taken the failure, but its caller was cancelled before it ran on. It is reported
 * as that of asyncio's future between the two.
 */
static void report_shielded(struct coro_future *future)
{
	struct coro_future *outer;
	if (future->status >= 0 || future->status == -ECANCELED)
		return;
	if (future_create(future->sched, &outer) < 0) {
		future->retrieved = RETRIEVED_NOT; /* then it is reported as its own */
		return;
	}
	future_finish(outer, future->status, NULL, failure_ref(future->failure));
	future_unref(outer);
}

int coro_shield(struct coro_future *future, void **ret)
{
	struct watching watching;
	struct task *task = task_running();
	int r = check_futures(task, &future, 1);
	if (r < 0)
		return r;
	if (future->done)
		return future_result(future, ret);
	r = watching_begin(&watching, future, shielded_done);
	if (r < 0)
		return r;
	r = watching_wait(&watching);
	if (r == 0)
		r = future_result(future, ret);
	else if (watching.waiter.state == WAITER_WOKEN)
		report_shielded(future);
	else if (!future->done)
		future->shielded = true;
	watching_end(&watching);
	return r;
}
