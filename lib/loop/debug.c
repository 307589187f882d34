/* SPDX-License-Identifier: MIT */
/* Debug mode of a loop, and its report of steps that take long. */
#include "loop/debug.h"

#include "base/text.h"
#include "core/fail.h"
#include "coro/task.h"
#include "loop/handle.h"
#include "loop/loop.h"
#include "sched/turn.h"
#include "task/group.h"
#include "task/timeout.h"

#include <errno.h>

const struct step_watcher *step_watcher;

/* -- steps */

/* The program's function that the call runs; NULL if it runs none. */
static coro_callback *callback_of(const struct call *call)
{
	coro_callback *fn = handle_function(call);
	return fn ? fn : callback_function(call);
}

static void add_task(struct text *text, const struct coro_future *task)
{
	const char *name = coro_task_name(task), *site = coro_task_site(task);
	text_add(text, "task %s", name ? name : "?");
	if (site)
		text_add(text, ", spawned at %s", site);
}

static void add_callback(struct text *text, coro_callback *fn)
{
	text_add(text, "callback ");
	if (step_watcher)
		step_watcher->add_function(text, (const void *)(uintptr_t)fn);
	else
		text_add(text, "%p", (const void *)(uintptr_t)fn);
}

static void report_slow(struct coro_loop *loop, const struct step *step, int64_t duration)
{
	char chars[4096];
	struct text text = {chars, sizeof(chars), 0};
	int64_t msec = duration / CORO_MSEC;
	text_add(&text, "coro: executing ");
	if (step->task)
		add_task(&text, step->task);
	else
		add_callback(&text, step->fn);
	text_add(&text, " took %lld.%03d seconds\n", (long long)(msec / 1000), (int)(msec % 1000));
	if (step_watcher)
		step_watcher->add_calls(loop, &text);
	text_write(&text);
}

/* The step has ended. The time in which the process was stopped is not the program's fault. */
static void check_duration(struct coro_loop *loop, const struct step *step, int64_t now)
{
	int64_t duration = now - step->start;
	if (duration < loop->slow || !(step->task || step->fn))
		return;
	if (step_watcher)
		duration -= step_watcher->stood_still(loop, now);
	if (duration < 0)
		duration = 0;
	if (duration >= loop->slow)
		report_slow(loop, step, duration);
}

/* Notes since when the task waits, unless it is done. */
static void note_end(const struct step *step, int64_t now)
{
	if (!step->task || !task_of(step->task)->coro.frame)
		return;
	const struct sched *sched = step->task->sched;
	struct task_wait *wait = task_wait(task_of(step->task));
	wait->since = wait_stamp(sched->virtual_clock ? sched->now : now);
}

/* What the next entry of the turn runs. A task is held, since it may end. */
static struct step next_step(const struct sched *sched)
{
	struct step step = {0};
	void *entry = *ring_at(&sched->ready, sched->ready.head);
	if (ready_is_task(entry))
		step.task = future_ref(future_of(entry));
	else if (entry != READY_NOTHING)
		step.fn = callback_of(ready_to_call(entry));
	return step;
}

void debug_step(struct sched *sched)
{
	if (sched->ready.head == sched->turn_end)
		return;
	sched_cut(sched, 1);
	struct coro_loop *loop = sched_loop(sched);
	struct step step = next_step(sched);
	step.start = coro_clock();
	if (step_watcher)
		step_watcher->begin(loop, &step);
	turn_run_piece(sched);
	if (step_watcher)
		step_watcher->end(loop);
	int64_t now = coro_clock();
	note_end(&step, now);
	check_duration(loop, &step, now);
	if (step.task)
		future_unref(step.task);
}

/* -- generators */

void debug_yield(const struct coro *generator)
{
	const struct sched *sched = thread_current->sched;
	if (!sched)
		return;
	timeouts_tell_of_yield(sched, generator);
	groups_tell_of_yield(sched, generator);
}

/* -- on and off */

int coro_loop_set_debug(struct coro_loop *loop, bool on)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	sched->debug = on;
	sched->thread->debug |= on;
	if (!sched->trace) /* otherwise the trace's step goes on, and calls this one */
		sched->step = on ? debug_step : NULL;
	if (on && sched->runner)
		sched_cut(sched, 0);
	return 0;
}

bool coro_loop_debug(const struct coro_loop *loop)
{
	return loop && sched_of(loop)->debug;
}

int coro_loop_set_slow_callback_duration(struct coro_loop *loop, int64_t duration)
{
	int r = sched_check(sched_of(loop));
	if (r < 0 || duration < 0)
		return r < 0 ? r
			     : fail_with(-EINVAL,
					 "coro_loop_set_slow_callback_duration: less than 0");
	loop->slow = duration;
	return 0;
}

int64_t coro_loop_slow_callback_duration(const struct coro_loop *loop)
{
	return loop ? loop->slow
		    : fail_with(-EINVAL, "coro_loop_slow_callback_duration: the loop is NULL");
}
