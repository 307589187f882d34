/* SPDX-License-Identifier: MIT */
/* Debug mode of a loop, and its report of steps that take long. */
#include "loop/debug.h"

#include "base/pieces.h"
#include "core/fail.h"
#include "loop/handle.h"
#include "loop/loop.h"
#include "sched/turn.h"
#include "task/group.h"
#include "task/report.h"
#include "task/timeout.h"

#include <errno.h>
#include <stdio.h>

/* -- steps */

/* The program's function that the call runs; NULL if it runs none. */
static coro_callback *callback_of(const struct call *call)
{
	coro_callback *fn = handle_function(call);
	return fn ? fn : callback_function(call);
}

static void report_slow(const struct coro_future *task, coro_callback *fn, int64_t duration)
{
	struct pieces text = {.count = 0};
	char callback[32], took[48];
	int64_t msec = duration / CORO_MSEC;
	pieces_add(&text, "coro: executing ");
	if (task) {
		report_add_task(&text, task);
	} else {
		snprintf(callback, sizeof(callback), "callback %p", (void *)(uintptr_t)fn);
		pieces_add(&text, callback);
	}
	snprintf(took, sizeof(took), " took %lld.%03d seconds\n", (long long)(msec / 1000),
		 (int)(msec % 1000));
	pieces_add(&text, took);
	pieces_write(&text);
}

void debug_step(struct sched *sched)
{
	if (sched->ready.head == sched->turn_end)
		return;
	sched_cut(sched, 1);
	void *entry = *ring_at(&sched->ready, sched->ready.head);
	struct coro_future *task = NULL;
	coro_callback *fn = NULL;
	if (ready_is_task(entry))
		task = future_ref(future_of(entry)); /* it may end */
	else if (entry != READY_NOTHING)
		fn = callback_of(ready_to_call(entry));
	int64_t start = coro_clock();
	turn_run_piece(sched);
	int64_t duration = coro_clock() - start;
	if ((task || fn) && duration >= sched_loop(sched)->slow)
		report_slow(task, fn, duration);
	if (task)
		future_unref(task);
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
