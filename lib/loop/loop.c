/* SPDX-License-Identifier: MIT */
#include "loop/loop.h"

#include "base/clock.h"
#include "base/error.h"
#include "coro/task.h"
#include "loop/handle.h"
#include "loop/watch.h"

#include <errno.h>
#include <stdlib.h>

/* -- life */

int coro_loop_create(const struct coro_loop_options *options, struct coro_loop **ret)
{
	static const struct coro_loop_options defaults;
	if (!options)
		options = &defaults;
	if (!ret || options->flags & ~(unsigned)CORO_VIRTUAL_CLOCK)
		return -EINVAL;
	if (coro_check_options(&(struct coro_options){.stack_size = options->stack_size}) < 0)
		return -EINVAL;
	struct thread *thread = thread_self();
	struct coro_loop *loop = thread ? malloc(sizeof(*loop)) : NULL;
	if (!loop)
		return -ENOMEM;
	*loop = (struct coro_loop){
		.thread = thread,
		.stack_size = options->stack_size,
		.virtual_clock = options->flags & CORO_VIRTUAL_CLOCK,
		.random = options->seed,
		.refs = 1,
	};
	ring_init(&loop->ready);
	heap_init(&loop->timers);
	list_init(&loop->tasks);
	slab_init(&loop->tasks_slab, sizeof(struct task));
	slab_init(&loop->futures_slab, sizeof(struct coro_future));
	slab_init(&loop->handles_slab, handle_size());
	*ret = loop;
	return 0;
}

void loop_unref(struct coro_loop *loop)
{
	if (--loop->refs > 0)
		return;
	slab_finish(&loop->tasks_slab);
	slab_finish(&loop->futures_slab);
	slab_finish(&loop->handles_slab);
	free(loop);
}

/* Lets go of whatever waits for its turn or its time. */
static void forget_calls(struct coro_loop *loop)
{
	while (!ring_empty(&loop->ready)) {
		void *entry = ring_pop(&loop->ready);
		if (!ready_is_task(entry) && entry != READY_NOTHING) {
			struct call *call = ready_to_call(entry);
			if (!handle_abandon(call))
				callback_abandon(call);
		}
	}
	while (!heap_empty(&loop->timers)) {
		struct timer *timer = container_of(heap_first(&loop->timers), struct timer, node);
		heap_remove(&loop->timers, &timer->node);
		handle_abandon(&timer->call);
	}
}

int coro_loop_close(struct coro_loop *loop)
{
	if (!loop)
		return 0;
	int r = loop_check(loop);
	if (r < 0)
		return r;
	if (loop->runner)
		return -EBUSY;
	struct list *link;
	while ((link = loop->tasks.next) != &loop->tasks)
		task_abandon(container_of(link, struct task, all));
	forget_calls(loop);
	ring_finish(&loop->ready);
	heap_finish(&loop->timers);
	loop->closed = true;
	loop_unref(loop);
	return 0;
}

int loop_check(const struct coro_loop *loop)
{
	if (!loop)
		return -EINVAL;
	return loop->thread == thread_current && !loop->closed ? 0 : -EPERM;
}

/* -- time */

int64_t loop_time(const struct coro_loop *loop)
{
	return loop->virtual_clock ? loop->now : coro_clock();
}

int64_t coro_loop_time(const struct coro_loop *loop)
{
	return loop ? loop_time(loop) : -EINVAL;
}

/* Nothing is ready: lets time pass until the next timer is due. -EDEADLK if there is none. */
static int wait_for_timer(struct coro_loop *loop)
{
	if (heap_empty(&loop->timers))
		return -EDEADLK;
	int64_t when = heap_first_key(&loop->timers);
	if (!loop->virtual_clock)
		clock_wait_until(when);
	else if (when > loop->now)
		loop->now = when;
	return 0;
}

/* -- turns */

/* xorshift64*: any state but 0 will do. */
static uint64_t next_random(struct coro_loop *loop)
{
	loop->random ^= loop->random >> 12;
	loop->random ^= loop->random << 25;
	loop->random ^= loop->random >> 27;
	return loop->random * UINT64_C(0x2545F4914F6CDD1D);
}

static void set_ready(struct coro_loop *loop, size_t position, void *entry)
{
	*ring_at(&loop->ready, position) = entry;
	if (!ready_is_task(entry) && entry != READY_NOTHING)
		ready_to_call(entry)->position = position;
}

/* Fisher and Yates, over this turn's part of the ring. */
static void shuffle(struct coro_loop *loop)
{
	struct ring *ready = &loop->ready;
	for (size_t left = loop->turn_end - ready->head; left > 1; left--) {
		size_t last = ready->head + left - 1,
		       other = ready->head + next_random(loop) % left;
		void *entry = *ring_at(ready, last);
		set_ready(loop, last, *ring_at(ready, other));
		set_ready(loop, other, entry);
	}
}

/* Goes to a task that is ready; returns when the turn comes to a call or its end. */
static void run_tasks(struct coro_loop *loop)
{
	loop_dispatch(loop, loop->runner, &loop->runner_context);
}

void *loop_next(struct coro_loop *loop, int *result)
{
	struct ring *ready = &loop->ready;
	*result = 0;
	if (ready->head == loop->turn_end && loop->plain)
		loop->turn_end = ready->tail;
	if (ready->head != loop->turn_end) {
		struct task *task = *ring_at(ready, ready->head);
		/*
		 * One that ends here without running has left its place empty: the runner passes it
		 * over.
		 */
		if (ready_is_task(task) &&
		    (task->coro.state != STATE_CREATED || task_start(task))) {
			ready->head++;
			loop->running = task;
			*result = task->coro.wake;
			thread_current->self = task->coro.at;
			return task->coro.context;
		}
	}
	loop->running = NULL;
	thread_current->self = loop->runner;
	return loop->runner_context;
}

int loop_dispatch_slow(struct coro_loop *loop, struct coro *self, void **save)
{
	int result;
	void *context = loop_next(loop, &result);
	if (thread_current->self == self)
		return result;
	return coro_switch(self, save, thread_current->self, context, result);
}

/* Runs what is ready now, and nothing that becomes ready meanwhile. */
static void run_ready(struct coro_loop *loop)
{
	struct ring *ready = &loop->ready;
	loop->turn_end = ready->tail;
	if (loop->random)
		shuffle(loop);
	while (ready->head != loop->turn_end) {
		void *entry = *ring_at(ready, ready->head);
		if (ready_is_task(entry)) {
			run_tasks(loop);
			continue;
		}
		ready->head++;
		if (entry != READY_NOTHING) {
			struct call *call = ready_to_call(entry);
			call->position = CALL_IDLE;
			call->run(call);
		}
	}
}

/* One turn, as asyncio's: wait if nothing is ready, make ready what is due, run what is ready. */
static int run_once(struct coro_loop *loop)
{
	if (ring_empty(&loop->ready) && !loop->stopping) {
		int r = wait_for_timer(loop);
		if (r < 0)
			return r;
	}
	if (!heap_empty(&loop->timers))
		timers_expire(loop, loop_time(loop));
	loop->plain = heap_empty(&loop->timers) && !loop->stopping && !loop->random;
	run_ready(loop);
	return 0;
}

int coro_run_forever(struct coro_loop *loop)
{
	int r = loop_check(loop);
	if (r < 0)
		return r;
	struct thread *thread = loop->thread;
	if (thread->loop)
		return -EBUSY;
	thread->loop = loop;
	thread->leave = task_leave;
	loop->runner = thread->self;
	loop->runner->flags |= CORO_RUNS_LOOP;
	do
		r = run_once(loop);
	while (r == 0 && !loop->stopping);
	loop->stopping = false;
	loop->runner->flags &= (uint16_t)~CORO_RUNS_LOOP;
	loop->runner = NULL;
	thread->loop = NULL;
	if (thread->stacks.over)
		stack_pool_settle(&thread->stacks, thread->stacks.limit);
	return r;
}

int coro_loop_stop(struct coro_loop *loop)
{
	int r = loop_check(loop);
	if (r < 0)
		return r;
	loop->stopping = true;
	loop->plain = false;
	return 0;
}

static void stop_loop(struct watch *watch)
{
	coro_loop_stop(watch->future->loop);
}

int coro_run_until_complete(struct coro_loop *loop, struct coro_future *future, void **ret)
{
	int r = loop_check(loop);
	if (r < 0)
		return r;
	if (!future)
		return -EINVAL;
	if (future->loop != loop)
		return -EPERM;
	if (loop->thread->loop)
		return -EBUSY;
	r = loop_reserve(loop, 0, 1);
	if (r < 0)
		return r;
	struct watch watch;
	watch_add(&watch, coro_future_ref(future), stop_loop);
	r = coro_run_forever(loop);
	watch_remove(&watch);
	loop_release(loop, 0, 1);
	if (future->done)
		r = future_result(future, ret);
	else if (r == 0)
		r = -ESHUTDOWN;
	coro_future_unref(future);
	return r;
}

static struct coro_future *oldest_task(const struct coro_loop *loop)
{
	return list_empty(&loop->tasks) ? NULL
					: &container_of(loop->tasks.next, struct task, all)->future;
}

/*
 * Cancels all tasks, and runs those that were there until they have ended; then the same with what
 * they have spawned in their cleanup. Gives up where one waits for what cannot come.
 */
static void cancel_all(struct coro_loop *loop)
{
	struct coro_future *task;
	uint32_t cancelled = 0;
	int r = 0;
	while (r != -EDEADLK && r != -ENOMEM && (task = oldest_task(loop))) {
		if ((int32_t)(task->number - cancelled) > 0) { /* they may wrap */
			cancelled = loop->spawned;
			list_for_each(link, &loop->tasks)
				coro_cancel(&container_of(link, struct task, all)->future);
		}
		coro_future_ref(task);
		r = coro_run_until_complete(loop, task, NULL);
		if (task->done)
			r = 0; /* its own */
		coro_future_unref(task);
	}
}

int coro_run_with(const struct coro_loop_options *options, coro_fn *fn, void *arg)
{
	struct coro_loop *loop;
	struct coro_future *main_task;
	if (thread_current->loop)
		return -EBUSY;
	int r = coro_loop_create(options, &loop);
	if (r < 0)
		return r;
	r = coro_loop_spawn(loop, &(struct coro_options){.name = "main"}, fn, arg, &main_task);
	if (r == 0) {
		r = coro_run_until_complete(loop, main_task, NULL);
		cancel_all(loop);
		if (main_task->done)
			future_result(main_task,
				      NULL); /* for the words, which others' have replaced */
		coro_future_unref(main_task);
	}
	coro_loop_close(loop);
	return r;
}

int coro_run(coro_fn *fn, void *arg)
{
	return coro_run_with(NULL, fn, arg);
}

/* -- questions */

struct coro_loop *coro_running_loop(void)
{
	return thread_current->loop;
}

bool coro_loop_running(const struct coro_loop *loop)
{
	return loop && loop->runner;
}
