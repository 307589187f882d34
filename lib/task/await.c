/* SPDX-License-Identifier: MIT */
/* A task waits for a future. */
#include "base/error.h"
#include "core/fail.h"
#include "core/overflow.h"
#include "task/task.h"

#include <errno.h>

/* What lies in the wait of a task that awaits a future. */
struct __attribute__((may_alias)) awaiting {
	struct coro_future *future; /* held */
	struct done_callback on_done;
};

_Static_assert(sizeof(struct awaiting) <= sizeof(((struct task_wait *)0)->outer),
	       "it fits the wait");

static inline struct awaiting *awaiting_of(const struct task_wait *wait)
{
	return (struct awaiting *)(void *)wait->outer;
}

static void wake_with_result(struct done_callback *on_done, struct coro_future *future)
{
	struct awaiting *awaiting = container_of(on_done, struct awaiting, on_done);
	struct task_wait *wait = container_of((void *)awaiting, struct task_wait, outer);
	if (future->status < 0) {
		future_retrieved_next_turn(future);
		coroutine_take_failure(wait->task->coro.at, future->status,
				       failure_ref(future->failure));
		wait->cancelled_late = false;
	} else if (wait->ret) {
		wait->old = *wait->ret;
		*wait->ret = future->value;
		wait->task->coro.flags |= FLAG_HAS_RESULT;
	}
	wake(wait->task, future->status);
	future_unref(future);
}

static void leave_future(struct task_wait *wait)
{
	struct awaiting *awaiting = awaiting_of(wait);
	list_remove(&awaiting->on_done.link);
	future_unref(awaiting->future);
}

/*
 * The task was cancelled before it came to wait: cancels the future. If that waits for the task
 * itself, through a gather, the request comes round to the task, and the wait is cancelled.
 */
static void cancel_future(struct task_wait *wait, struct failure *message)
{
	struct task *task = wait->task;
	int cancels = task->cancels;
	/* It is not done, nor are all children if it is a gather: so this finds something to cancel. */
	future_cancel_with(awaiting_of(wait)->future, message);
	if (!(task->coro.flags & FLAG_MUST_CANCEL) || !wait->kind)
		return;
	failure_unref(task_take_request(task));
	task->cancels = cancels;
	wait_cancel(wait, message);
}

static int describe_future(const struct task_wait *wait, char *text, size_t size)
{
	return future_describe(awaiting_of(wait)->future, text, size);
}

static const struct wait_kind awaiting_future = {
	.leave = leave_future,
	.cancel = cancel_future,
	.what = "a future",
	.describe = describe_future,
	.subject = SUBJECT_IN_WAIT(SUBJECT_FUTURE, struct awaiting, future)};

struct coro_future *task_awaited(const struct task *task)
{
	const struct task_wait *wait = task_wait(task);
	return wait->kind == &awaiting_future ? awaiting_of(wait)->future : NULL;
}

/* Whether the task would wait for itself. Only a task that is waited for can. */
static bool closes_cycle(const struct task *task, const struct coro_future *future)
{
	if (list_empty(&future_of(task)->callbacks))
		return false;
	while (future && is_task(future) && task_of(future)->coro.frame) {
		future = task_awaited(task_of(future));
		if (future == future_of(task))
			return true;
	}
	return false;
}

static inline __attribute__((always_inline)) int wait_for_future(struct task *task,
								 struct coro_future *future,
								 void **ret)
{
	struct task_wait *wait = task_wait(task);
	struct awaiting *awaiting = awaiting_of(wait);
	wait->kind = &awaiting_future;
	wait->ret = ret;
	awaiting->future = future_ref(future);
	awaiting->on_done.notify = wake_with_result;
	list_append(&future->callbacks, &awaiting->on_done.link);
	return park_anew(future->sched, task);
}

/* coro_await when something may be wrong. */
static __attribute__((noinline)) int await_checked(struct task *task, struct coro_future *future,
						   void **ret)
{
	if (!future)
		return fail_with(-EINVAL, "coro_await: the future is NULL");
	if (!task)
		return fail_with(-EPERM, "coro_await: not in a task");
	if (future->sched != task->sched)
		return fail_with(-EPERM, "coro_await: the future is another loop's");
	if (future == future_of(task)) {
		task->coro.wake = fail_with(
			-EDEADLK,
			"coro_await: the task awaits itself"); /* it returns a turn later, like a wait */
		ring_push(&task->sched->ready, task);
		return park(task);
	}
	if (closes_cycle(task, future))
		return fail_with(-EDEADLK, "coro_await: the future awaits the caller");
	overflow_look(&task->coro);
	return wait_for_future(task, future, ret);
}

/* Whether waiting for it might close a cycle. */
static inline bool may_wait_for(const struct coro_future *future, const struct task *task)
{
	return is_task(future) && task_of(future)->coro.state != STATE_CREATED &&
	       (!list_empty(&future_of(task)->callbacks) || future == future_of(task));
}

int coro_await(struct coro_future *future, void **ret)
{
	struct task *task = running_task();
	if (unlikely(!task || !future || future->sched != task->sched))
		return await_checked(task, future, ret);
	if (future->done)
		return future_result(future, ret);
	if (unlikely(may_wait_for(future, task) || overflow_suspected(&task->coro)))
		return await_checked(task, future, ret);
	return wait_for_future(task, future, ret);
}
