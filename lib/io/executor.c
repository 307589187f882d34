/* SPDX-License-Identifier: MIT */
#include "io/executor.h"

#include "base/error.h"
#include "base/locals.h"
#include "base/monitor.h"
#include "base/system.h"
#include "coro/task.h"
#include "loop/loop.h"
#include "loop/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_THREADS = 32, MORE_THAN_CPUS = 4 };

#define IDLE_TIMEOUT (10 * CORO_SEC)

/* Something to be run; guarded by the executor's lock until it is over. */
struct job {
	struct list link; /* queued: in the executor's jobs */
	struct coro_executor *executor;
	coro_fn *fn;
	void *arg;
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
};

/* A thread of the executor. */
struct worker {
	struct list link;
	struct coro_executor *executor;
	pthread_t thread;
	unsigned number;
};

static void lock(struct coro_executor *executor)
{
	monitor_lock(&executor->monitor);
}

static void unlock(struct coro_executor *executor)
{
	monitor_unlock(&executor->monitor);
}

/* -- jobs, with the lock held */

static void dequeue(struct job *job)
{
	list_remove(&job->link);
	job->executor->queued--;
}

/* Takes one out that has not begun. */
static void cancel_job(struct job *job)
{
	dequeue(job);
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
		relay_set(container_of(executor->closers.next, struct relay, link));
}

static void run_job(struct coro_executor *executor, struct job *job)
{
	dequeue(job);
	job->state = JOB_RUNNING;
	executor->running++;
	unlock(executor);
	int status = job->fn(job->arg);
	struct frame *frame = thread_current->self->frame;
	struct failure *failure = status < 0 ? coro_claim_failure(frame, status) : NULL;
	lock(executor);
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

/* Waits for work, with the lock held: false if there is none to come. */
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

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct coro_executor *executor = worker->executor;
	char name[sizeof(executor->name) + 12];
	snprintf(name, sizeof(name), "%s-%u", executor->name, worker->number);
	name[15] = '\0';
	system_name_thread(name);

	lock(executor);
	executor->idle--; /* as which it was started */
	while (executor->queued > 0 || wait_for_work(executor))
		run_job(executor, container_of(executor->jobs.next, struct job, link));
	list_remove(&worker->link);
	list_append(&executor->ended, &worker->link);
	executor->threads--;
	pthread_cond_broadcast(&executor->settled);
	unlock(executor);
	return NULL;
}

static int start_worker(struct coro_executor *executor)
{
	struct worker *worker = malloc(sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	*worker = (struct worker){.executor = executor, .number = executor->numbered};
	int r = system_start_thread(&worker->thread, work, worker);
	if (r < 0) {
		free(worker);
		return r;
	}
	list_append(&executor->workers, &worker->link);
	executor->numbered++;
	executor->threads++;
	executor->idle++;
	return 0;
}

/* Joins those that have ended: they have little left to do, if anything. */
static void join_ended(struct coro_executor *executor)
{
	struct list *link;
	while ((link = list_pop(&executor->ended))) {
		struct worker *worker = container_of(link, struct worker, link);
		unlock(executor);
		pthread_join(worker->thread, NULL);
		free(worker);
		lock(executor);
	}
}

static bool is_worker(struct coro_executor *executor)
{
	list_for_each(link, &executor->workers)
		if (pthread_equal(container_of(link, struct worker, link)->thread, pthread_self()))
			return true;
	return false;
}

/*
 * Queues a job, and sees that there is a thread for it. At most so many may wait beyond those that
 * idle threads are about to take.
 */
static int enqueue(struct coro_executor *executor, struct job *job, size_t max_queue)
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

int coro_executor_create(const struct coro_executor_options *options, struct coro_executor **ret)
{
	static const struct coro_executor_options defaults;
	if (!options)
		options = &defaults;
	if (!ret || options->idle_timeout < 0)
		return -EINVAL;
	struct coro_executor *executor = fork_watch() == 0 ? malloc(sizeof(*executor)) : NULL;
	if (!executor)
		return -ENOMEM;
	*executor = (struct coro_executor){
		.max_threads = options->max_threads ? options->max_threads : default_threads(),
		.max_queue = options->max_queue ? options->max_queue : SIZE_MAX,
		.idle_timeout = options->idle_timeout ? options->idle_timeout : IDLE_TIMEOUT,
		.refs = 1,
		.fork_count = fork_count,
	};
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
		return r;
	}
	*ret = executor;
	return 0;
}

/* 0 if the caller may wait for the end of the executor, which it holds the lock of. */
static int check_usable(const struct coro_executor *executor)
{
	if (!executor)
		return -EINVAL;
	return executor->fork_count == fork_count ? 0 : -EOWNERDEAD;
}

/* No more jobs from now on; those that wait are run, or are not. */
static void begin_closing(struct coro_executor *executor, bool cancel_pending)
{
	executor->closing = true;
	while (cancel_pending && executor->queued > 0) {
		struct job *job = container_of(executor->jobs.next, struct job, link);
		cancel_job(job);
		job->over(job);
	}
	monitor_notify_all(&executor->monitor);
	if (at_rest(executor))
		tell_closers(executor);
}

/* Waits until nothing runs any more. */
static int wait_for_rest(struct coro_executor *executor)
{
	struct relay relay;
	int r = relay_begin(&relay, &executor->monitor.mutex, NULL);
	if (r < 0)
		return r;
	list_append(&executor->closers, &relay.link);
	r = relay_wait(&relay, CORO_FOREVER);
	list_remove(&relay.link);
	relay_end(&relay);
	return r;
}

/* The threads have nothing left to do but to end. */
static void join_all(struct coro_executor *executor)
{
	while (!list_empty(&executor->workers))
		monitor_wait_on(&executor->settled, &executor->monitor.mutex, CORO_FOREVER);
	join_ended(executor);
}

int coro_executor_shutdown(struct coro_executor *executor, bool cancel_pending)
{
	int r = check_usable(executor);
	if (r < 0)
		return r;
	lock(executor);
	begin_closing(executor, cancel_pending);
	if (is_worker(executor))
		r = -EDEADLK;
	else if (!at_rest(executor))
		r = wait_for_rest(executor);
	if (r == 0)
		join_all(executor);
	unlock(executor);
	return r;
}

static void free_workers(struct list *workers)
{
	struct list *link;
	while ((link = list_pop(workers)))
		free(container_of(link, struct worker, link));
}

static void executor_unref(struct coro_executor *executor)
{
	if (__atomic_sub_fetch(&executor->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (executor->fork_count == fork_count) {
		pthread_cond_destroy(&executor->settled);
		monitor_finish(&executor->monitor);
	} else if (pthread_mutex_trylock(&executor->monitor.mutex) == 0) {
		/* A child made by fork, when no thread was in the midst of something. */
		free_workers(&executor->workers);
		free_workers(&executor->ended);
	}
	free(executor);
}

int coro_executor_destroy(struct coro_executor *executor)
{
	if (!executor)
		return 0;
	if (executor->fork_count != fork_count) {
		executor_unref(executor); /* its threads are the parent's */
		return 0;
	}
	lock(executor);
	if (is_worker(executor)) {
		unlock(executor);
		return -EDEADLK;
	}
	begin_closing(executor, true);
	join_all(executor);
	unlock(executor);
	executor_unref(executor);
	return 0;
}

size_t coro_executor_threads(struct coro_executor *executor)
{
	if (check_usable(executor) < 0)
		return 0;
	lock(executor);
	size_t threads = executor->threads;
	unlock(executor);
	return threads;
}

/* -- a loop's part: its default executor, and what it has submitted to any */

struct offloads {
	struct annex annex;
	struct coro_executor *executor; /* NULL before it is needed */
	bool owned;
	struct list submissions;
};

struct submission {
	struct job job;
	struct message message;
	struct list link; /* in the loop's submissions */
	/* Its memory is kept twice: once for the thread that runs the job. */
	struct coro_loop *loop;
	struct coro_future *future; /* held */
	struct waiter waiter;       /* for the future being cancelled */
	coro_fn *fn;
	void *arg;
	coro_callback *release;
	bool ran;
	bool orphan; /* guarded by the lock: the loop is closed, the job is all that is left */
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
	loop_let_go(loop);
}

/* In a thread, with the lock: it is over. In the loop's, if it was taken out by a shutdown. */
static void submission_over(struct job *job)
{
	struct submission *submission = container_of(job, struct submission, job);
	struct coro_loop *loop = submission->loop;
	if (submission->orphan)
		submission_free(submission);
	else
		loop_post(loop, &submission->message);
	loop_let_go(loop);
}

/* The loop's thread: takes down what the submission has in the loop. */
static void submission_leave(struct submission *submission)
{
	list_remove(&submission->link);
	list_remove(&submission->waiter.link);
	future_unref(submission->future);
	loop_unhold(submission->loop);
}

/* The loop's thread: the job is over, and has come back. */
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
	list_remove(&submission->waiter.link);
	if (!future->done) {
		future_finish(future, submission->job.status, NULL, submission->job.failure);
		submission->job.failure = NULL;
	}
	submission_end(submission);
}

/* They have been looked after before what is left in the inbox is dropped. */
static void dropped(struct message *message)
{
	(void)message;
}

/* Takes a job back that has not begun; it is left as if it had come back. */
static bool take_back(struct submission *submission)
{
	struct job *job = &submission->job;
	lock(job->executor);
	bool queued = job->state == JOB_QUEUED;
	if (queued)
		cancel_job(job);
	unlock(job->executor);
	if (queued)
		loop_let_go(submission->loop);
	return queued;
}

/* The future was cancelled: a job that runs is left to itself until it is over. */
static void on_cancel(struct waiter *waiter, struct coro_future *future)
{
	struct submission *submission = container_of(waiter, struct submission, waiter);
	(void)future;
	if (take_back(submission))
		submission_end(submission);
}

/* The loop is being closed: true if the job runs on without it. */
static bool make_orphan(struct submission *submission)
{
	struct job *job = &submission->job;
	struct coro_executor *executor = job->executor;
	lock(executor);
	bool orphan = job->state == JOB_RUNNING;
	submission->orphan = orphan;
	if (orphan)
		submission_leave(submission); /* before it is over, and freed */
	unlock(executor);
	return orphan;
}

static void submission_abandon(struct submission *submission)
{
	if (submission->loop->fork_count != fork_count) {
		loop_let_go(submission->loop); /* the thread's, which is not here */
	} else if (!take_back(submission) && make_orphan(submission)) {
		return;
	}
	inbox_discard(&submission->loop->inbox, &submission->message);
	submission_end(submission);
}

static void offloads_close(struct annex *annex, struct coro_loop *loop)
{
	struct offloads *offloads = container_of(annex, struct offloads, annex);
	struct list *link;
	(void)loop;
	while ((link = offloads->submissions.next) != &offloads->submissions)
		submission_abandon(container_of(link, struct submission, link));
	if (offloads->owned)
		coro_executor_destroy(offloads->executor);
	free(offloads);
}

static int shut_down(void *executor)
{
	return coro_executor_shutdown(executor, false);
}

/* As asyncio.run does at its end; what cannot be done here is done when the loop is closed. */
static void offloads_shut_down(struct annex *annex, struct coro_loop *loop)
{
	struct offloads *offloads = container_of(annex, struct offloads, annex);
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
	struct annex **place = &loop->annexes[ANNEX_EXECUTOR];
	if (*place)
		return container_of(*place, struct offloads, annex);
	struct offloads *offloads = malloc(sizeof(*offloads));
	if (!offloads)
		return NULL;
	*offloads = (struct offloads){
		.annex = {.shut_down = offloads_shut_down, .close = offloads_close},
	};
	list_init(&offloads->submissions);
	*place = &offloads->annex;
	return offloads;
}

int coro_loop_set_executor(struct coro_loop *loop, struct coro_executor *executor)
{
	int r = loop_check(loop);
	if (r == 0)
		r = check_usable(executor);
	if (r < 0)
		return r;
	struct offloads *offloads = offloads_of(loop);
	if (!offloads)
		return -ENOMEM;
	if (offloads->executor)
		return -EBUSY;
	offloads->executor = executor;
	return 0;
}

/* The one given, or the loop's. */
static int choose(struct coro_loop *loop, struct coro_executor *given, struct coro_executor **ret)
{
	if (given) {
		*ret = given;
		return check_usable(given);
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
	lock(executor);
	int r = enqueue(executor, &submission->job, executor->max_queue);
	unlock(executor);
	return r;
}

int coro_executor_submit(struct coro_executor *executor, coro_fn *fn, void *arg,
			 coro_callback *release, struct coro_future **ret)
{
	struct coro_loop *loop = thread_current->loop;
	struct coro_future *future;
	if (!fn || !ret)
		return -EINVAL;
	if (!loop)
		return -EPERM;
	int r = choose(loop, executor, &executor);
	if (r == 0)
		r = coro_future_create(loop, &future);
	if (r < 0)
		return r;
	struct offloads *offloads = offloads_of(loop);
	struct submission *submission = offloads ? malloc(sizeof(*submission)) : NULL;
	if (!submission) {
		coro_future_unref(future);
		return -ENOMEM;
	}
	*submission = (struct submission){
		.job = {.executor = executor,
			.fn = run_submission,
			.arg = submission,
			.over = submission_over},
		.message = {.run = deliver, .drop = dropped},
		.loop = loop,
		.future = future_ref(future),
		.waiter.notify = on_cancel,
		.fn = fn,
		.arg = arg,
		.release = release,
	};
	__atomic_add_fetch(&executor->refs, 1, __ATOMIC_RELAXED);
	loop_hold(loop);
	loop_keep(loop);
	list_append(&offloads->submissions, &submission->link);
	list_append(&future->waiters, &submission->waiter.link);
	r = submit(executor, submission);
	if (r < 0) {
		loop_let_go(loop);
		submission_leave(submission);
		submission_free(submission);
		coro_future_unref(future);
		return r;
	}
	*ret = future;
	return 0;
}

/* -- calls, whose jobs lie on the stacks of the tasks that wait for them */

struct call_job {
	struct job job;
	struct relay relay;
	coro_fn *fn;
	void *arg;
	struct locals *locals; /* for fn to see, a copy of the task's; taken by the thread */
};

static void call_over(struct job *job)
{
	relay_set(&container_of(job, struct call_job, job)->relay);
}

/* In the thread: what fn sets is gone with it, and what others have set there it does not see. */
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

/* What runs may use the stack that is about to go. */
static void call_abandoned(struct relay *relay)
{
	struct job *job = &container_of(relay, struct call_job, relay)->job;
	if (job->state == JOB_QUEUED)
		cancel_job(job);
	while (job->state == JOB_RUNNING)
		monitor_wait_on(&job->executor->settled, relay->mutex, CORO_FOREVER);
	failure_unref(job->failure);
	locals_unref(container_of(job, struct call_job, job)->locals);
}

/* With the lock held: 0 once it is over; -ECANCELED, and then its state tells. */
static int wait_for_job(struct call_job *call)
{
	struct job *job = &call->job;
	int cancelled = 0;
	while (job->state != JOB_OVER) {
		int r = relay_wait(&call->relay, CORO_FOREVER);
		if (r < 0)
			cancelled = r;
		if (r < 0 && job->state == JOB_QUEUED) {
			dequeue(job);
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
		.job = {.executor = executor, .fn = run_call, .arg = &call, .over = call_over},
		.fn = fn,
		.arg = arg,
	};
	int r = locals_copy(locals, &call.locals);
	if (r < 0)
		return r;
	r = relay_begin(&call.relay, &executor->monitor.mutex, call_abandoned);
	if (r < 0) {
		locals_unref(call.locals);
		return r;
	}
	lock(executor);
	r = enqueue(executor, &call.job, SIZE_MAX);
	if (r == 0)
		r = wait_for_job(&call);
	unlock(executor);
	relay_end(&call.relay);
	locals_unref(call.locals);
	*ret = call.job;
	return r;
}

/* The caller receives what the job gave. */
static int result_of(const struct job *job)
{
	if (job->status < 0)
		coro_take_failure(thread_current->self, job->status, job->failure);
	return job->status;
}

int coro_executor_run(struct coro_executor *executor, coro_fn *fn, void *arg)
{
	struct task *task = task_running();
	struct job job = {0};
	if (!fn)
		return -EINVAL;
	if (!task)
		return -EPERM;
	int r = choose(task->future.loop, executor, &executor);
	if (r == 0)
		r = call(executor, fn, arg, task->coro.frame->locals, &job);
	if (r == 0)
		return result_of(&job);
	failure_unref(job.failure);
	return r;
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
	if (!task || choose(task->future.loop, NULL, &executor) < 0)
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
