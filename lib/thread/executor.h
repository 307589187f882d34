/* SPDX-License-Identifier: MIT */
/* The executor from inside: what is run by threads of a pool. */
#ifndef THREAD_EXECUTOR_H
#define THREAD_EXECUTOR_H

#include "base/identity.h"
#include "base/list.h"
#include "base/monitor.h"
#include "coro/thread.h"

#include <signal.h>

struct failure;

/* Something to be run; guarded by the executor's lock until it is over. */
struct job {
	struct list link; /* queued: in the executor's jobs */
	struct coro_executor *executor;
	coro_fn *fn;
	void *arg;
	struct identity identity; /* with which fn runs, if it is not the process's */
	enum { JOB_QUEUED, JOB_RUNNING, JOB_OVER } state;
	int status;
	struct failure *failure;
	/* It is over: tells who waits, and may be the end of the job. */
	void (*over)(struct job *job);
};

struct coro_executor {
	struct monitor monitor; /* its condition: there is work, or will be none */
	pthread_cond_t settled; /* a job is over, or a thread is at its end */
	struct list jobs;       /* queued, the oldest first */
	struct list workers;    /* at work or idle */
	struct list ended;      /* workers to be joined */
	struct list closers;    /* relays of those that wait for the end */
	size_t queued, running; /* jobs */
	size_t threads, idle;   /* idle: waiting for work, or on their way to it */
	size_t max_threads, max_queue;
	int64_t idle_timeout;
	unsigned numbered; /* threads so far */
	bool closing;
	unsigned refs; /* one the owner's, one each submission's. Atomic */
	unsigned fork_count;
	char name[12];
	bool leaves; /* nobody waits for its threads; each holds a reference */
	bool carries_identity;
	sigset_t mask; /* its threads' */
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
 * Makes one whose threads are left behind when it is destroyed: they end when they have no work.
 * They block all signals. 0, -ENOMEM or others of the system.
 */
int executor_create_leaving(const struct coro_executor_options *options,
			    struct coro_executor **ret);

/* A job of it, which runs with the identity of the calling thread. */
struct job job_for(struct coro_executor *executor, coro_fn *fn, void *arg,
		   void (*over)(struct job *job));

/* 0 if it may be used: not NULL, and no copy made by fork. */
int executor_check(const struct coro_executor *executor);

/* Gives a reference back. */
void executor_unref(struct coro_executor *executor);

/* -- with the lock held */

/*
 * Queues a job, and sees that there is a thread for it. At most max_queue jobs may wait beyond
 * those that idle threads are about to take: 0, -EAGAIN, -EPIPE, or the error of starting a thread.
 */
int executor_enqueue(struct coro_executor *executor, struct job *job, size_t max_queue);

static inline void job_dequeue(struct job *job)
{
	list_remove(&job->link);
	job->executor->queued--;
}

/* Takes one out that has not begun. */
void job_cancel(struct job *job);

#endif
