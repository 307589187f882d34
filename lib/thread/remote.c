/* SPDX-License-Identifier: MIT */
#include "coro/thread.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "core/fail.h"
#include "coro/task.h"
#include "coro/timeout.h"
#include "loop/exception.h"
#include "loop/loop.h"
#include "sched/thread_waiter.h"

#include <errno.h>
#include <stdlib.h>

struct coro_remote {
	unsigned refs; /* the caller's, the loop's, one each message's that is under way. Atomic */
	struct coro_loop *loop;
	/* Before it starts: */
	coro_fn *fn;
	void *arg;
	const char *site;
	struct message spawn, cancel;
	/* The loop's own: */
	struct closer closer;     /* in its loop, until the task is done */
	struct coro_future *task; /* held while it is not done */
	bool spawned;
	bool listening; /* it counts as hope, for which time does not wait */
	struct done_callback on_done;
	/* Guarded by the mutex: */
	pthread_mutex_t mutex;
	bool held; /* somebody can ask for the result */
	bool asked;
	bool reports; /* a failure that nobody has asked for goes to stderr */
	bool done;
	bool cancelling;     /* the message is under way */
	struct list waiting; /* relays */
	int status;
	void *value;
	struct failure *failure;
};

static void remote_unref(struct coro_remote *remote)
{
	if (__atomic_sub_fetch(&remote->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	failure_unref(remote->failure);
	pthread_mutex_destroy(&remote->mutex);
	sched_let_go(sched_of(remote->loop));
	free(remote);
}

static struct coro_remote *remote_ref(struct coro_remote *remote)
{
	__atomic_add_fetch(&remote->refs, 1, __ATOMIC_RELAXED);
	return remote;
}

/* In the loop, once: takes the reference to the words over, and gives the loop's part back. */
static void finish(struct coro_remote *remote, int status, void *value, struct failure *failure)
{
	list_remove(&remote->closer.link);
	if (!remote->spawned)
		sched_unhold(sched_of(remote->loop));
	sched_of(remote->loop)->listening -= remote->listening;
	pthread_mutex_lock(&remote->mutex);
	remote->done = true;
	remote->reports = remote->loop->reports && !remote->loop->handler;
	remote->status = status;
	remote->value = value;
	remote->failure = failure;
	while (!list_empty(&remote->waiting))
		thread_waiter_wake(container_of(remote->waiting.next, struct thread_waiter, link));
	pthread_mutex_unlock(&remote->mutex);
	remote_unref(remote);
}

static void task_done(struct done_callback *on_done, struct coro_future *task)
{
	struct coro_remote *remote = container_of(on_done, struct coro_remote, on_done);
	remote->task = NULL;
	pthread_mutex_lock(&remote->mutex);
	if (remote->held)
		future_retrieved(task); /* it is for its owner to ask */
	pthread_mutex_unlock(&remote->mutex);
	finish(remote, task->status, task->value, failure_ref(task->failure));
	coro_future_unref(task);
}

/* -- messages */

/*
 * From here on it is the loop's own task that is at work, and nobody outside, for whom a virtual
 * clock would stand still; though who has the remote may cancel it yet.
 */
static void become_own(struct coro_remote *remote)
{
	remote->spawned = true;
	pthread_mutex_lock(&remote->mutex); /* its owner may give it back just now */
	remote->listening = remote->held;
	pthread_mutex_unlock(&remote->mutex);
	sched_of(remote->loop)->listening += remote->listening;
	sched_unhold(sched_of(remote->loop));
}

static void spawn(struct message *message)
{
	struct coro_remote *remote = container_of(message, struct coro_remote, spawn);
	struct coro_options options = {.site = remote->site};
	list_append(&remote->loop->closers, &remote->closer.link);
	become_own(remote);
	int r = coro_loop_spawn(remote->loop, &options, remote->fn, remote->arg, &remote->task);
	if (r < 0) {
		finish(remote, r, NULL, NULL);
		return;
	}
	if (remote->task->done) { /* it was started at once */
		task_done(&remote->on_done, remote->task);
		return;
	}
	remote->on_done.notify = task_done;
	list_append(&remote->task->callbacks, &remote->on_done.link);
}

static void drop_spawn(struct message *message)
{
	finish(container_of(message, struct coro_remote, spawn), -ECANCELED, NULL, NULL);
}

static void drop_cancel(struct message *message)
{
	remote_unref(container_of(message, struct coro_remote, cancel));
}

static void cancel(struct message *message)
{
	struct coro_remote *remote = container_of(message, struct coro_remote, cancel);
	pthread_mutex_lock(&remote->mutex);
	remote->cancelling = false;
	pthread_mutex_unlock(&remote->mutex);
	if (remote->task)
		coro_cancel(remote->task);
	remote_unref(remote);
}

/* The loop is closed, and the task gone. */
static void close_remote(struct closer *closer)
{
	struct coro_remote *remote = container_of(closer, struct coro_remote, closer);
	list_remove(&remote->on_done.link);
	coro_future_unref(remote->task);
	remote->task = NULL;
	finish(remote, -ECANCELED, NULL, NULL);
}

/* -- the calls */

static int remote_create(struct coro_loop *loop, struct coro_remote **ret)
{
	struct coro_remote *remote = memory_alloc(sizeof(*remote));
	if (!remote)
		return fail_code(-ENOMEM);
	*remote = (struct coro_remote){
		.refs = 2,
		.loop = loop,
		.spawn = {.run = spawn, .drop = drop_spawn},
		.cancel = {.run = cancel, .drop = drop_cancel},
		.closer.close = close_remote,
	};
	list_init(&remote->closer.link);
	list_init(&remote->on_done.link);
	list_init(&remote->waiting);
	int r = -pthread_mutex_init(&remote->mutex, NULL);
	if (r < 0) {
		free(remote);
		return fail_code(r);
	}
	*ret = remote;
	return 0;
}

int coro_spawn_threadsafe_at(const char *site, struct coro_loop *loop, coro_fn *fn, void *arg,
			     struct coro_remote **ret)
{
	struct sched *sched = sched_of(loop);
	struct coro_remote *remote;
	if (!loop || !fn)
		return fail_with(-EINVAL, "coro_spawn_threadsafe: the loop or fn is NULL");
	int r = remote_create(loop, &remote);
	if (r < 0)
		return r;
	remote->fn = fn;
	remote->arg = arg;
	remote->site = site;
	remote->held = ret;
	sched_hold(sched);
	r = sched_post(sched, &remote->spawn);
	if (r < 0) {
		sched_unhold(sched);
		remote_unref(remote);
		remote_unref(remote);
		return fail_post(r);
	}
	if (ret)
		*ret = remote;
	else
		remote_unref(remote);
	return 0;
}

static int remote_check(const struct coro_remote *remote)
{
	if (!remote)
		return fail_with(-EINVAL, "the remote is NULL");
	return sched_is_own(sched_of(remote->loop))
		       ? 0
		       : fail_with(-EOWNERDEAD, "the remote is the parent process's");
}

static const struct wait_kind waiting = {.leave = waiter_leave, .what = "a result of another loop"};

/* With the mutex held. */
static int wait_for_result(struct coro_remote *remote, int64_t until)
{
	struct thread_waiter waiter;
	if (sched_of(remote->loop)->thread == thread_current && !task_running())
		return fail_with(-EDEADLK,
				 "coro_remote_result: it would wait for the caller's own loop");
	int r = thread_waiter_begin(&waiter, &remote->mutex, NULL);
	if (r < 0)
		return r;
	list_append(&remote->waiting, &waiter.link);
	r = thread_waiter_wait(&waiter, until, &waiting);
	list_remove(&waiter.link);
	thread_waiter_end(&waiter);
	return r;
}

/* A task's deadline is a timeout around the wait; a thread's is the condition's. */
static int wait_within(struct coro_remote *remote, int64_t timeout)
{
	struct coro_timeout scope;
	if (!task_running() || timeout == CORO_FOREVER)
		return wait_for_result(remote, time_after(coro_clock(), timeout));
	int r = coro_timeout_begin_site(NULL, &scope, timeout);
	if (r < 0)
		return r;
	r = wait_for_result(remote, CORO_FOREVER);
	return coro_timeout_end(&scope, r);
}

int coro_remote_result(struct coro_remote *remote, int64_t timeout, void **ret)
{
	int r = remote_check(remote);
	if (r < 0)
		return r;
	pthread_mutex_lock(&remote->mutex);
	r = remote->done ? 0 : timeout <= 0 ? -ETIMEDOUT : wait_within(remote, timeout);
	remote->asked |= r == 0;
	pthread_mutex_unlock(&remote->mutex);
	if (r == -ETIMEDOUT)
		return fail_timeout(NULL, timeout);
	if (r < 0)
		return r;
	if (remote->status < 0)
		return fail_again(remote->status, remote->failure);
	if (ret)
		*ret = remote->value;
	return remote->status;
}

bool coro_remote_done(struct coro_remote *remote)
{
	if (remote_check(remote) < 0)
		return false;
	pthread_mutex_lock(&remote->mutex);
	bool done = remote->done;
	pthread_mutex_unlock(&remote->mutex);
	return done;
}

int coro_remote_cancel(struct coro_remote *remote)
{
	int r = remote_check(remote);
	if (r < 0)
		return r;
	pthread_mutex_lock(&remote->mutex);
	bool done = remote->done;
	bool first = !done && !remote->cancelling;
	if (first)
		remote->cancelling = true;
	pthread_mutex_unlock(&remote->mutex);
	if (first && sched_post(sched_of(remote->loop), &remote_ref(remote)->cancel) < 0)
		remote_unref(remote); /* it is being closed: then the task is cancelled */
	return !done;
}

/* Its owner gives it back: whether with a failure that nobody has asked for. */
static bool let_unheard_go(struct coro_remote *remote)
{
	pthread_mutex_lock(&remote->mutex);
	bool unheard = remote->done && remote->reports && !remote->asked && remote->status < 0 &&
		       remote->status != -ECANCELED;
	remote->held = false; /* one that is not done is reported by its loop */
	pthread_mutex_unlock(&remote->mutex);
	return unheard;
}

void coro_remote_unref(struct coro_remote *remote)
{
	if (!remote)
		return;
	if (sched_is_own(sched_of(remote->loop)) && let_unheard_go(remote)) {
		const struct failure *failure = remote->failure;
		exception_write(&(struct coro_report){
			.message = "Task exception was never retrieved",
			.error = remote->status,
			.error_message = failure ? failure->message : NULL,
			.origin = failure ? failure->site : NULL,
		});
	}
	remote_unref(remote);
}
