/* SPDX-License-Identifier: MIT */
/* An executor for each test, and functions for it. */
#ifndef TEST_THREAD_EXECUTORS_H
#define TEST_THREAD_EXECUTORS_H

#include "loop/loop.h"
#include "thread/offload.h"

#include "threads.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#ifdef __linux__
#include <sys/fsuid.h>
#endif

extern char **environ;

/* A test's executor. */
static struct coro_executor *pool;

static inline void make_pool(size_t max_threads, size_t max_queue)
{
	struct coro_executor_options options = {
		.max_threads = max_threads,
		.max_queue = max_queue,
	};
	ck_assert_int_eq(coro_executor_create(&options, &pool), 0);
}

static inline void setup(void)
{
	threads_setup();
	pool = NULL;
}

static inline void teardown(void)
{
	ck_assert_int_eq(coro_executor_destroy(pool), 0);
	threads_teardown();
}

static pthread_t elsewhere;

static inline int notes_thread(void *arg)
{
	elsewhere = pthread_self();
	return *(int *)arg;
}

static inline int goes_to_thread(void *arg)
{
	return coro_to_thread(notes_thread, arg);
}

static inline int raises(void *arg)
{
	return coro_raise(-EIO, "sector %d", 5);
}

static inline int passes_gate(void *gate)
{
	return coro_to_thread(passes, gate);
}

static inline int in_pool(void *gate)
{
	return coro_executor_run(pool, passes, gate);
}

static inline int says_in_thread(void *word)
{
	return coro_executor_run(pool, says, word);
}

static inline void await_message(void)
{
	while (inbox_empty(&sched_of(loop)->inbox))
		sched_yield();
}

static int released;

static inline void release(void *arg)
{
	__atomic_add_fetch(&released, 1, __ATOMIC_SEQ_CST);
}

#endif
