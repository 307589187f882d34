/* SPDX-License-Identifier: MIT */
#include "loop/task.h"

#include "base/error.h"
#include "core/generator.h"
#include "coro/task.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdio.h>

/* -- birth */

static inline int spawn(struct coro_loop *loop, const struct coro_options *options, coro_fn *fn,
			void *arg, struct coro_future **ret)
{
	int r = loop_reserve(loop, 1, 0);
	if (r < 0)
		return r;
	struct task *task = slab_alloc(&loop->tasks_slab);
	if (!task) {
		loop_release(loop, 1, 0);
		return -ENOMEM;
	}
	coro_init(&task->coro, options, fn, arg);
	future_init(&task->future, loop);
	task->future.kind = FUTURE_TASK;
	task->future.number = ++loop->spawned;
	task->coro.flags |= CORO_IS_TASK;
	if (!task->coro.stack_size)
		task->coro.stack_size = loop->stack_size;
	task->coro.wake = 0;
	task->cancels = 0;
	list_append(&loop->tasks, &task->all);
	ring_push(&loop->ready, task);
	if (ret)
		*ret = future_ref(&task->future);
	return 0;
}

int coro_loop_spawn(struct coro_loop *loop, const struct coro_options *options, coro_fn *fn,
		    void *arg, struct coro_future **ret)
{
	int r = loop_check(loop);
	if (r < 0)
		return r;
	if (!fn || coro_check_options(options) < 0)
		return -EINVAL;
	return spawn(loop, options, fn, arg, ret);
}

int coro_spawn_at(const char *site, coro_fn *fn, void *arg, struct coro_future **ret)
{
	struct coro_loop *loop = thread_current->loop;
	if (!loop)
		return -EPERM;
	if (!fn)
		return -EINVAL;
	return spawn(loop, &(struct coro_options){.site = site}, fn, arg, ret);
}

/* -- end */

/* The loop's reference goes; whoever waits for the task is told. */
static void task_finish(struct task *task, int status, void *value, struct failure *failure)
{
	struct coro_loop *loop = task->future.loop;
	task->coro.frame = NULL;
	list_remove(&task->all);
	loop_release(loop, 1, 0);
	future_finish(&task->future, status, value, failure);
	future_unref(&task->future);
}

bool task_start(struct task *task)
{
	struct coro_loop *loop = task->future.loop;
	int r = -ECANCELED;
	if (!(task->coro.flags & CORO_MUST_CANCEL)) {
		r = coro_prepare(&task->coro, loop->thread);
		if (r == 0) {
			task->coro.state = STATE_RUNNING; /* to all but the loop */
			task->coro.at = &task->coro;
			struct wait *wait = task_wait(task);
			wait->leave = NULL;
			wait->latch = NULL;
			wait->cleanups = NULL;
			wait->scopes = 0;
			return true;
		}
	}
	*ring_at(&loop->ready, loop->ready.head) = READY_NOTHING;
	task->coro.state = STATE_DONE;
	task_finish(task, r, NULL, NULL);
	return false;
}

void *task_leave(struct coro *co, int status, int *result)
{
	struct task *task = container_of(co, struct task, coro);
	struct coro_loop *loop = task->future.loop;
	if (unlikely(task_wait(task)->scopes > 0))
		timers_forget_stack(task);
	if (co->flags & CORO_MUST_CANCEL && status >= 0)
		status = -ECANCELED; /* it ended before it came to wait again */
	task_finish(task, status, co->frame->value, co->failure);
	return loop_next(loop, result);
}

/* The generators that the task stands in; nobody is left to resume them. */
static void abandon_generators(struct task *task)
{
	struct coro *co = task->coro.at;
	while (co != &task->coro) {
		struct coro *resumer = co->resumer;
		generator_abandon(co);
		co = resumer;
	}
}

void task_abandon(struct task *task)
{
	struct coro *co = &task->coro;
	if (co->frame) {
		wait_abandon(task_wait(task));
		abandon_generators(task);
	}
	coro_abandon(co);
	list_remove(&task->all);
	task->future.done = true;
	task->future.status = -ECANCELED;
	future_unref(&task->future);
}

/* -- questions */

struct coro_future *coro_current_task(void)
{
	struct task *task = task_running();
	return task ? &task->future : NULL;
}

bool coro_is_task(const struct coro_future *future)
{
	return future && is_task(future);
}

const char *coro_task_name(const struct coro_future *future)
{
	if (!coro_is_task(future))
		return NULL;
	const struct task *task = task_of(future);
	if (task->coro.name)
		return task->coro.name;
	struct thread *thread = thread_self();
	if (!thread)
		return NULL;
	snprintf(thread->task_name, sizeof(thread->task_name), "Task-%u", future->number);
	return thread->task_name;
}

const char *coro_task_site(const struct coro_future *future)
{
	return coro_is_task(future) ? task_of(future)->coro.site : NULL;
}

int coro_task_cancelling(const struct coro_future *future)
{
	return coro_is_task(future) ? task_of(future)->cancels : -EINVAL;
}

int coro_task_uncancel(struct coro_future *future)
{
	if (!coro_is_task(future))
		return -EINVAL;
	if (future->loop->thread != thread_current)
		return -EPERM;
	struct task *task = task_of(future);
	if (task->cancels > 0)
		task->cancels--;
	return task->cancels;
}
