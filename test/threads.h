/* SPDX-License-Identifier: MIT */
/*
 * What tests of threads share: a loop on the real clock, a check that each test leaves no fd open,
 * and gates that bring threads into step without sleeping.
 */
#ifndef TEST_THREADS_H
#define TEST_THREADS_H

#include "fail_call.h"
#include "tasks.h"

#include <dirent.h>
#include <sched.h>

static int count_fds(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static int fd_count;

static inline void threads_setup(void)
{
	fd_count = count_fds();
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}

static inline void threads_teardown(void)
{
	loop_teardown();
	ck_assert_int_eq(count_fds(), fd_count);
}

/* An assertion for other threads, where Check's do not work. */
static inline void must(bool so)
{
	if (!so)
		abort();
}

/* ---- gates: closed until opened, for any thread ---- */

struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t opened;
	int waiting; /* before it */
	bool open;
};

#define GATE                                                                           \
	{                                                                              \
		.mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER \
	}

/* Blocks the thread until the gate is open. */
static inline void gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->waiting++;
	pthread_cond_broadcast(&gate->opened);
	while (!gate->open)
		pthread_cond_wait(&gate->opened, &gate->mutex);
	gate->waiting--;
	pthread_mutex_unlock(&gate->mutex);
}

static inline void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->open = true;
	pthread_cond_broadcast(&gate->opened);
	pthread_mutex_unlock(&gate->mutex);
}

/* Blocks the thread until n threads wait before the gate. */
static inline void gate_await(struct gate *gate, int waiting)
{
	pthread_mutex_lock(&gate->mutex);
	while (gate->waiting < waiting)
		pthread_cond_wait(&gate->opened, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

/* A function for an executor: 7, once the gate is open. */
static inline int passes(void *gate)
{
	gate_pass(gate);
	return 7;
}

#endif
