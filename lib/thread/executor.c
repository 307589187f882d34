/* SPDX-License-Identifier: MIT */
/* A pool of threads: jobs, threads, the executor itself. */
#include "thread/executor.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/system.h"
#include "core/fail.h"
#include "core/overflow.h"
#include "loop/loop.h"
#include "sched/thread_waiter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_THREADS = 32, MORE_THAN_CPUS = 4 };

#define IDLE_TIMEOUT (10 * CORO_SEC)

/* A thread of the executor. */
struct worker {
	struct list link;
	struct coro_executor *executor;
	pthread_t thread;
	unsigned number;
};

/* -- jobs */

struct job job_for(struct coro_executor *executor, coro_fn *fn, void *arg,
		   void (*over)(struct job *job))
{
	struct job job = {.executor = executor, .fn = fn, .arg = arg, .over = over};
	if (executor->carries_identity)
		job.identity = identity_of_thread();
	return job;
}

static int perform(const struct job *job)
{
	if (!job->identity.other)
		return job->fn(job->arg);
	identity_take(&job->identity);
	int r = job->fn(job->arg);
	identity_drop();
	return r;
}

/* -- with the lock held */

void job_cancel(struct job *job)
{
	job_dequeue(job);
	job->status = -ECANCELED;
	job->state = JOB_OVER;
}

static bool at_rest(const struct coro_executor *executor)
{
	return executor->queued == 0 && executor->running == 0;
}

static void tell_closers(struct coro_executor *executor)
{
	while (!list_empty(&executor->closers))
		thread_waiter_wake(
			container_of(executor->closers.next, struct thread_waiter, link));
}

static void run_job(struct coro_executor *executor, struct job *job)
{
	job_dequeue(job);
	job->state = JOB_RUNNING;
	executor->running++;
	executor_unlock(executor);
	int status = perform(job);
	struct frame *frame = thread_current->self->frame;
	struct failure *failure = status < 0 ? coroutine_claim_failure(frame, status) : NULL;
	executor_lock(executor);
	executor->running--;
	job->status = status;
	job->failure = failure;
	job->state = JOB_OVER;
	job->over(job);
	pthread_cond_broadcast(&executor->settled);
	if (executor->closing && at_rest(executor))
		tell_closers(executor);
}

/* -- threads */

/* Waits for a job, with the lock held. False after the idle timeout or at the shutdown. */
static bool wait_for_work(struct coro_executor *executor)
{
	int64_t until = time_after(coro_clock(), executor->idle_timeout);
	bool in_time = true;
	executor->idle++;
	while (in_time && executor->queued == 0 && !executor->closing)
		in_time = monitor_wait(&executor->monitor, until);
	executor->idle--;
	return executor->queued > 0;
}

/* Has an overflow of the thread's stack reported by its name. Without memory it is not. */
static void watch_overflow(const char *name)
{
	struct thread *thread = thread_self();
	if (!thread)
		return;
	overflow_watch_thread(thread);
	thread->root.name = name;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct coro_executor *executor = worker->executor;
	char name[sizeof(executor->name) + 12];
	snprintf(name, sizeof(name), "%s-%u", executor->name, worker->number);
	name[15] = '\0';
	system_name_thread(name);
	watch_overflow(name);
	pthread_sigmask(SIG_SETMASK, &executor->mask, NULL);
	if (executor->carries_identity)
		identity_drop(); /* inherited from the thread that started this one */

	executor_lock(executor);
	executor->idle--; /* it was counted as idle when it was started */
	while (executor->queued > 0 || wait_for_work(executor))
		run_job(executor, container_of(executor->jobs.next, struct job, link));
	list_remove(&worker->link);
	executor->threads--;
	if (executor->leaves) {
		executor_unlock(executor);
		free(worker);
		executor_unref(executor);
		thread_leave();
		return NULL;
	}
	list_append(&executor->ended, &worker->link);
	pthread_cond_broadcast(&executor->settled);
	executor_unlock(executor);
	return NULL;
}

static int start_worker(struct coro_executor *executor)
{
	struct worker *worker = memory_alloc(sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	*worker = (struct worker){.executor = executor, .number = executor->numbered};
	int r = system_start_thread(&worker->thread, work, worker);
	if (r < 0) {
		free(worker);
		return r;
	}
	if (executor->leaves) {
		pthread_detach(worker->thread);
		__atomic_add_fetch(&executor->refs, 1, __ATOMIC_RELAXED);
	}
	list_append(&executor->workers, &worker->link);
	executor->numbered++;
	executor->threads++;
	executor->idle++;
	return 0;
}

/* Joins the threads that have ended. It does not block for long: they only have to return. */
static void join_ended(struct coro_executor *executor)
{
	struct list *link;
	while ((link = list_pop(&executor->ended))) {
		struct worker *worker = container_of(link, struct worker, link);
		executor_unlock(executor);
		pthread_join(worker->thread, NULL);
		free(worker);
		executor_lock(executor);
	}
}

static bool is_worker(struct coro_executor *executor)
{
	list_for_each(link, &executor->workers)
		if (pthread_equal(container_of(link, struct worker, link)->thread, pthread_self()))
			return true;
	return false;
}

int executor_enqueue(struct coro_executor *executor, struct job *job, size_t max_queue)
{
	join_ended(executor);
	if (executor->closing)
		return -EPIPE;
	if (executor->queued >= executor->idle && executor->threads < executor->max_threads) {
		int r = start_worker(executor);
		if (r < 0 && executor->threads == 0)
			return r;
	}
	if (executor->queued >= executor->idle && executor->queued - executor->idle >= max_queue)
		return -EAGAIN;
	list_append(&executor->jobs, &job->link);
	executor->queued++;
	monitor_notify(&executor->monitor);
	return 0;
}

/* -- executors */

static size_t default_threads(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t threads = (cpus > 0 ? (size_t)cpus : 1) + MORE_THAN_CPUS;
	return threads < MAX_THREADS ? threads : MAX_THREADS;
}

static int create(const struct coro_executor_options *options, struct coro_executor **ret)
{
	struct coro_executor *executor = fork_watch() == 0 ? memory_alloc(sizeof(*executor)) : NULL;
	if (!executor)
		return fail_code(-ENOMEM);
	*executor = (struct coro_executor){
		.max_threads = options->max_threads ? options->max_threads : default_threads(),
		.max_queue = options->max_queue ? options->max_queue : SIZE_MAX,
		.idle_timeout = options->idle_timeout ? options->idle_timeout : IDLE_TIMEOUT,
		.refs = 1,
		.fork_count = fork_count,
		.carries_identity = system_may_change_identity(),
	};
	pthread_sigmask(SIG_SETMASK, NULL, &executor->mask);
	snprintf(executor->name, sizeof(executor->name), "%s",
		 options->name ? options->name : "coro");
	list_init(&executor->jobs);
	list_init(&executor->workers);
	list_init(&executor->ended);
	list_init(&executor->closers);
	int r = monitor_init(&executor->monitor);
	if (r == 0) {
		r = monitor_init_condition(&executor->settled);
		if (r < 0)
			monitor_finish(&executor->monitor);
	}
	if (r < 0) {
		free(executor);
		return fail_code(r);
	}
	*ret = executor;
	return 0;
}

int coro_executor_create(const struct coro_executor_options *options, struct coro_executor **ret)
{
	static const struct coro_executor_options defaults;
	if (!options)
		options = &defaults;
	if (!ret || options->idle_timeout < 0)
		return fail_with(-EINVAL,
				 "coro_executor_create: an argument is NULL or out of range");
	return create(options, ret);
}

int executor_create_leaving(const struct coro_executor_options *options, struct coro_executor **ret)
{
	int r = create(options, ret);
	if (r < 0)
		return r;
	(*ret)->leaves = true;
	system_block_signals(&(*ret)->mask);
	return 0;
}

int executor_check(const struct coro_executor *executor)
{
	if (!executor)
		return fail_with(-EINVAL, "the executor is NULL");
	return fork_is_own(executor->fork_count) ? 0 : fail_code(-EOWNERDEAD);
}

/* Refuses jobs from now on. Queued jobs still run, unless cancel_pending. */
static void begin_closing(struct coro_executor *executor, bool cancel_pending)
{
	executor->closing = true;
	while (cancel_pending && executor->queued > 0) {
		struct job *job = container_of(executor->jobs.next, struct job, link);
		job_cancel(job);
		job->over(job);
	}
	monitor_notify_all(&executor->monitor);
	if (at_rest(executor))
		tell_closers(executor);
}

static const struct wait_kind shutting_down = {.leave = waiter_leave,
					       .what = "an executor, to shut down"};

/* Waits until no job is queued or runs. */
static int wait_for_rest(struct coro_executor *executor)
{
	struct thread_waiter waiter;
	int r = thread_waiter_begin(&waiter, &executor->monitor.mutex, NULL);
	if (r < 0)
		return r;
	list_append(&executor->closers, &waiter.link);
	r = thread_waiter_wait(&waiter, CORO_FOREVER, &shutting_down);
	list_remove(&waiter.link);
	thread_waiter_end(&waiter);
	return r;
}

/* Joins all threads, which have no job left. */
static void join_all(struct coro_executor *executor)
{
	while (!list_empty(&executor->workers))
		monitor_wait_on(&executor->settled, &executor->monitor.mutex, CORO_FOREVER);
	join_ended(executor);
}

int coro_executor_shutdown(struct coro_executor *executor, bool cancel_pending)
{
	int r = executor_check(executor);
	if (r < 0)
		return r;
	executor_lock(executor);
	begin_closing(executor, cancel_pending);
	if (is_worker(executor))
		r = fail_with(-EDEADLK, "coro_executor_shutdown: it would wait for the caller");
	else if (!at_rest(executor))
		r = wait_for_rest(executor);
	if (r == 0)
		join_all(executor);
	executor_unlock(executor);
	return r;
}

static void free_workers(struct list *workers)
{
	struct list *link;
	while ((link = list_pop(workers)))
		free(container_of(link, struct worker, link));
}

void executor_unref(struct coro_executor *executor)
{
	if (__atomic_sub_fetch(&executor->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (executor->fork_count == fork_count) {
		pthread_cond_destroy(&executor->settled);
		monitor_finish(&executor->monitor);
	} else if (pthread_mutex_trylock(&executor->monitor.mutex) == 0) {
		/* In a child of fork: nothing was changing the lists when it forked. */
		free_workers(&executor->workers);
		free_workers(&executor->ended);
	}
	free(executor);
}

int coro_executor_destroy(struct coro_executor *executor)
{
	if (!executor)
		return 0;
	if (!fork_is_own(executor->fork_count)) {
		/* In a child of fork, which has none of its threads. */
		executor->refs -= executor->leaves ? (unsigned)executor->threads : 0;
		executor_unref(executor);
		return 0;
	}
	executor_lock(executor);
	if (is_worker(executor)) {
		executor_unlock(executor);
		return fail_with(-EDEADLK, "coro_executor_destroy: it would wait for the caller");
	}
	begin_closing(executor, true);
	if (!executor->leaves)
		join_all(executor);
	executor_unlock(executor);
	executor_unref(executor);
	return 0;
}

size_t coro_executor_threads(struct coro_executor *executor)
{
	if (executor_check(executor) < 0)
		return 0;
	executor_lock(executor);
	size_t threads = executor->threads;
	executor_unlock(executor);
	return threads;
}
