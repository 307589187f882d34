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

/*
 * The calls that tasks of this thread wait for. A thread tells the loop the number of its call, which is
 * looked up here: the call may be gone before the number comes, or the loop, and the number with it.
 */
static __thread struct apart *waiting __attribute__((tls_model("initial-exec")));

static struct apart **place_of(uintptr_t number)
{
	struct apart **at = &waiting;
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

/* In the loop's thread. */
static void receive(void *number)
{
	struct apart *apart = *place_of((uintptr_t)number);
	if (apart && coro_future_set_result(apart->future, NULL) < 0)
		return; /* it is cancelled, and the task runs next */
}

/* Tells the loop that the result is there. Without memory it tries again: a task waits. */
static void send_result(struct coro_loop *loop, uintptr_t number)
{
	struct timespec pause = {.tv_nsec = 1000000};
	while (coro_call_soon_threadsafe(loop, receive, (void *)number) == -ENOMEM)
		libc()->nanosleep(&pause, NULL);
}

static void *run(void *arg)
{
	struct apart *apart = arg;
	struct coro_loop *loop = apart->loop;
	uintptr_t number = apart->number;
	apart->result = apart->call(apart);
	int runs = APART_RUNS;
	if (__atomic_compare_exchange_n((int *)&apart->state, &runs, APART_DONE, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		send_result(loop, number);
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

static void wait_no_more(struct apart *apart)
{
	*place_of(apart->number) = apart->next;
	coro_future_unref(apart->future);
}

/* The task has not got the result, which is taken back: here, or by the thread if there is none yet. */
static void leave(struct apart *apart)
{
	int runs = APART_RUNS;
	wait_no_more(apart);
	if (!__atomic_compare_exchange_n((int *)&apart->state, &runs, APART_LEFT, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		take_back(apart);
}

/* The task is discarded, with its loop. In a child of fork that is a copy, and the call the parent's. */
static void forsake(void *arg)
{
	struct apart *apart = arg;
	if (apart->process == getpid()) {
		leave(apart);
	} else {
		wait_no_more(apart);
		free(apart);
	}
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
	static uintptr_t last;
	struct apart *apart = *ret;
	apart->loop = coro_running_loop();
	apart->number = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
	apart->process = getpid();
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
	apart->next = waiting;
	waiting = apart;
	r = coro_await(apart->future, NULL);
	coro_undefer(forsake, apart);
	if (r < 0) {
		*ret = NULL;
		leave(apart);
		return r;
	}
	wait_no_more(apart);
	return apart->result;
}

ssize_t apart_run_interruptibly(struct apart **ret)
{
	struct interruptible call;
	ssize_t r = interruptible_begin(&call, BY_UNRESTARTED);
	return r < 0 ? r : interruptible_end(&call, apart_run(ret));
}
