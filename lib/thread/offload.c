/* SPDX-License-Identifier: MIT */
/* Calls in a thread of an executor that the task waits for. The job lies on the task's stack. */
#include "thread/offload.h"

#include "base/error.h"
#include "base/locals.h"
#include "core/fail.h"
#include "loop/loop.h"
#include "sched/fault.h"
#include "sched/thread_waiter.h"
#include "thread/executor.h"
#include "thread/submit.h"

#include <errno.h>

struct call_job {
	struct job job;
	struct thread_waiter waiter;
	coro_fn *fn;
	void *arg;
	struct locals *locals; /* a copy of the task's, which the thread takes */
};

static void call_over(struct job *job)
{
	thread_waiter_wake(&container_of(job, struct call_job, job)->waiter);
}

/* Runs in the thread. fn sees the task's local values instead of the thread's. Its own are dropped. */
static int run_call(void *arg)
{
	struct call_job *call = arg;
	struct thread *thread = call->locals ? thread_self() : thread_current;
	if (!thread)
		return -ENOMEM;
	if (!call->locals && !thread->has_locals)
		return call->fn(call->arg);
	struct locals **here = &thread->root_frame.locals, *outer = *here;
	thread->has_locals = true;
	*here = call->locals;
	call->locals = NULL;
	int r = call->fn(call->arg);
	locals_unref(*here);
	*here = outer;
	return r;
}

/* The task is discarded. A call that runs may use its stack, so this blocks until it is over. */
static void call_discarded(struct thread_waiter *waiter)
{
	struct job *job = &container_of(waiter, struct call_job, waiter)->job;
	if (job->state == JOB_QUEUED)
		job_cancel(job);
	while (job->state == JOB_RUNNING)
		monitor_wait_on(&job->executor->settled, waiter->mutex, CORO_FOREVER);
	failure_unref(job->failure);
	locals_unref(container_of(job, struct call_job, job)->locals);
}

static const struct wait_kind calling = {.leave = waiter_leave, .what = "a call in a thread"};

/* Waits with the lock held. Returns 0, or -ECANCELED; job.state then tells whether it ran. */
static int wait_for_job(struct call_job *call)
{
	struct job *job = &call->job;
	int cancelled = 0;
	while (job->state != JOB_OVER) {
		int r = thread_waiter_wait(&call->waiter, CORO_FOREVER, &calling);
		if (r < 0)
			cancelled = r;
		if (r < 0 && job->state == JOB_QUEUED) {
			job_dequeue(job);
			break;
		}
	}
	return cancelled;
}

/*
 * Has the executor run fn(arg) with these local values, or none. Returns 0 if it ran; -ECANCELED,
 * where *ret, the job as it is left, tells whether it ran; or the error of beginning it.
 */
static int call(struct coro_executor *executor, coro_fn *fn, void *arg, const struct locals *locals,
		struct job *ret)
{
	struct call_job call = {
		.job = job_for(executor, run_call, &call, call_over),
		.fn = fn,
		.arg = arg,
	};
	int r = locals_copy(locals, &call.locals);
	if (r < 0)
		return r;
	r = thread_waiter_begin(&call.waiter, &executor->monitor.mutex, call_discarded);
	if (r < 0) {
		locals_unref(call.locals);
		return r;
	}
	executor_lock(executor);
	r = executor_enqueue(executor, &call.job, SIZE_MAX);
	if (r == 0)
		r = wait_for_job(&call);
	executor_unlock(executor);
	thread_waiter_end(&call.waiter);
	locals_unref(call.locals);
	*ret = call.job;
	return r;
}

/* Returns the job's result with its message, which it gives away. */
static int result_of(const struct job *job)
{
	if (job->status < 0)
		fail_again(job->status, job->failure);
	failure_unref(job->failure);
	return job->status;
}

int coro_executor_run(struct coro_executor *executor, coro_fn *fn, void *arg)
{
	struct task *task = task_running();
	struct job job = {0};
	if (!fn)
		return fail_with(-EINVAL, "coro_executor_run: fn is NULL");
	if (!task)
		return fail_with(-EPERM, "coro_executor_run: not in a task");
	int r = fault_of(FAULT_THREAD);
	if (r < 0)
		return r;
	r = executor_of(sched_loop(task->sched), executor, &executor);
	if (r == 0)
		r = call(executor, fn, arg, task->coro.frame->locals, &job);
	if (r == 0)
		return result_of(&job);
	failure_unref(job.failure);
	return r == -EPIPE ? fail_expected(-EPIPE, "the executor is shut down") : fail_outcome(r);
}

int coro_to_thread(coro_fn *fn, void *arg)
{
	return coro_executor_run(NULL, fn, arg);
}

int offload(coro_fn *fn, void *arg)
{
	struct task *task = task_running();
	struct coro_executor *executor;
	struct job job = {0};
	if (!task || executor_of(sched_loop(task->sched), NULL, &executor) < 0)
		return fn(arg);
	int r = call(executor, fn, arg, NULL, &job);
	if (r == 0)
		return result_of(&job);
	if (r != -ECANCELED)
		return fn(arg);
	if (job.state != JOB_OVER)
		return r;
	task_put_off_cancel(task);
	return result_of(&job);
}
