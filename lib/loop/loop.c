/* SPDX-License-Identifier: MIT */
#include "loop/loop.h"
#include "sched/poller.h"

#include "base/random.h"
#include "core/fail.h"
#include "loop/asyncgen.h"
#include "loop/debug.h"
#include "loop/environment.h"
#include "loop/exception.h"
#include "loop/handle.h"
#include "sched/fault.h"
#include "sched/loops.h"
#include "sched/resource.h"
#include "task/group.h"
#include "task/report.h"

#include <errno.h>
#include <stdlib.h>

void (*loop_made)(struct coro_loop *loop);

/* -- life */

static void loop_free(struct sched *sched)
{
	struct coro_loop *loop = sched_loop(sched);
	tasks_free(&loop->tasks);
	faults_destroy(sched->faults);
	slab_finish(&loop->handles_slab);
	sched_let_go(sched);
}

static void loop_init(struct coro_loop *loop, struct thread *thread,
		      const struct coro_loop_options *options)
{
	struct sched *sched = &loop->tasks.sched;
	uint64_t seed = options->seed ? options->seed : environment_seed();
	*loop = (struct coro_loop){
		.takes_sigterm = options->flags & CORO_SIGTERM,
		.reports = environment_switch("CORO_REPORTS", true),
		.slow = 100 * CORO_MSEC,
		.poller_kind = options->poller,
	};
	sched_init(sched, thread);
	sched->virtual_clock = options->flags & CORO_VIRTUAL_CLOCK;
	sched->random = seed;
	sched->choices = random_state(seed);
	sched->max_turns = options->max_turns ? options->max_turns : environment_turns();
	sched->debug = options->flags & CORO_DEBUG || environment_switch("CORO_DEBUG", false);
	sched->faults = environment_faults(seed);
	sched->step = sched->debug ? debug_step : NULL;
	thread->debug |= sched->debug;
	sched->free = loop_free;
	tasks_init(&loop->tasks);
	loop->tasks.stack_size = options->stack_size;
	loop->tasks.flags = (uint8_t)((options->flags & CORO_SAVE_EXCEPTIONS) |
				      (options->flags & CORO_EAGER_TASKS ? CORO_EAGER_START : 0) |
				      (sched->faults ? TASKS_COUNTED : 0));
	list_init(&loop->closing_asyncgens);
	list_init(&loop->closers);
	slab_init(&loop->handles_slab, handle_size());
}

int coro_loop_create(const struct coro_loop_options *options, struct coro_loop **ret)
{
	static const struct coro_loop_options defaults;
	enum {
		FLAGS = CORO_VIRTUAL_CLOCK | CORO_DEBUG | CORO_EAGER_TASKS | CORO_SIGTERM |
			CORO_SAVE_EXCEPTIONS
	};
	if (!options)
		options = &defaults;
	if (!ret)
		return fail_with(-EINVAL, "coro_loop_create: ret is NULL");
	if (options->flags & ~(unsigned)FLAGS)
		return fail_with(-EINVAL, "a loop's options: a flag that is not for this call");
	if (options->poller > CORO_POLLER_KQUEUE)
		return fail_with(-EINVAL, "a loop's options: there is no such poller");
	int r = coroutine_check_options(&(struct coro_options){.stack_size = options->stack_size},
					0);
	if (r < 0)
		return r;
	struct thread *thread = thread_self();
	struct coro_loop *loop = thread && fork_watch() == 0 ? malloc(sizeof(*loop)) : NULL;
	if (!loop)
		return fail_code(-ENOMEM);
	loop_init(loop, thread, options);
	exception_note_handler(loop);
	loops_add(sched_of(loop));
	if (loop_made)
		loop_made(loop);
	*ret = loop;
	return 0;
}

struct coro_loop *coro_loop_ref(struct coro_loop *loop)
{
	if (loop)
		sched_of(loop)->refs++;
	return loop;
}

void coro_loop_unref(struct coro_loop *loop)
{
	if (loop)
		sched_unref(sched_of(loop));
}

/* Takes back all calls that wait for their turn or their time. */
static void forget_calls(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	while (!ring_empty(&sched->ready)) {
		void *entry = ring_pop(&sched->ready);
		if (!ready_is_task(entry) && entry != READY_NOTHING) {
			struct call *call = ready_to_call(entry);
			call->position = CALL_IDLE; /* the call may outlive the loop */
			if (!handle_discard(call))
				callback_discard(call);
		}
	}
	while (!heap_empty(&sched->timers)) {
		struct timer *timer = container_of(heap_first(&sched->timers), struct timer, node);
		heap_remove(&sched->timers, &timer->node);
		handle_discard(&timer->call);
	}
}

static void tell_closers(struct coro_loop *loop)
{
	while (!list_empty(&loop->closers)) {
		struct closer *closer = container_of(loop->closers.next, struct closer, link);
		closer->close(closer);
	}
}

/* In a child of fork it closes the copy. */
int coro_loop_close(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	fork_notice();
	if (!loop)
		return 0;
	if (sched->thread != thread_current)
		return fail_with(-EPERM, "coro_loop_close: the loop is another thread's");
	if (sched->closed)
		return 0;
	if (sched->runner || loop->embed.telling)
		return fail_with(-EBUSY, "coro_loop_close: the loop runs");
	embed_awake(loop);
	sched->closed = true;
	tasks_discard(&loop->tasks);
	group_drop_orphans(sched);
	tell_closers(loop);
	forget_calls(loop);
	asyncgen_forget(loop);
	if (sched->poller)
		sched->poller->destroy(sched->poller);
	sched->poller = NULL;
	for (int kind = 0; kind < EXTENSION_COUNT; kind++)
		if (loop->extensions[kind])
			loop->extensions[kind]->close(loop->extensions[kind], loop);
	sched_finish(sched);
	report_unheard(sched);
	report_held(sched);
	resources_report(sched);
	tasks_forget_scopes(&loop->tasks);
	if (sched_is_own(sched))
		loops_remove(sched);
	sched_unref(sched);
	return 0;
}

/* -- time */

int64_t coro_loop_time(const struct coro_loop *loop)
{
	return loop ? sched_time(sched_of(loop))
		    : fail_with(-EINVAL, "coro_loop_time: the loop is NULL");
}

/* -- questions */

struct coro_loop *coro_running_loop(void)
{
	return sched_loop(thread_current->sched);
}

bool coro_loop_running(const struct coro_loop *loop)
{
	return loop && sched_of(loop)->runner;
}

bool coro_loop_closed(const struct coro_loop *loop)
{
	return loop && sched_of(loop)->closed;
}

int coro_all_tasks(const struct coro_loop *loop, struct coro_future *ret[], size_t count)
{
	size_t tasks = 0;
	if (!loop || (!ret && count > 0))
		return fail_with(-EINVAL, "coro_all_tasks: the loop or ret is NULL");
	if (sched_of(loop)->thread != thread_current)
		return fail_with(-EPERM, "coro_all_tasks: the loop is another thread's");
	list_for_each(link, &loop->tasks.all) {
		if (tasks < count)
			ret[tasks] = future_ref(&container_of(link, struct spawned, all)->future);
		tasks++;
	}
	return (int)tasks;
}
