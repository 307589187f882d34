/* SPDX-License-Identifier: MIT */
/* An executor from inside: a pool of threads that runs jobs. */
#ifndef THREAD_EXECUTOR_H
#define THREAD_EXECUTOR_H

#include "base/identity.h"
#include "base/list.h"
#include "base/monitor.h"
#include "coro/thread.h"

#include <signal.h>

struct failure;

/* A function call for a thread of the pool. The executor's lock guards it until it is over. */
struct job {
	struct list link; /* in the executor's jobs while queued */
	struct coro_executor *executor;
	coro_fn *fn;
	void *arg;
	struct identity identity; /* fn runs with it, if it is not the process's */
	enum { JOB_QUEUED, JOB_RUNNING, JOB_OVER } state;
	int status;
	struct failure *failure;
	/* Called when it is over. Wakes the waiting task, and may free the job. */
	void (*over)(struct job *job);
};

struct coro_executor {
	struct monitor monitor; /* signalled when there is a job, or at the shutdown */
	pthread_cond_t settled; /* signalled when a job is over or a thread ends */
	struct list jobs;       /* queued, the oldest first */
	struct list workers;    /* threads at work or idle */
	struct list ended;      /* threads to be joined */
	struct list closers;    /* struct thread_waiter, for the shutdown's end */
	size_t queued, running; /* jobs */
	size_t threads, idle;   /* idle: waiting for a job, or just started */
	size_t max_threads, max_queue;
	int64_t idle_timeout;
	unsigned numbered; /* threads started so far */
	bool closing;
	unsigned refs; /* the owner's, one for each submission; atomic */
	unsigned fork_count;
	char name[12];
	bool leaves; /* threads are not joined; each holds a reference */
	bool carries_identity;
	sigset_t mask; /* the threads' signal mask */
};

static inline void executor_lock(struct coro_executor *executor)
{
	monitor_lock(&executor->monitor);
}

static inline void executor_unlock(struct coro_executor *executor)
{
	monitor_unlock(&executor->monitor);
}

/*
 * Makes an executor whose threads are not joined when it is destroyed: they end when their job is
 * over. They block all signals. Returns 0, -ENOMEM or an error of the system.
 */
int executor_create_leaving(const struct coro_executor_options *options,
			    struct coro_executor **ret);

/* A job for the executor, which runs with the identity of the calling thread. */
struct job job_for(struct coro_executor *executor, coro_fn *fn, void *arg,
		   void (*over)(struct job *job));

/* Returns 0, -EINVAL for NULL, or -EOWNERDEAD in a child of fork. */
int executor_check(const struct coro_executor *executor);

/* Gives a reference back. */
void executor_unref(struct coro_executor *executor);

/* -- with the lock held */

/*
 * Queues a job, and starts a thread if none is idle. At most max_queue jobs may wait beyond those
 * that idle threads are about to take. Returns 0, -EAGAIN, -EPIPE, or the error of starting a thread.
 */
int executor_enqueue(struct coro_executor *executor, struct job *job, size_t max_queue);

static inline void job_dequeue(struct job *job)
{
	list_remove(&job->link);
	job->executor->queued--;
}

/* Takes back a job that has not begun. */
void job_cancel(struct job *job);

#endif
