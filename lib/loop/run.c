/* SPDX-License-Identifier: MIT */
/* Runs: turn after turn, until the loop is stopped or a future is done. */
#include "core/fail.h"
#include "coro/embed.h"
#include "loop/deadlock.h"
#include "loop/debug.h"
#include "loop/embed.h"
#include "loop/loop.h"
#include "sched/turn.h"
#include "task/done_call.h"
#include "task/report.h"

#include <errno.h>

/* Begins a run, in the calling thread. Returns 0, or why it may not. */
static int begin_run(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	if (sched_busy(sched) || loop->embed.telling)
		return fail_with(-EBUSY, "a loop runs in this thread already");
	struct thread *thread = sched->thread;
	embed_awake(loop);
	loop->ran_before = thread->self->flags & FLAG_RUNS_LOOP;
	thread->sched = sched;
	thread->leave = task_leave;
	thread->yields = debug_yield;
	thread->runner_at = &sched->runner_context;
	sched->runner = thread->self;
	sched->runner->flags |= FLAG_RUNS_LOOP;
	report_all_told(sched); /* the first turn tells all */
	return 0;
}

/* Ends a run with the result r. Returns what the run returns. */
static int end_run(struct coro_loop *loop, int r)
{
	struct sched *sched = sched_of(loop);
	struct thread *thread = sched->thread;
	sched->stopping = false;
	if (!loop->ran_before)
		sched->runner->flags &= (uint16_t)~FLAG_RUNS_LOOP;
	sched->runner = NULL;
	thread->sched = NULL;
	if (thread->stacks.over)
		stack_pool_settle(&thread->stacks, thread->stacks.limit);
	if (!sched_is_own(sched))
		return fail_with(-EOWNERDEAD,
				 "the loop is the parent process's"); /* the run was the parent's */
	embed_asleep(loop);
	return r;
}

/* Runs turns until the loop is stopped or has made all that it may. Returns 0 or an error. */
static int run_turns(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	uint64_t turns = 0;
	int r;
	do {
		if (unlikely(sched->max_turns) && turns++ == sched->max_turns)
			return fail_turns(loop);
		r = turn_run(sched, false);
	} while (r == 0 && !sched->stopping);
	if (r != -EDEADLK)
		return fail_code(r);
	report_all_told(sched);
	return fail_deadlock(loop);
}

int coro_run_forever(struct coro_loop *loop)
{
	int r = begin_run(loop);
	return r < 0 ? r : end_run(loop, run_turns(loop));
}

/* Makes one turn that does not wait. Returns 0 or an error. */
static int run_turn(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	int r = begin_run(loop);
	if (r < 0)
		return r;
	r = turn_run(sched, true);
	return end_run(loop, fail_code(r == 0 && sched->stopping ? -ESHUTDOWN : r));
}

int coro_loop_run_once(struct coro_loop *loop)
{
	int r = run_turn(loop);
	return r < 0 ? r : sched_has_more(sched_of(loop));
}

int coro_loop_stop(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	sched->stopping = true;
	sched_interrupt(sched);
	sched_stirred(sched);
	return 0;
}

static void stop_loop(struct done_call *done_call)
{
	coro_loop_stop(sched_loop(done_call->future->sched));
}

static int run_until(struct coro_loop *loop, struct coro_future *future, bool asks, void **ret)
{
	struct sched *sched = sched_of(loop);
	int r = sched_check(sched);
	if (r < 0)
		return r;
	if (!future)
		return fail_with(-EINVAL, "coro_run_until_complete: the future is NULL");
	if (future->sched != sched)
		return fail_with(-EPERM, "coro_run_until_complete: the future is another loop's");
	if (sched_busy(sched))
		return fail_with(-EBUSY, "a loop runs in this thread already");
	r = sched_reserve(sched, 0, 1);
	if (r < 0)
		return r;
	struct done_call done_call;
	done_call_add(&done_call, coro_future_ref(future), stop_loop);
	r = coro_run_forever(loop);
	done_call_remove(&done_call);
	sched_release(sched, 0, 1);
	if (future->done)
		r = asks ? future_result(future, ret) : 0;
	else if (r == 0)
		r = fail_with(
			-ESHUTDOWN,
			"coro_run_until_complete: the loop was stopped before the future was done");
	coro_future_unref(future);
	return r;
}

int loop_run_until(struct coro_loop *loop, struct coro_future *future)
{
	return run_until(loop, future, false, NULL);
}

int coro_run_until_complete(struct coro_loop *loop, struct coro_future *future, void **ret)
{
	return run_until(loop, future, true, ret);
}
