/* SPDX-License-Identifier: MIT */
/* What tests of waiting in line share: three waiters, and many that are cancelled at any time. */
#ifndef TEST_SYNC_LINE_H
#define TEST_SYNC_LINE_H

#include "tasks.h"

/* ---- three ---- */

static struct coro_future *a, *b, *c;

/* Three tasks that wait in line, in that order. */
static inline void line_up(coro_fn *fn)
{
	a = spawn(fn, "a");
	b = spawn(fn, "b");
	c = spawn(fn, "c");
	turn();
	ck_assert_trace("");
}

static inline void assert_line(int of_a, int of_b, int of_c)
{
	assert_ended(a, of_a);
	assert_ended(b, of_b);
	assert_ended(c, of_c);
}

/* Puts the word in the trace, with a mark if the wait that gave r was cancelled; returns r. */
static inline int says_with(void *word, int r)
{
	trace("%s%s", (const char *)word, r == -ECANCELED ? "!" : "");
	return r;
}

/* ---- many ---- */

enum { VISITORS = 20 };

static inline int cancels_some(void *arg)
{
	struct coro_future **tasks = arg;
	for (int i = 0; i < 100; i++) {
		coro_cancel(tasks[i * 7 % VISITORS]);
		ck_assert_int_eq(coro_task_yield(), 0);
	}
	return 0;
}

/*
 * Runs twenty tasks, which get their number, and one that cancels some of them, in 50 orders of
 * events. begin is called before each of them, end after it.
 */
static inline void visit_in_any_order(coro_fn *visits, void (*begin)(void), void (*end)(void))
{
	struct coro_loop *plain = loop;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .seed = seed};
		struct coro_future *tasks[VISITORS];
		ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
		begin();
		for (intptr_t i = 0; i < VISITORS; i++)
			tasks[i] = spawn(visits, (void *)i);
		turn(); /* one that is cancelled before it starts never runs */
		struct coro_future *canceller = spawn(cancels_some, tasks);
		run();
		for (int i = 0; i < VISITORS; i++) {
			ck_assert(coro_future_done(tasks[i]));
			coro_future_unref(tasks[i]);
		}
		assert_ended(canceller, 0);
		end();
		loop_teardown();
	}
	loop = plain;
}

/* ---- thrown away ---- */

/* Closes the loop while three tasks wait, and goes on with a new one. */
static inline void throw_away_who_waits(void)
{
	coro_future_unref(a);
	coro_future_unref(b);
	coro_future_unref(c);
	loop_teardown();
	loop_setup();
}

/* ---- in another thread ---- */

struct elsewhere {
	coro_fn *fn;
	int result;
};

static inline void *run_elsewhere(void *arg)
{
	struct elsewhere *elsewhere = arg;
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	elsewhere->result = coro_run_with(&options, elsewhere->fn, NULL);
	return NULL;
}

/* The result of a task that runs fn(NULL) in another thread. */
static inline int result_elsewhere(coro_fn *fn)
{
	struct elsewhere elsewhere = {.fn = fn};
	in_thread(run_elsewhere, &elsewhere);
	return elsewhere.result;
}

#endif
