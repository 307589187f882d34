/* SPDX-License-Identifier: MIT */
/* What tests of waiting share: a loop in virtual time for each, tasks in it, failing programs. */
#ifndef TEST_TASKS_H
#define TEST_TASKS_H

#include "fail_alloc.h"
#include "support.h"

#include <coro.h>
#include <errno.h>
#include <sys/mman.h>

/* ---- a loop ---- */

static struct coro_loop *loop;

/* Tests print no reports, but the whole path of a report runs. */
static inline void ignore_report(struct coro_loop *from, const struct coro_report *report,
				 void *arg)
{
}

static inline void loop_setup(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, ignore_report, NULL), 0);
}

static inline void loop_teardown(void)
{
	ck_assert_int_eq(coro_loop_close(loop), 0);
}

/* Runs until every task has ended, or waits for what cannot come. */
static inline void run(void)
{
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
}

/* Has the loop make one turn. */
static inline void turn(void)
{
	ck_assert_int_eq(coro_loop_stop(loop), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
}

static inline void assert_time(int64_t expected)
{
	ck_assert_int_eq(coro_loop_time(loop), expected);
}

/* Has the loop call fn(arg) at a time of its clock. */
static inline void at(int64_t when, coro_callback *fn, void *arg)
{
	ck_assert_int_eq(coro_call_at(loop, when, fn, arg, NULL), 0);
}

/* Calls fn from a callback: the loop runs, but no task does. */
static inline void call_outside_tasks(coro_callback *fn, void *arg)
{
	ck_assert_int_eq(coro_call_soon(loop, fn, arg, NULL), 0);
	turn();
}

/* ---- tasks ---- */

static inline struct coro_future *spawn(coro_fn *fn, void *arg)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, fn, arg, &task), 0);
	return task;
}

/* Spawns a task and lets it come to its first wait. */
static inline struct coro_future *start(coro_fn *fn, void *arg)
{
	struct coro_future *task = spawn(fn, arg);
	turn();
	return task;
}

static inline struct coro_future *make_future(void)
{
	struct coro_future *future;
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
	return future;
}

static inline void cancel(struct coro_future *future)
{
	ck_assert_int_eq(coro_cancel(future), 1);
}

static inline void cancel_it(void *future)
{
	cancel(future);
}

static inline void set(struct coro_future *future, void *value)
{
	ck_assert_int_eq(coro_future_set_result(future, value), 0);
}

static inline void set_it(void *future)
{
	set(future, NULL);
}

/* The future is done, with this result; gives its reference back. */
#define assert_ended(future, expected)                                        \
	do {                                                                  \
		ck_assert(coro_future_done(future));                          \
		ck_assert_int_eq(coro_future_result(future, NULL), expected); \
		coro_future_unref(future);                                    \
	} while (0)

/* The result of a task that runs fn(arg). */
static inline int result_of(coro_fn *fn, void *arg)
{
	struct coro_future *task = spawn(fn, arg);
	int r = coro_run_until_complete(loop, task, NULL);
	coro_future_unref(task);
	return r;
}

/* A body that gives way once. */
static inline int gives_way(void *arg)
{
	return coro_task_yield();
}

/* A callback that puts its word in the trace. */
static inline void trace_word(void *word)
{
	trace("%s", (const char *)word);
}

/* A body that puts its word in the trace, to show when it runs. */
static inline int says(void *word)
{
	trace("%s", (const char *)word);
	return 0;
}

/* ---- allocations ---- */

/* Runs like run; returns the number of allocations, 0 also if a sanitizer hides them. */
static inline unsigned long allocations_of_run(void)
{
	fail_nth(0);
	int r = coro_run_forever(loop);
	fail_off();
	ck_assert_int_eq(r, -EDEADLK);
	return fail_count();
}

/* A size of a stack that there is no room for. In 32 bits there is, until it is taken. */
static inline size_t too_large(void)
{
	size_t size = SIZE_MAX / 4;
	while (sizeof(size) == 4 &&
	       mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) !=
		       MAP_FAILED)
		continue;
	return size;
}

struct attempt {
	coro_fn *program;
	unsigned long n; /* the allocation that is to fail */
	int result;
	bool failed;
};

static inline void *attempt(void *arg)
{
	struct attempt *attempt = arg;
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	fail_nth(attempt->n);
	attempt->result = coro_run_with(&options, attempt->program, NULL);
	attempt->failed = fail_off();
	return NULL;
}

/*
 * Runs a program with each of its allocations failing in turn. It must return -ENOMEM, or 0 if it
 * can do without, and leave nothing allocated.
 */
static inline void fail_each_allocation(coro_fn *program)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
	struct attempt this = {.program = program, .failed = true};
	int threads = threads_now();
	for (this.n = 1; this.failed; this.n++) {
		/*
		 * In a thread, whose memory is freed with it; twice, as the first one allocates
		 * what stays.
		 */
		in_thread(attempt, &this);
		await_threads(threads);
		size_t before = allocated();
		in_thread(attempt, &this);
		await_threads(threads);
		ck_assert_uint_eq(allocated(), before);
		ck_assert_msg(this.result == 0 || (this.failed && this.result == -ENOMEM),
			      "allocation %lu: %s", this.n, coro_strerror(this.result));
		ck_assert_uint_lt(this.n, 10000);
	}
}

#endif
