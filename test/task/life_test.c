/* SPDX-License-Identifier: MIT */
/* The states of a loop, and what each call returns in each of them. */
#include "support.h"

#include <coro.h>
#include <errno.h>

/* The objects of a call, made anew for each pair of a state and a call. */
static struct coro_loop *loop, *other;
static struct coro_future *pending, *done, *foreign, *thrown_away, *task;
static struct coro_handle *handle;

/* Where a call is made, and so the columns of the table. */
enum state {
	FRESH,    /* the loop has never run */
	STOPPED,  /* coro_loop_stop was called, and no run since */
	RAN,      /* it has run, and does not any more */
	CALLBACK, /* in a callback of it */
	TASK,     /* in a task of it */
	INNER,    /* in a generator that a task of it drives */
	REPORT,   /* in its exception handler, while it runs */
	OTHER,    /* in a task of another loop */
	CLOSING,  /* in its exception handler, while it is being closed */
	CLOSED,
	THREAD, /* in another thread */
	STATES
};

static const char *const states[] = {"fresh",  "stopped", "ran",     "callback", "task",  "inner",
				     "report", "other",   "closing", "closed",   "thread"};

static int returns_at_once(void *arg)
{
	return 0;
}

static void call_nothing(void *arg)
{
}

static void hear_nothing(struct coro_loop *from, const struct coro_report *report, void *arg)
{
}

static int create_future(void)
{
	struct coro_future *created;
	int r = coro_future_create(loop, &created);
	if (r == 0)
		coro_future_unref(created);
	return r;
}

static int set_handler(void)
{
	return coro_loop_set_exception_handler(loop, hear_nothing, NULL);
}

static int call_handler(void)
{
	struct coro_report report = {.message = "called"};
	coro_loop_set_exception_handler(loop, NULL, NULL); /* not the one that we may be in */
	return coro_loop_call_exception_handler(loop, &report);
}

static int take_all_tasks(void)
{
	struct coro_future *all[4] = {NULL};
	int count = coro_all_tasks(loop, all, 4);
	for (int i = 0; i < count; i++)
		coro_future_unref(all[i]);
	return count;
}

/* ---- the table ---- */

enum {
	PERM = -EPERM,
	PIPE = -EPIPE,
	BUSY = -EBUSY,
	DEAD = -EDEADLK,
	DOWN = -ESHUTDOWN,
	DONE = -EALREADY
};
enum { NOT_HERE = 1 << 20 };

/* clang-format off */
#define TABLE(ROW) \
	/*                                  fresh stopped ran   callback task  inner report other closing closed thread */ \
	ROW(create_future(),                    0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_call_soon(loop, call_nothing, NULL, NULL), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_call_later(loop, 1, call_nothing, NULL, NULL), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_call_at(loop, 1, call_nothing, NULL, NULL), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_loop_spawn(loop, NULL, returns_at_once, NULL, NULL), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_run_forever(loop),          DEAD,    0, DEAD, BUSY, BUSY, BUSY, BUSY, BUSY, PIPE, PIPE, PERM) \
	ROW(coro_run_until_complete(loop, pending, NULL), \
					     DEAD, DOWN, DEAD, BUSY, BUSY, BUSY, BUSY, BUSY, PIPE, PIPE, PERM) \
	ROW(coro_run_until_complete(loop, done, NULL), \
						0,    0,    0, BUSY, BUSY, BUSY, BUSY, BUSY, PIPE, PIPE, PERM) \
	ROW(coro_run_until_complete(loop, task, NULL), \
					     DEAD, DOWN, DEAD, BUSY, BUSY, BUSY, BUSY, BUSY, PIPE, PIPE, PERM) \
	ROW(coro_run_until_complete(loop, foreign, NULL), \
					     PERM, PERM, PERM, PERM, PERM, PERM, PERM, PERM, PIPE, PIPE, PERM) \
	ROW(coro_run_until_complete(loop, thrown_away, NULL), \
					     PERM, PERM, PERM, PERM, PERM, PERM, PERM, PERM, PIPE, PIPE, PERM) \
	ROW(coro_run(returns_at_once, NULL),    0,    0,    0, BUSY, BUSY, BUSY, BUSY, BUSY,    0,    0,    0) \
	ROW(coro_loop_stop(loop),               0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_loop_close(loop),              0,    0,    0, BUSY, BUSY, BUSY, BUSY,    0,    0,    0, PERM) \
	ROW(coro_loop_running(loop),            0,    0,    0,    1,    1,    1,    1,    0,    0,    0,    0) \
	ROW(coro_loop_closed(loop),             0,    0,    0,    0,    0,    0,    0,    0,    1,    1,    0) \
	ROW(coro_running_loop() == loop,        0,    0,    0,    1,    1,    1,    1,    0,    0,    0,    0) \
	ROW(coro_current_task() != NULL,        0,    0,    0,    0,    1,    1,    0,    1,    0,    0,    0) \
	ROW(coro_loop_time(loop),               0,    0,    5,    5,    5,    5,    5,    0,    0,    0,    0) \
	ROW(coro_all_tasks(loop, NULL, 0),      1,    1,    1,    1,    2,    2,    1,    1,    1,    0, PERM) \
	ROW(take_all_tasks(),                   1,    1,    1,    1,    2,    2,    1,    1,    1,    0, PERM) \
	ROW(coro_loop_debug(loop),              0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0) \
	ROW(coro_loop_set_debug(loop, true),    0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_loop_set_slow_callback_duration(loop, CORO_FOREVER), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_loop_slow_callback_duration(loop) == 100 * CORO_MSEC, \
						1,    1,    1,    1,    1,    1,    1,    1,    1,    1,    1) \
	ROW(set_handler(),                      0,    0,    0,    0,    0,    0,    0,    0,    0,    0, PERM) \
	ROW(call_handler(),                     0,    0,    0,    0,    0,    0,    0,    0,    0,    0, PERM) \
	ROW(coro_future_set_result(pending, NULL), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_future_set_error(pending, -ECANCELED), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_future_set_result(done, NULL), \
					     DONE, DONE, DONE, DONE, DONE, DONE, DONE, DONE, PIPE, PIPE, PERM) \
	ROW(coro_future_result(done, NULL),     0,    0,    0,    0,    0,    0,    0,    0,    0,    0, PERM) \
	ROW(coro_future_add_done_callback(pending, call_nothing, NULL), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_future_remove_done_callback(pending, call_nothing, NULL), \
						0,    0,    0,    0,    0,    0,    0,    0, PIPE, PIPE, PERM) \
	ROW(coro_cancel(task),                  1,    1,    1,    1,    1,    1,    1,    1, PIPE, PIPE, PERM) \
	ROW(coro_cancel(pending),               1,    1,    1,    1,    1,    1,    1,    1, PIPE, PIPE, PERM) \
	ROW(coro_future_done(task),             0,    0,    0,    0,    0,    0,    0,    0,    0,    1,    0) \
	ROW(coro_future_result(task, NULL),                                                                    \
		       -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -ECANCELED, PERM) \
	ROW(coro_handle_cancel(handle),         0,    0,    0,    0,    0,    0,    0,    0,    0,    0, PERM) \
	ROW(coro_await(done, NULL),          PERM, PERM, PERM, PERM,    0,    0, PERM, PERM, PERM, PERM, PERM) \
	ROW(coro_sleep(0),                   PERM, PERM, PERM, PERM,    0,    0, PERM,    0, PERM, PERM, PERM)
/* clang-format on */

static const struct row {
	const char *call;
	int expected[STATES];
} rows[] = {
#define ROW(call, ...) {#call, {__VA_ARGS__}},
	TABLE(ROW)
#undef ROW
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static int64_t make_call(int which)
{
	int n = 0;
#define ROW(call, ...)    \
	if (n++ == which) \
		return call;
	TABLE(ROW)
#undef ROW
	return NOT_HERE;
}

/* ---- the states ---- */

static int row;
static int64_t result;

/* Once: a handler may be called again when it is all over. */
static void make_the_call(void)
{
	if (result == NOT_HERE)
		result = make_call(row);
}

static int awaits(void *arg)
{
	return coro_await(arg, NULL);
}

static void call_in_callback(void *arg)
{
	make_the_call();
}

static int call_in_body(void *arg)
{
	make_the_call();
	return 0;
}

static int call_in_generator(void *arg)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(call_in_body, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 0);
	return coro_destroy(generator);
}

static void call_in_handler(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	make_the_call();
}

static int fails(void *arg)
{
	return -EIO;
}

static void *call_in_thread(void *arg)
{
	make_the_call();
	return NULL;
}

static void spawn_on(struct coro_loop *where, coro_fn *fn)
{
	ck_assert_int_eq(coro_loop_spawn(where, NULL, fn, NULL, NULL), 0);
}

/* Lets time pass, in a run that ends as it may. */
static void run(struct coro_loop *which)
{
	int r = coro_run_forever(which);
	ck_assert(r == -EDEADLK || r == 0);
}

static void stop(void *arg)
{
	ck_assert_int_eq(coro_loop_stop(loop), 0);
}

static void run_before(void)
{
	ck_assert_int_eq(coro_call_at(loop, 5, stop, NULL, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
}

static void call_in_state(enum state state)
{
	if (state >= RAN && state <= REPORT)
		run_before();
	switch (state) {
	case STOPPED:
		ck_assert_int_eq(coro_loop_stop(loop), 0);
		make_the_call();
		break;
	case FRESH:
	case RAN:
		make_the_call();
		break;
	case CALLBACK:
		ck_assert_int_eq(coro_call_soon(loop, call_in_callback, NULL, NULL), 0);
		run(loop);
		break;
	case TASK:
		spawn_on(loop, call_in_body);
		run(loop);
		break;
	case INNER:
		spawn_on(loop, call_in_generator);
		run(loop);
		break;
	case REPORT:
		coro_loop_set_exception_handler(loop, call_in_handler, NULL);
		spawn_on(loop, fails);
		run(loop);
		break;
	case OTHER:
		spawn_on(other, call_in_body);
		run(other);
		break;
	case CLOSING:
		coro_loop_set_exception_handler(loop, call_in_handler, NULL);
		ck_assert_int_eq(coro_loop_close(loop), 0);
		break;
	case CLOSED:
		ck_assert_int_eq(coro_loop_close(loop), 0);
		make_the_call();
		break;
	case THREAD:
		in_thread(call_in_thread, NULL);
		break;
	case STATES:
		break;
	}
}

static struct coro_loop *create(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	struct coro_loop *created;
	ck_assert_int_eq(coro_loop_create(&options, &created), 0);
	return created;
}

static void make_scene(void)
{
	unsetenv("CORO_DEBUG");
	struct coro_loop *ended = create();
	ck_assert_int_eq(coro_loop_spawn(ended, NULL, returns_at_once, NULL, &thrown_away), 0);
	ck_assert_int_eq(coro_loop_close(ended), 0);
	loop = coro_loop_ref(create());
	other = create();
	ck_assert_int_eq(coro_future_create(loop, &pending), 0);
	ck_assert_int_eq(coro_future_create(loop, &done), 0);
	ck_assert_int_eq(coro_future_set_result(done, NULL), 0);
	ck_assert_int_eq(coro_future_create(other, &foreign), 0);
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, awaits, pending, &task), 0);
	ck_assert_int_eq(coro_call_later(loop, CORO_SEC, call_nothing, NULL, &handle), 0);
}

/* Whatever happened, the loop can be run, if it is open, and closed. */
static void clear_scene(void)
{
	coro_loop_set_exception_handler(loop, hear_nothing, NULL);
	if (!coro_loop_closed(loop)) {
		run(loop);
		run(loop);
		ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	}
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert(coro_loop_closed(loop));
	ck_assert(!coro_loop_running(loop));
	ck_assert_int_eq(coro_loop_close(loop), 0);
	coro_future_unref(pending);
	coro_future_unref(done);
	coro_future_unref(foreign);
	coro_future_unref(thrown_away);
	coro_future_unref(task);
	coro_handle_unref(handle);
	coro_loop_unref(loop);
	ck_assert_int_eq(coro_loop_close(other), 0);
	ck_assert_ptr_null(coro_running_loop());
}

/* In state _i. */
START_TEST(calls_are_as_in_the_table)
{
	for (row = 0; row < ROWS; row++) {
		make_scene();
		result = NOT_HERE;
		call_in_state((enum state)_i);
		ck_assert_msg(result == rows[row].expected[_i], "%s in state %s: %lld, not %d",
			      rows[row].call, states[_i], (long long)result,
			      rows[row].expected[_i]);
		clear_scene();
	}
}
END_TEST

/* ---- references ---- */

START_TEST(nothing_can_be_asked)
{
	ck_assert_ptr_null(coro_loop_ref(NULL));
	coro_loop_unref(NULL);
	ck_assert(!coro_loop_closed(NULL));
	ck_assert(!coro_loop_running(NULL));
	ck_assert(!coro_loop_debug(NULL));
	ck_assert_int_eq(coro_loop_set_debug(NULL, true), -EINVAL);
	ck_assert_int_eq(coro_loop_set_slow_callback_duration(NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_loop_slow_callback_duration(NULL), -EINVAL);
	ck_assert_int_eq(coro_all_tasks(NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(coro_loop_set_exception_handler(NULL, hear_nothing, NULL), -EINVAL);
	ck_assert_ptr_null((void *)(uintptr_t)coro_loop_exception_handler(NULL, NULL));
}
END_TEST

START_TEST(loop_that_is_held_can_be_asked_after_its_close)
{
	struct coro_loop *held = coro_loop_ref(create());
	ck_assert(!coro_loop_closed(held));
	ck_assert_int_eq(coro_call_at(held, 7, call_nothing, NULL, NULL), 0);
	run(held);
	ck_assert_int_eq(coro_loop_close(held), 0);
	ck_assert(coro_loop_closed(held));
	ck_assert_int_eq(coro_loop_time(held), 7);
	ck_assert_int_eq(coro_loop_close(held), 0); /* takes no reference */
	ck_assert_int_eq(coro_all_tasks(held, NULL, 0), 0);
	coro_loop_unref(held);
}
END_TEST

START_TEST(tasks_are_listed_as_spawned_while_there_is_room)
{
	struct coro_future *first, *second, *third, *all[3] = {NULL};
	struct coro_loop *own = create();
	ck_assert_int_eq(coro_all_tasks(own, all, 3), 0);
	ck_assert_int_eq(coro_loop_spawn(own, NULL, returns_at_once, NULL, &first), 0);
	ck_assert_int_eq(coro_loop_spawn(own, NULL, returns_at_once, NULL, &second), 0);
	ck_assert_int_eq(coro_loop_spawn(own, NULL, returns_at_once, NULL, &third), 0);
	ck_assert_int_eq(coro_all_tasks(own, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_all_tasks(own, all, 2), 3);
	ck_assert_ptr_eq(all[0], first);
	ck_assert_ptr_eq(all[1], second);
	ck_assert_ptr_null(all[2]);
	coro_future_unref(first);
	coro_future_unref(second);
	coro_future_unref(third);
	run(own);
	ck_assert_int_eq(coro_all_tasks(own, NULL, 0), 0);
	/* The result is the caller's. */
	ck_assert(coro_future_done(all[0]));
	ck_assert(coro_future_done(all[1]));
	coro_future_unref(all[0]);
	coro_future_unref(all[1]);
	ck_assert_int_eq(coro_loop_close(own), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, calls_are_as_in_the_table, 0, STATES);

	tcase_add_test(tests, nothing_can_be_asked);
	tcase_add_test(tests, loop_that_is_held_can_be_asked_after_its_close);
	tcase_add_test(tests, tasks_are_listed_as_spawned_while_there_is_room);
}

TEST_MAIN("life", add_tests)
