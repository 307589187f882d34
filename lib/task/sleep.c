/* SPDX-License-Identifier: MIT */
/* Waits that need nothing but the loop: for the next turn, or for a time. */
#include "core/fail.h"
#include "core/overflow.h"
#include "coro/task.h"
#include "sched/park.h"
#include "task/task.h"

#include <errno.h>
#include <stdio.h>

int coro_task_yield(void)
{
	struct thread *thread = thread_current;
	struct sched *sched = thread->sched;
	if (unlikely(!sched))
		return fail_with(-EPERM, "coro_task_yield: not in a task");
	struct task *task = sched->running;
	if (unlikely(!task))
		return fail_with(-EPERM, "coro_task_yield: not in a task");
	return yield_in(sched, task, thread->self);
}

int coro_checkpoint(void)
{
	return running_task() ? coro_task_yield() : 0;
}

static void sleep_over(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	struct task_wait *wait = container_of(timer, struct task_wait, timer);
	wake(wait->task, 0);
}

static void sleep_leave(struct task_wait *wait)
{
	timer_disarm(wait->task->sched, &wait->timer);
}

static int sleep_describe(const struct task_wait *wait, char *text, size_t size)
{
	char left[TIME_LEFT_SIZE];
	const struct sched *sched = wait->task->sched;
	int64_t end = timer_time(sched, &wait->timer);
	if (end == CORO_FOREVER)
		return snprintf(text, size, "a sleep without end");
	return snprintf(text, size, "a sleep%s", time_left_text(left, sched, end));
}

static const struct wait_kind sleeping = {
	.leave = sleep_leave,
	.what = "a sleep",
	.describe = sleep_describe,
	.subject = {.type = SUBJECT_TIMER, .at = offsetof(struct task_wait, timer)},
};

int coro_sleep_until(int64_t when)
{
	struct task *task = running_task();
	if (!task)
		return fail_with(-EPERM, "coro_sleep_until: not in a task");
	overflow_look(&task->coro);
	struct task_wait *wait = task_wait(task);
	wait->kind = &sleeping;
	wait->timer.call.run = sleep_over;
	timer_arm(task->sched, &wait->timer, when);
	return park(task);
}

int coro_sleep(int64_t delay)
{
	struct task *task = running_task();
	if (!task)
		return fail_with(-EPERM, "coro_sleep: not in a task");
	if (delay <= 0)
		return coro_task_yield();
	return coro_sleep_until(time_after(sched_time(task->sched), delay));
}
