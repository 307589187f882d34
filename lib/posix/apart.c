/* SPDX-License-Identifier: MIT */
#include "posix/apart.h"

#include "coro/defer.h"
#include "coro/loop.h"
#include "posix/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct apart *apart_create(size_t size)
{
	return calloc(1, size);
}

static void take_back(struct apart *apart)
{
	if (apart->undo)
		apart->undo(apart, apart->result);
	free(apart);
}

/* In the loop's thread. */
static void receive(void *arg)
{
	struct apart *apart = arg;
	apart->came = true;
	if (!apart->future)
		free(apart); /* the task has left, and has taken it back */
	else if (coro_future_set_result(apart->future, NULL) < 0)
		return; /* it is cancelled, and the task runs next */
}

/* Sends the loop its result. Without memory it tries again: a task waits. */
static void send_result(struct apart *apart)
{
	struct timespec pause = {.tv_nsec = 1000000};
	int r;
	while ((r = coro_call_soon_threadsafe(apart->loop, receive, apart)) == -ENOMEM)
		libc()->nanosleep(&pause, NULL);
	if (r < 0)
		take_back(apart); /* the loop is closed, and its tasks are discarded */
}

static void *run(void *arg)
{
	struct apart *apart = arg;
	struct coro_loop *loop = apart->loop;
	apart->result = apart->call(apart);
	int runs = APART_RUNS;
	if (__atomic_compare_exchange_n((int *)&apart->state, &runs, APART_DONE, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		send_result(apart);
	else
		take_back(apart);
	coro_loop_release(loop);
	return NULL;
}

/* Starts the thread. Returns 0 or an error. */
static int begin(struct apart *apart)
{
	enum { STACK = 256 * 1024 };
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	sigfillset(&all);
	int r = pthread_attr_init(&attributes);
	if (r != 0)
		return -r;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	if (!apart->signals)
		pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attributes, run, apart);
	if (!apart->signals)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

/* The task does not wait any more. */
static void leave(struct apart *apart)
{
	int runs = APART_RUNS;
	struct coro_future *future = apart->future;
	apart->future = NULL;
	coro_future_unref(future);
	if (__atomic_compare_exchange_n((int *)&apart->state, &runs, APART_LEFT, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return; /* the thread takes it back */
	if (apart->undo)
		apart->undo(apart, apart->result);
	if (apart->came)
		free(apart);
}

/*
 * The task is discarded, with its loop. If the result has not come, the thread takes it back: at its
 * end, or when it finds the loop closed.
 */
static void forsake(void *arg)
{
	struct apart *apart = arg;
	int runs = APART_RUNS;
	coro_future_unref(apart->future);
	apart->future = NULL;
	if (apart->came)
		take_back(apart);
	else
		__atomic_compare_exchange_n((int *)&apart->state, &runs, APART_LEFT, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* Starts the call of a loop that is held. Returns 0 or an error. */
static int start(struct apart *apart)
{
	int r = coro_defer(forsake, apart);
	if (r < 0)
		return r;
	r = begin(apart);
	if (r < 0)
		coro_undefer(forsake, apart);
	return r;
}

ssize_t apart_run(struct apart **ret)
{
	struct apart *apart = *ret;
	apart->loop = coro_running_loop();
	int r = coro_future_create(apart->loop, &apart->future);
	if (r < 0)
		return r;
	r = coro_loop_hold(apart->loop);
	if (r == 0) {
		r = start(apart);
		if (r < 0)
			coro_loop_release(apart->loop);
	}
	if (r < 0) {
		coro_future_unref(apart->future);
		return r;
	}
	r = coro_await(apart->future, NULL);
	coro_undefer(forsake, apart);
	if (r < 0) {
		*ret = NULL;
		leave(apart);
		return r;
	}
	coro_future_unref(apart->future);
	return apart->result;
}

ssize_t apart_run_interruptibly(struct apart **ret)
{
	struct interruptible call;
	ssize_t r = interruptible_begin(&call, BY_UNRESTARTED);
	return r < 0 ? r : interruptible_end(&call, apart_run(ret));
}
