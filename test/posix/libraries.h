/* SPDX-License-Identifier: MIT */
/*
 * What programs share that run libraries of others, unmodified, in tasks: a ticker that shows whether
 * anybody holds up the thread, and counts of who waits at the same time.
 */
#ifndef TEST_POSIX_LIBRARIES_H
#define TEST_POSIX_LIBRARIES_H

#include <coro.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The tasks that are inside the library now, and the most that were. */
static int inside, most_inside;

static inline void enter(void)
{
	if (++inside > most_inside)
		most_inside = inside;
}

static inline void leave(void)
{
	inside--;
}

/* Ends the program unless `so`. */
static inline void __attribute__((format(printf, 2, 3))) claim(bool so, const char *format, ...)
{
	va_list arguments;
	if (so)
		return;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* -- the ticker */

/*
 * The longest time between two ticks, with the system's own delays in it; and the most that the thread
 * computed between two, in which no other task can run.
 */
static int64_t longest_gap, most_computed;
static int64_t ticked, computed; /* the time and the thread's time at the last tick */

static inline int64_t time_of_thread(void)
{
	struct timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * CORO_SEC + time.tv_nsec;
}

static inline void begin_gaps(void)
{
	longest_gap = most_computed = 0;
	ticked = coro_clock();
	computed = time_of_thread();
}

static inline void note_gap(void)
{
	int64_t now = coro_clock(), thread_now = time_of_thread();
	if (now - ticked > longest_gap)
		longest_gap = now - ticked;
	if (thread_now - computed > most_computed)
		most_computed = thread_now - computed;
	ticked = now;
	computed = thread_now;
}

/* Ticks each millisecond. */
static int tick(void *arg)
{
	(void)arg;
	for (;;) {
		int r = coro_sleep(CORO_MSEC);
		if (r < 0)
			return r;
		note_gap();
	}
}

/* Runs a step beside the ticker and says what came of it. */
static inline void step(const char *name, int (*run)(void *arg), void *arg)
{
	int64_t began = coro_clock();
	begin_gaps();
	most_inside = 0;
	int r = run(arg);
	note_gap(); /* of one who held up the thread until now */
	claim(r == 0, "%s: %s", name, coro_strerror(r));
	printf("  %-44s %7.1f ms, longest gap %5.1f ms, computed %4.1f ms", name,
	       (double)(coro_clock() - began) / 1e6, (double)longest_gap / 1e6,
	       (double)most_computed / 1e6);
	if (most_inside)
		printf(", %d at once", most_inside);
	printf("\n");
	fflush(stdout);
}

/* Runs n bodies as tasks, each with its number, and waits for all. */
static inline int run_several(int n, coro_fn *fn)
{
	struct coro_future *tasks[256];
	int failed = 0;
	for (int i = 0; i < n; i++)
		claim(coro_spawn(fn, (void *)(intptr_t)i, &tasks[i]) == 0, "spawn");
	for (int i = 0; i < n; i++) {
		int r = coro_await(tasks[i], NULL);
		coro_future_unref(tasks[i]);
		failed = failed ? failed : r;
	}
	return failed;
}

/*
 * Runs n bodies as tasks, which end when a killer has killed their server. Then the server must refuse
 * connections; the system may take its time to close the socket that it listened on.
 */
static inline int run_until_killed(int n, coro_fn *fn, coro_fn *kills, bool (*refuses)(void))
{
	struct coro_future *killer;
	int r = coro_spawn(kills, NULL, &killer);
	if (r < 0)
		return r;
	r = run_several(n, fn);
	r = r < 0 ? r : coro_await(killer, NULL);
	coro_future_unref(killer);
	for (int tries = 0; r == 0 && !refuses(); tries++) {
		claim(tries < 1000, "a connection to no server");
		r = coro_sleep(5 * CORO_MSEC);
	}
	return r;
}

static int run_beside_ticker(void *arg)
{
	struct coro_future *ticker;
	coro_fn *steps = *(coro_fn **)arg;
	int r = coro_spawn(tick, NULL, &ticker);
	r = r < 0 ? r : steps(NULL);
	coro_cancel(ticker);
	coro_future_unref(ticker);
	return r;
}

/* Runs the steps of a program beside the ticker. Returns 0 or an error. */
static inline int run_steps(coro_fn *steps)
{
	return coro_run(run_beside_ticker, &steps);
}

#endif
