/* SPDX-License-Identifier: MIT */
/* The executors of a loop: its default one, one for lookups, and what it has submitted to any. */
#include "thread/submit.h"

#include "base/error.h"
#include "base/memory.h"
#include "core/fail.h"
#include "coro/task.h"
#include "loop/loop.h"
#include "sched/fault.h"
#include "thread/executor.h"

#include <errno.h>
#include <stdlib.h>

/* Many, since each may wait for a name server that does not answer. */
enum { NAME_THREADS = 32 };

struct offloads {
	struct extension extension;
	struct coro_executor *executor; /* the default one; NULL before its first use */
	bool owned;
	struct coro_executor *names; /* for lookups; NULL before the first one */
	struct list submissions;
};

struct submission {
	struct job job;
	struct message message;
	struct list link; /* in the loop's submissions */
	/* Its memory is held twice: by this, and by the thread until the job is over. */
	struct coro_loop *loop;
	struct coro_future *future;   /* held */
	struct done_callback on_done; /* called when the future is cancelled */
	coro_fn *fn;
	void *arg;
	coro_callback *release;
	bool ran;
	bool orphan; /* the loop is closed; guarded by the executor's lock */
};

static int run_submission(void *arg)
{
	struct submission *submission = arg;
	submission->ran = true;
	int r = submission->fn(submission->arg);
	if (submission->release)
		submission->release(submission->arg);
	return r;
}

static void submission_free(struct submission *submission)
{
	struct coro_loop *loop = submission->loop;
	executor_unref(submission->job.executor);
	failure_unref(submission->job.failure);
	free(submission);
	sched_let_go(sched_of(loop));
}

/* The job is over. Runs in its thread, or, if a shutdown cancelled it, in the caller's; locked. */
static void submission_over(struct job *job)
{
	struct submission *submission = container_of(job, struct submission, job);
	struct coro_loop *loop = submission->loop;
	struct sched *sched = sched_of(loop);
	if (submission->orphan)
		submission_free(submission);
	else
		sched_post(sched, &submission->message);
	sched_let_go(sched);
}

/* Removes the submission from the loop. In the loop's thread. */
static void submission_leave(struct submission *submission)
{
	list_remove(&submission->link);
	list_remove(&submission->on_done.link);
	future_unref(submission->future);
	sched_unhold(sched_of(submission->loop));
}

/* Frees a submission whose job is over. In the loop's thread. */
static void submission_end(struct submission *submission)
{
	coro_callback *release = submission->ran ? NULL : submission->release;
	void *arg = submission->arg;
	submission_leave(submission);
	submission_free(submission);
	if (release)
		release(arg);
}

static void deliver(struct message *message)
{
	struct submission *submission = container_of(message, struct submission, message);
	struct coro_future *future = submission->future;
	list_remove(&submission->on_done.link);
	if (!future->done) {
		future_finish(future, submission->job.status, NULL, submission->job.failure);
		submission->job.failure = NULL;
	}
	submission_end(submission);
}

/* Not reached: offloads_close has ended all submissions before the inbox is closed. */
static void dropped(struct message *message)
{
	(void)message;
}

/* Takes back a job that has not begun. The submission is then to be ended. */
static bool take_back(struct submission *submission)
{
	struct job *job = &submission->job;
	executor_lock(job->executor);
	bool queued = job->state == JOB_QUEUED;
	if (queued)
		job_cancel(job);
	executor_unlock(job->executor);
	if (queued)
		sched_let_go(sched_of(submission->loop));
	return queued;
}

/* The future was cancelled. A job that runs goes on until it is over. */
static void on_cancel(struct done_callback *on_done, struct coro_future *future)
{
	struct submission *submission = container_of(on_done, struct submission, on_done);
	(void)future;
	if (take_back(submission))
		submission_end(submission);
}

/* The loop is being closed. True if the job runs on without it. */
static bool make_orphan(struct submission *submission)
{
	struct job *job = &submission->job;
	struct coro_executor *executor = job->executor;
	executor_lock(executor);
	bool orphan = job->state == JOB_RUNNING;
	submission->orphan = orphan;
	if (orphan)
		submission_leave(submission); /* before the thread can free it */
	executor_unlock(executor);
	return orphan;
}

static void submission_discard(struct submission *submission)
{
	if (!sched_is_own(sched_of(submission->loop))) {
		sched_let_go(sched_of(
			submission->loop)); /* in a child of fork, for the missing thread */
	} else if (!take_back(submission) && make_orphan(submission)) {
		return;
	}
	inbox_discard(&sched_of(submission->loop)->inbox, &submission->message);
	submission_end(submission);
}

static void offloads_close(struct extension *extension, struct coro_loop *loop)
{
	struct offloads *offloads = container_of(extension, struct offloads, extension);
	struct list *link;
	(void)loop;
	while ((link = offloads->submissions.next) != &offloads->submissions)
		submission_discard(container_of(link, struct submission, link));
	if (offloads->owned)
		coro_executor_destroy(offloads->executor);
	coro_executor_destroy(offloads->names);
	free(offloads);
}

static int shut_down(void *executor)
{
	return coro_executor_shutdown(executor, false);
}

/* Shuts the default executor down as asyncio.run does. On failure the loop's close does it. */
static void offloads_shut_down(struct extension *extension, struct coro_loop *loop)
{
	struct offloads *offloads = container_of(extension, struct offloads, extension);
	struct coro_future *task;
	if (!offloads->owned ||
	    coro_loop_spawn(loop, NULL, shut_down, offloads->executor, &task) < 0)
		return;
	coro_run_until_complete(loop, task, NULL);
	coro_future_unref(task);
}

/* NULL without memory. */
static struct offloads *offloads_of(struct coro_loop *loop)
{
	struct extension **place = &loop->extensions[EXTENSION_EXECUTOR];
	if (*place)
		return container_of(*place, struct offloads, extension);
	struct offloads *offloads = memory_alloc(sizeof(*offloads));
	if (!offloads)
		return NULL;
	*offloads = (struct offloads){
		.extension = {.shut_down = offloads_shut_down, .close = offloads_close},
	};
	list_init(&offloads->submissions);
	*place = &offloads->extension;
	return offloads;
}

int coro_loop_set_executor(struct coro_loop *loop, struct coro_executor *executor)
{
	int r = sched_check(sched_of(loop));
	if (r == 0)
		r = executor_check(executor);
	if (r < 0)
		return r;
	struct offloads *offloads = offloads_of(loop);
	if (!offloads)
		return fail_code(-ENOMEM);
	if (offloads->executor)
		return fail_with(-EBUSY, "coro_loop_set_executor: it is in use");
	offloads->executor = executor;
	return 0;
}

int executor_of(struct coro_loop *loop, struct coro_executor *given, struct coro_executor **ret)
{
	if (given) {
		*ret = given;
		return executor_check(given);
	}
	struct offloads *offloads = offloads_of(loop);
	if (!offloads)
		return -ENOMEM;
	if (!offloads->executor) {
		int r = coro_executor_create(NULL, &offloads->executor);
		if (r < 0)
			return r;
		offloads->owned = true;
	}
	*ret = offloads->executor;
	return 0;
}

static int submit(struct coro_executor *executor, struct submission *submission)
{
	executor_lock(executor);
	int r = executor_enqueue(executor, &submission->job, executor->max_queue);
	executor_unlock(executor);
	return r;
}

/* Submits fn(arg) to a checked executor. *ret is a future of the running loop. */
static int submit_to(struct coro_executor *executor, coro_fn *fn, void *arg, coro_callback *release,
		     struct coro_future **ret)
{
	struct coro_loop *loop = sched_loop(thread_current->sched);
	struct sched *sched = sched_of(loop);
	struct coro_future *future;
	int r = coro_future_create(loop, &future);
	if (r < 0)
		return r;
	struct offloads *offloads = offloads_of(loop);
	struct submission *submission = offloads ? memory_alloc(sizeof(*submission)) : NULL;
	if (!submission) {
		coro_future_unref(future);
		return -ENOMEM;
	}
	*submission = (struct submission){
		.job = job_for(executor, run_submission, submission, submission_over),
		.message = {.run = deliver, .drop = dropped},
		.loop = loop,
		.future = future_ref(future),
		.on_done.notify = on_cancel,
		.fn = fn,
		.arg = arg,
		.release = release,
	};
	__atomic_add_fetch(&executor->refs, 1, __ATOMIC_RELAXED);
	sched_hold(sched);
	sched_keep(sched);
	list_append(&offloads->submissions, &submission->link);
	list_append(&future->callbacks, &submission->on_done.link);
	r = submit(executor, submission);
	if (r < 0) {
		sched_let_go(sched);
		submission_leave(submission);
		submission_free(submission);
		coro_future_unref(future);
		return r;
	}
	*ret = future;
	return 0;
}

int coro_executor_submit(struct coro_executor *executor, coro_fn *fn, void *arg,
			 coro_callback *release, struct coro_future **ret)
{
	struct coro_loop *loop = sched_loop(thread_current->sched);
	if (!fn || !ret)
		return fail_with(-EINVAL, "coro_executor_submit: fn or ret is NULL");
	if (!loop)
		return fail_with(-EPERM, "coro_executor_submit: no loop runs in this thread");
	int r = fault_of(FAULT_THREAD);
	if (r < 0)
		return r;
	r = executor_of(loop, executor, &executor);
	if (r == 0)
		r = submit_to(executor, fn, arg, release, ret);
	return r == -EPIPE ? fail_expected(-EPIPE, "the executor is shut down") : fail_outcome(r);
}

/* -- lookups */

static int names_of(struct coro_loop *loop, struct coro_executor **ret)
{
	static const struct coro_executor_options options = {.max_threads = NAME_THREADS,
							     .name = "coro-names"};
	struct offloads *offloads = offloads_of(loop);
	if (!offloads)
		return -ENOMEM;
	if (!offloads->names) {
		int r = executor_create_leaving(&options, &offloads->names);
		if (r < 0)
			return r;
	}
	*ret = offloads->names;
	return executor_check(*ret);
}

int submit_name(coro_fn *fn, void *arg, coro_callback *release, struct coro_future **ret)
{
	struct coro_executor *executor;
	int r = names_of(sched_loop(thread_current->sched), &executor);
	return r < 0 ? r : submit_to(executor, fn, arg, release, ret);
}
