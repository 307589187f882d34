/* SPDX-License-Identifier: MIT */
#include "loop/waiter.h"

#include "coro/task.h"

#include "loop/loop.h"
#include "loop/task.h"

#include <errno.h>

struct wait *task_wait(struct task *task)
{
	return (struct wait *)(void *)task->coro.frame->outer;
}

struct task *task_running(void)
{
	struct coro_loop *loop = thread_current->loop;
	return loop ? loop->running : NULL;
}

void wake(struct task *task, int result)
{
	task->coro.wake = result;
	task_wait(task)->leave = NULL;
	ring_push(&task->future.loop->ready, task);
}

/* A cancellation is due, or exception state is to be kept: what the fast way leaves out. */
static __attribute__((noinline)) int park_slow(struct coro_loop *loop, struct task *task, struct coro *self)
{
	bool swap = (task->coro.flags | self->flags) & CORO_SAVE_EXCEPTIONS;
	struct wait *wait = task_wait(task);
	if (task->coro.flags & CORO_MUST_CANCEL) {
		task->coro.flags &= (uint16_t)~CORO_MUST_CANCEL;
		if (wait->leave)
			wait_cancel(wait);
		else
			task->coro.wake = -ECANCELED; /* it gave way, and is ready again already */
	}
	if (swap)
		coro_swap_exceptions(task->coro.frame);
	int r = loop_dispatch(loop, self, &task->coro.context);
	if (swap)
		coro_swap_exceptions(task->coro.frame);
	return r;
}

static inline __attribute__((always_inline)) int park_in(struct coro_loop *loop, struct task *task,
							  struct coro *self)
{
	task->coro.at = self;
	if (unlikely((task->coro.flags | self->flags) & (CORO_MUST_CANCEL | CORO_SAVE_EXCEPTIONS)))
		return park_slow(loop, task, self);
	return loop_dispatch(loop, self, &task->coro.context);
}

int park(struct task *task)
{
	return park_in(task->future.loop, task, thread_current->self);
}

void wait_cancel(struct wait *wait)
{
	struct coro_future *future = wait->future;
	if (future) {
		coro_cancel(future);
		return;
	}
	wait->leave(wait);
	wake(wait->task, -ECANCELED);
}

/* -- waits that need nothing but the loop */

int coro_task_yield(void)
{
	struct thread *thread = thread_current;
	struct coro_loop *loop = thread->loop;
	if (unlikely(!loop))
		return -EPERM;
	struct task *task = loop->running;
	if (unlikely(!task))
		return -EPERM;
	struct coro *self = thread->self;
	task->coro.wake = 0;
	ring_push(&loop->ready, task);
	return park_in(loop, task, self);
}

static void sleep_over(struct call *call)
{
	struct timer *timer = container_of(call, struct timer, call);
	struct wait *wait = container_of(timer, struct wait, timer);
	wake(wait->task, 0);
}

static void sleep_leave(struct wait *wait)
{
	timer_disarm(wait->task->future.loop, &wait->timer);
}

int coro_sleep_until(int64_t when)
{
	struct task *task = task_running();
	if (!task)
		return -EPERM;
	struct wait *wait = task_wait(task);
	wait->task = task;
	wait->leave = sleep_leave;
	wait->future = NULL;
	wait->ret = NULL;
	wait->timer.call.run = sleep_over;
	timer_arm(task->future.loop, &wait->timer, when);
	return park(task);
}

int coro_sleep(int64_t delay)
{
	struct task *task = task_running();
	if (!task)
		return -EPERM;
	if (delay <= 0)
		return coro_task_yield();
	return coro_sleep_until(time_after(loop_time(task->future.loop), delay));
}
