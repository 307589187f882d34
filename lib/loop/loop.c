/* SPDX-License-Identifier: MIT */
#include "loop/loop.h"

#include "base/random.h"
#include "core/fail.h"
#include "loop/asyncgen.h"
#include "loop/debug.h"
#include "loop/exception.h"
#include "loop/handle.h"
#include "sched/resource.h"
#include "task/group.h"
#include "task/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void (*loop_made)(struct coro_loop *loop);

/* -- life */

/* What the environment says: any text but 0 is yes, none is what is usual. */
static bool wanted(const char *name, bool usual)
{
	const char *text = getenv(name);
	return text && *text ? strcmp(text, "0") != 0 : usual;
}

static void loop_free(struct coro_loop *loop)
{
	slab_finish(&loop->tasks_slab);
	slab_finish(&loop->futures_slab);
	slab_finish(&loop->handles_slab);
	loop_let_go(loop);
}

static void init_containers(struct coro_loop *loop)
{
	inbox_init(&loop->inbox);
	ring_init(&loop->ready);
	heap_init(&loop->timers);
	list_init(&loop->tasks);
	list_init(&loop->servants);
	list_init(&loop->asyncgens);
	list_init(&loop->closing_asyncgens);
	list_init(&loop->scopes);
	list_init(&loop->generator_groups);
	list_init(&loop->resources);
	list_init(&loop->failed);
	list_init(&loop->failing);
	list_init(&loop->orphans);
	list_init(&loop->unheard);
	list_init(&loop->remotes);
	slab_init(&loop->tasks_slab, sizeof(struct task));
	slab_init(&loop->futures_slab, sizeof(struct coro_future));
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
	if (options->poller > CORO_POLLER_URING)
		return fail_with(-EINVAL, "a loop's options: there is no such poller");
	int r = coroutine_check_options(&(struct coro_options){.stack_size = options->stack_size},
					0);
	if (r < 0)
		return r;
	struct thread *thread = thread_self();
	struct coro_loop *loop = thread && fork_watch() == 0 ? malloc(sizeof(*loop)) : NULL;
	if (!loop)
		return fail_code(-ENOMEM);
	*loop = (struct coro_loop){
		.thread = thread_ref(thread),
		.stack_size = options->stack_size,
		.virtual_clock = options->flags & CORO_VIRTUAL_CLOCK,
		.takes_sigterm = options->flags & CORO_SIGTERM,
		.task_flags = (uint8_t)((options->flags & CORO_SAVE_EXCEPTIONS) |
					(options->flags & CORO_EAGER_TASKS ? CORO_EAGER_START : 0)),
		.random = options->seed,
		.choices = random_state(options->seed),
		.debug = options->flags & CORO_DEBUG || wanted("CORO_DEBUG", false),
		.reports = wanted("CORO_REPORTS", true),
		.slow = 100 * CORO_MSEC,
		.budget_at = SIZE_MAX / 2, /* nowhere near where ready begins */
		.poller_kind = options->poller,
		.refs = 1,
		.keepers = 1,
		.fork_count = fork_count,
		.free = loop_free,
		.start = task_start_slow,
		.step = debug_step,
	};
	init_containers(loop);
	exception_note_handler(loop);
	if (loop_made)
		loop_made(loop);
	*ret = loop;
	return 0;
}

struct coro_loop *coro_loop_ref(struct coro_loop *loop)
{
	if (loop)
		loop->refs++;
	return loop;
}

void coro_loop_unref(struct coro_loop *loop)
{
	if (loop)
		loop_unref(loop);
}

static void discard_waits(const struct list *tasks)
{
	list_for_each(link, tasks)
		task_discard_wait(container_of(link, struct task, all));
}

static void discard_each(const struct list *tasks)
{
	while (!list_empty(tasks))
		task_discard(container_of(tasks->next, struct task, all));
}

/* Throws away what is not done. Whoever is told of it finds the loop closed. */
static void discard_tasks(struct coro_loop *loop)
{
	loop->discarding = true;
	discard_waits(&loop->tasks);
	discard_waits(&loop->servants);
	report_nobody_told(loop);
	list_for_each(link, &loop->tasks) {
		struct task *task = container_of(link, struct task, all);
		report_future(&task->future, "Task was destroyed but it is pending!");
		task_discard_deferred(task);
	}
	list_for_each(link, &loop->servants)
		task_discard_deferred(container_of(link, struct task, all));
	discard_each(&loop->tasks);
	discard_each(&loop->servants);
	loop->discarding = false;
}

/* Lets go of whatever waits for its turn or its time. */
static void forget_calls(struct coro_loop *loop)
{
	while (!ring_empty(&loop->ready)) {
		void *entry = ring_pop(&loop->ready);
		if (!ready_is_task(entry) && entry != READY_NOTHING) {
			struct call *call = ready_to_call(entry);
			call->position = CALL_IDLE; /* it may outlive the loop */
			if (!handle_discard(call))
				callback_discard(call);
		}
	}
	while (!heap_empty(&loop->timers)) {
		struct timer *timer = container_of(heap_first(&loop->timers), struct timer, node);
		heap_remove(&loop->timers, &timer->node);
		handle_discard(&timer->call);
	}
}

/* Timeouts and groups of generators, which may end them yet. */
static void forget_scopes(struct coro_loop *loop)
{
	struct list *link;
	while (list_pop(&loop->scopes))
		;
	while ((link = list_pop(&loop->generator_groups)))
		link->next = NULL;
}

/* After a fork the child may close its copy. */
int coro_loop_close(struct coro_loop *loop)
{
	fork_notice();
	if (!loop)
		return 0;
	if (loop->thread != thread_current)
		return fail_with(-EPERM, "coro_loop_close: the loop is another thread's");
	if (loop->closed)
		return 0;
	if (loop->runner || loop->embed.telling)
		return fail_with(-EBUSY, "coro_loop_close: the loop runs");
	embed_awake(loop);
	loop->closed = true;
	discard_tasks(loop);
	group_drop_orphans(loop);
	remotes_close(loop);
	forget_calls(loop);
	asyncgen_forget(loop);
	if (loop->poller)
		loop->poller->destroy(loop->poller);
	loop->poller = NULL;
	for (int kind = 0; kind < EXTENSION_COUNT; kind++)
		if (loop->extensions[kind])
			loop->extensions[kind]->close(loop->extensions[kind], loop);
	inbox_close(&loop->inbox);
	ring_finish(&loop->ready);
	heap_finish(&loop->timers);
	report_unheard(loop);
	report_held(loop);
	resources_report(loop);
	forget_scopes(loop);
	loop_unref(loop);
	return 0;
}

/* -- time */

int64_t coro_loop_time(const struct coro_loop *loop)
{
	return loop ? loop_time(loop) : fail_with(-EINVAL, "coro_loop_time: the loop is NULL");
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

bool coro_loop_closed(const struct coro_loop *loop)
{
	return loop && loop->closed;
}

int coro_all_tasks(const struct coro_loop *loop, struct coro_future *ret[], size_t count)
{
	size_t tasks = 0;
	if (!loop || (!ret && count > 0))
		return fail_with(-EINVAL, "coro_all_tasks: the loop or ret is NULL");
	if (loop->thread != thread_current)
		return fail_with(-EPERM, "coro_all_tasks: the loop is another thread's");
	list_for_each(link, &loop->tasks) {
		if (tasks < count)
			ret[tasks] = future_ref(&container_of(link, struct task, all)->future);
		tasks++;
	}
	return (int)tasks;
}
