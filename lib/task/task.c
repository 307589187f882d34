/* SPDX-License-Identifier: MIT */
#include "task/task.h"

#include "base/error.h"
#include "base/probe.h"
#include "core/defer.h"
#include "core/fail.h"
#include "core/generator.h"
#include "coro/task.h"
#include "sched/fault.h"
#include "sched/resource.h"
#include "task/argument.h"
#include "task/local.h"
#include "task/report.h"
#include "task/shield.h"
#include "task/timeout.h"

#include <errno.h>
#include <stdio.h>

/* -- birth */

static int start_at_once(struct task *task);

/* Makes a task. Its room is reserved. */
static inline void task_init(struct task *task, struct sched *sched, coro_fn *fn, void *arg)
{
	struct spawned *spawned = spawned_of(task);
	struct tasks *tasks = tasks_of(sched);
	coroutine_init(&task->coro, NULL, fn, arg);
	task->coro.flags = FLAG_IS_TASK;
	task->coro.stack_size = tasks->stack_size;
	task->sched = sched;
	task->number = ++tasks->spawned;
	task->cancels = 0;
	future_init(&spawned->future, sched);
	spawned->future.kind = FUTURE_TASK;
	spawned->parent = sched->running ? sched->running->number : 0;
	list_append(&tasks->all, &spawned->all);
}

static int spawn(struct sched *sched, const struct coro_options *options, coro_fn *fn, void *arg,
		 struct coro_future **ret)
{
	unsigned flags = options->flags | tasks_of(sched)->flags;
	int r = fault_of(FAULT_SPAWN);
	if (r == 0)
		r = sched_reserve(sched, 1, 0);
	if (r < 0)
		return r;
	struct task *task = slab_alloc(&tasks_of(sched)->slab);
	if (!task) {
		sched_release(sched, 1, 0);
		return fail_code(-ENOMEM);
	}
	task_init(task, sched, fn, arg);
	task->coro.flags |= flags & CORO_SAVE_EXCEPTIONS;
	task->coro.name = options->name;
	task->coro.site = options->site;
	if (options->stack_size)
		task->coro.stack_size = options->stack_size;
	probe(spawn, task->number, task->coro.site);
	if (unlikely(sched->thread->has_locals))
		task->coro.locals = locals_inherit(sched->thread);
	if (ret)
		*ret = future_ref(future_of(task));
	if (unlikely(flags & CORO_EAGER_START) && thread_current->sched == sched)
		return start_at_once(task);
	ring_push(&sched->ready, task);
	return 0;
}

int task_spawn(struct sched *sched, const struct coro_options *options, coro_fn *fn, void *arg,
	       struct coro_future **ret)
{
	int r = sched_check(sched);
	if (r < 0)
		return r;
	static const struct coro_options defaults;
	options = options ? options : &defaults;
	if (!fn)
		return fail_with(-EINVAL, "coro_loop_spawn: fn is NULL");
	r = coroutine_check_options(options, CORO_EAGER_START);
	if (r < 0)
		return r;
	r = spawn(sched, options, fn, arg, ret);
	sched_stirred(sched);
	return r;
}

int coro_loop_spawn(struct coro_loop *loop, const struct coro_options *options, coro_fn *fn,
		    void *arg, struct coro_future **ret)
{
	return task_spawn(sched_of(loop), options, fn, arg, ret);
}

static __attribute__((noinline)) int spawn_slow(struct sched *sched, const char *site, coro_fn *fn,
						void *arg, struct coro_future **ret)
{
	if (!sched)
		return fail_with(-EPERM, "coro_spawn: no loop runs in this thread");
	if (!fn)
		return fail_with(-EINVAL, "coro_spawn: fn is NULL");
	return spawn(sched, &(struct coro_options){.site = site}, fn, arg, ret);
}

/* The common case calls nothing, so no register is saved. */
int coro_spawn_at(const char *site, coro_fn *fn, void *arg, struct coro_future **ret)
{
	struct thread *thread = thread_current;
	struct sched *sched = thread->sched;
	if (unlikely(!sched || !fn || tasks_of(sched)->flags || thread->has_locals ||
		     slab_exhausted(&tasks_of(sched)->slab) || !sched_has_room(sched)))
		return spawn_slow(sched, site, fn, arg, ret);
	struct task *task = slab_reuse(&tasks_of(sched)->slab);
	sched_reserve_in_room(sched);
	task_init(task, sched, fn, arg);
	task->coro.site = site;
	probe(spawn, task->number, site);
	if (ret)
		*ret = future_ref(future_of(task));
	ring_push(&sched->ready, task);
	return 0;
}

/* -- end */

/* The task is done: calls its done callbacks, and gives the loop's reference back. */
static void task_finish(struct task *task, int status, void *value, struct failure *failure)
{
	struct sched *sched = task->sched;
	probe(end, task->number, status);
	task->coro.frame = NULL;
	list_remove(&spawned_of(task)->all);
	tasks_of(sched)->ended++;
	sched_release(sched, 1, 0);
	future_finish_held(future_of(task), status, value, failure);
	if (unlikely(future_of(task)->status < 0 && future_of(task)->status != -ECANCELED))
		report_note_failed(future_of(task));
	future_unref(future_of(task));
}

/* Moves the values it inherits to where they are while the task runs. */
static void take_locals(struct coro *co)
{
	co->frame->locals = co->locals;
	co->resumer = NULL;
}

/*
 * Gives the task its stack. Returns false if it has ended instead, since it was cancelled or there
 * was none.
 */
static bool prepare(struct task *task)
{
	int r = -ECANCELED;
	if (!(task->coro.flags & FLAG_MUST_CANCEL)) {
		r = coroutine_prepare(&task->coro, task->sched->thread);
		if (r == 0) {
			if (task->coro.locals)
				take_locals(&task->coro);
			task_begin(task);
			return true;
		}
	}
	copy_drop(&task->coro);
	task->coro.state = STATE_DONE;
	locals_unref(task->coro.locals);
	task_finish(task, r, NULL, task_take_request(task));
	return false;
}

bool task_start_slow(struct task *task)
{
	struct sched *sched = task->sched;
	if (prepare(task))
		return true;
	*ring_at(&sched->ready, sched->ready.head) = READY_NOTHING;
	return false;
}

/* -- eager start */

/* Ends the spawner's step, and has it run on in another. */
static __attribute__((noinline, cold)) void start_step(struct sched *sched, struct task *task)
{
	sched_cut(sched, 0);
	if (sched->trace)
		sched->trace->start(sched, task);
}

/* Switches from the task that spawns. It runs on next, before all that is ready. */
static int start_in_task(struct sched *sched, struct task *spawner, struct task *task)
{
	struct coro *self = thread_current->self;
	bool swap = (spawner->coro.flags | self->flags) & CORO_SAVE_EXCEPTIONS;
	spawner->coro.at = self;
	spawner->coro.wake = 0;
	spawner->coro.flags |= FLAG_STARTS;
	ring_push_front(&sched->ready, spawner);
	sched->running = task;
	thread_current->self = &task->coro;
	probe(switch, task->number, task);
	if (unlikely(sched->step != NULL))
		start_step(sched, task);
	if (!swap)
		return coroutine_switch(self, &spawner->coro.context, &task->coro,
					task->coro.context, 0);
	coroutine_swap_exceptions(spawner->coro.frame);
	coroutine_switch(self, &spawner->coro.context, &task->coro, task->coro.context, 0);
	coroutine_swap_exceptions(spawner->coro.frame);
	return 0;
}

/*
 * Ends the turn for a moment, with the callback as the runner. It gets control back when the task
 * waits or ends, and tasks that were put before the rest of the turn have run on.
 */
static int start_in_callback(struct sched *sched, struct task *task)
{
	struct coro *self = thread_current->self, *runner = sched->runner;
	bool swap = self->flags & CORO_SAVE_EXCEPTIONS, cut = sched->cut;
	size_t head = sched->ready.head, turn_end = sched->turn_end, uncut_end = sched->uncut_end;
	if (swap)
		coroutine_swap_exceptions(self->frame);
	sched->runner = self;
	sched->turn_end = head;
	sched_interrupt(sched);
	sched->running = task;
	thread_current->self = &task->coro;
	probe(switch, task->number, task);
	if (unlikely(sched->trace != NULL))
		sched->trace->start(sched, task);
	coroutine_switch(self, &sched->runner_context, &task->coro, task->coro.context, 0);
	while (sched->ready.head != head) {
		if (unlikely(sched->trace != NULL))
			sched->trace->start(sched, *ring_at(&sched->ready, sched->ready.head));
		sched->turn_end = head;
		sched_dispatch(sched, self, &sched->runner_context);
	}
	if (unlikely(sched->trace != NULL))
		sched->trace->start(sched, NULL);
	sched->runner = runner;
	sched->turn_end = turn_end;
	sched->uncut_end = uncut_end;
	sched->cut = cut;
	if (sched->urgent)
		sched_cut(sched, 0);
	if (swap)
		coroutine_swap_exceptions(self->frame);
	return 0;
}

/* Runs a new task until it waits or ends; then who spawns it runs on. */
static __attribute__((noinline)) int start_at_once(struct task *task)
{
	struct sched *sched = task->sched;
	struct task *spawner = sched->running;
	if (!prepare(task))
		return 0;
	return spawner ? start_in_task(sched, spawner, task) : start_in_callback(sched, task);
}

/* The task ended before the wait that would have been cancelled. */
static int end_cancelled(struct task *task, int status)
{
	struct failure *message = task_take_request(task);
	if (status < 0 || task->coro.flags & FLAG_GIVEN) {
		failure_unref(message);
		return status;
	}
	task->coro.failure = message;
	return -ECANCELED;
}

/* The stack's next user must not find them. */
static void let_go(struct locals **locals)
{
	locals_unref(*locals);
	*locals = NULL;
}

/* Debug mode: reports what the task has taken and not given back. */
static void tell_of_resources(struct task *task)
{
	struct resource *resource;
	char text[200];
	while ((resource = resource_pop(task))) {
		snprintf(text, sizeof(text), "%s at %s was not %s by its task's end",
			 resource->taken, resource->site ? resource->site : "?", resource->undone);
		report_found(future_of(task), text);
	}
}

static __attribute__((noinline)) void leave_open(struct task *task)
{
	tell_of_resources(task);
	if (task_wait(task)->open > 0)
		timeouts_forget(task);
}

void *task_leave(struct coro *co, int status, int *result)
{
	struct task *task = container_of(co, struct task, coro);
	struct sched *sched = task->sched;
	if (unlikely(task_wait(task)->open > 0))
		leave_open(task);
	if (unlikely(co->frame->locals != NULL))
		let_go(&co->frame->locals);
	if (unlikely(co->flags & FLAG_MUST_CANCEL))
		status = end_cancelled(task, status);
	task_finish(task, status, co->frame->value, co->failure);
	return sched_next(sched, result);
}

void task_discard_wait(struct task *task)
{
	if (task->coro.frame)
		wait_discard(task_wait(task));
}

void task_discard_deferred(struct task *task)
{
	if (!task->coro.frame)
		return;
	for (struct coro *co = task->coro.at; co != &task->coro; co = co->resumer)
		generator_discard_deferred(co);
	deferred_discard(&task->coro);
}

/* Discards the generators that the task stands in. Nobody is left to resume them. */
static void discard_generators(struct task *task)
{
	struct coro *co = task->coro.at;
	while (co != &task->coro) {
		struct coro *resumer = co->resumer;
		generator_discard_chain(co);
		co = resumer;
	}
}

void task_discard(struct task *task)
{
	struct coro *co = &task->coro;
	if (co->frame) {
		wait_discard(task_wait(task));
		discard_generators(task);
		if (unlikely(task_wait(task)->open > 0))
			resources_disown(task);
		let_go(&co->frame->locals);
	} else {
		copy_drop(co);
		locals_unref(co->locals);
	}
	coroutine_discard(co);
	list_remove(&spawned_of(task)->all);
	tasks_of(task->sched)->ended++;
	struct coro_future *future = future_of(task);
	future->done = true;
	future->status = -ECANCELED;
	future->failure = task_take_request(task);
	future_unref(future);
}

void task_hide(struct coro_future *future)
{
	if (future->done)
		return;
	struct task *task = task_of(future);
	list_remove(&spawned_of(task)->all);
	list_append(&tasks_of(future->sched)->servants, &spawned_of(task)->all);
}

/* -- questions */

struct coro_future *coro_current_task(void)
{
	struct task *task = task_running();
	return task ? future_of(task) : NULL;
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
	snprintf(thread->task_name, sizeof(thread->task_name), "Task-%u", task->number);
	return thread->task_name;
}

int coro_task_set_name(struct coro_future *future, const char *name)
{
	if (!coro_is_task(future))
		return fail_with(-EINVAL, "coro_task_set_name: it is no task");
	if (future->sched->thread != thread_current)
		return fail_with(-EPERM, "coro_task_set_name: the task is another thread's");
	task_of(future)->coro.name = name;
	return 0;
}

unsigned coro_task_number(const struct coro_future *future)
{
	return coro_is_task(future) ? task_of(future)->number : 0;
}

unsigned coro_task_parent(const struct coro_future *future)
{
	return coro_is_task(future) ? spawned_of(task_of(future))->parent : 0;
}

const char *coro_task_site(const struct coro_future *future)
{
	return coro_is_task(future) ? task_of(future)->coro.site : NULL;
}

int coro_task_cancelling(const struct coro_future *future)
{
	if (!coro_is_task(future))
		return fail_with(-EINVAL, "coro_task_cancelling: it is no task");
	const struct task *task = task_of(future);
	return task->cancels + shield_held(task);
}

int task_uncancel(struct task *task, int others)
{
	if (task->cancels > 0 && --task->cancels == 0)
		task_forget_request(task);
	else if (request_put_off(task) && task->cancels <= others)
		failure_unref(task_take_request(task));
	return task->cancels;
}

int coro_task_uncancel(struct coro_future *future)
{
	if (!coro_is_task(future))
		return fail_with(-EINVAL, "coro_task_uncancel: it is no task");
	if (future->sched->thread != thread_current)
		return fail_with(-EPERM, "coro_task_uncancel: the task is another thread's");
	struct task *task = task_of(future);
	if (!shield_uncancel(task))
		task_uncancel(task, 0);
	return task->cancels + shield_held(task);
}
