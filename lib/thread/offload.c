/* SPDX-License-Identifier: MIT */
/* Calls by threads of an executor, whose jobs lie on the stacks of the tasks that wait for them. */
#include "thread/offload.h"

#include "base/error.h"
#include "base/locals.h"
#include "core/fail.h"
#include "loop/loop.h"
#include "sched/thread_waiter.h"
#include "thread/executor.h"
#include "thread/submit.h"

#include <errno.h>

struct call_job {
	struct job job;
	struct thread_waiter waiter;
	coro_fn *fn;
	void *arg;
	struct locals *locals; /* for fn to see, a copy of the task's; taken by the thread */
};

static void call_over(struct job *job)
{
	thread_waiter_wake(&container_of(job, struct call_job, job)->waiter);
}

/*
 * In the thread: fn sees the task's values, and not those that others have set in the thread; what
 * it sets is dropped.
 */
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

/* A call that runs may use the task's stack, so it is waited for. */
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

/* With the lock held: 0 once it is over; -ECANCELED, and then its state tells. */
static int wait_for_job(struct call_job *call)
{
	struct job *job = &call->job;
	int cancelled = 0;
	while (job->state != JOB_OVER) {
		int r = thread_waiter_wait(&call->waiter, CORO_FOREVER);
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
 * Has the executor run fn(arg) with these values, or none: 0 if that came to its end; -ECANCELED, and
 * then *ret, the job as it is left, tells whether it did; or it could not be begun.
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

/* The caller receives what the job gave, once. */
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
	int r = executor_of(task->future.loop, executor, &executor);
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
	if (!task || executor_of(task->future.loop, NULL, &executor) < 0)
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
