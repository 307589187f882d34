/* SPDX-License-Identifier: MIT */
/* Scopes used by another thread or where nobody can wait, and those that end in the turn of a cancellation. */
#include "tasks.h"

#include "coro/generator.h"

/* ---- another thread ---- */

static struct coro_timeout timeout;
static struct coro_group *group;

static void *uses_them(void *arg)
{
	int *results = arg;
	results[0] = coro_timeout_reschedule(&timeout, 5);
	results[1] = coro_timeout_end(&timeout, 0);
	results[2] = coro_group_join(group, 0);
	results[3] = coro_group_end(group, 0);
	return NULL;
}

static int has_them(void *arg)
{
	int results[4];
	ck_assert_int_eq(coro_timeout_begin(&timeout, 10), 0);
	ck_assert_int_eq(coro_group_create(&group), 0);
	in_thread(uses_them, results);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(results[i], -EPERM);
	return coro_timeout_end(&timeout, coro_group_end(group, 0));
}

START_TEST(scope_of_another_thread_is_refused)
{
	ck_assert_int_eq(result_of(has_them, NULL), 0);
}
END_TEST

/* ---- where nobody can wait ---- */

static int sleeps(void *arg)
{
	return coro_sleep(10);
}

static int joined, ended;

/* Begins a group in a task, and ends it where it is resumed. */
static int has_a_group(void *arg)
{
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, sleeps, NULL, NULL), 0);
	int r = coro_yield(arg, NULL);
	joined = coro_group_join(group, 0);
	ended = coro_group_end(group, r);
	return 0;
}

static struct coro *generator;

static int resumes(void *arg)
{
	void *item;
	return coro_next(generator, &item) == 1 ? 0 : -EIO;
}

static void resume_to_its_end(void *arg)
{
	void *item;
	ck_assert_int_eq(coro_next(generator, &item), 0);
}

/* Its member is cancelled, or discarded with the loop. */
START_TEST(group_that_is_ended_where_nobody_can_wait_is_left_to_the_loop)
{
	ck_assert_int_eq(coro_create(has_a_group, NULL, &generator), 0);
	ck_assert_int_eq(result_of(resumes, NULL), 0);
	call_outside_tasks(resume_to_its_end, NULL);
	ck_assert_int_eq(joined, -EPERM);
	ck_assert_int_eq(ended, 0);
	if (_i) {
		loop_teardown();
		loop_setup();
	} else {
		run();
	}
	ck_assert_int_eq(coro_destroy(generator), 0);
}
END_TEST

static int starts(void *arg)
{
	return 0;
}

static void start_in_a_callback(void *ret)
{
	*(int *)ret = coro_group_start(group, starts, NULL, NULL, NULL);
}

static int has_a_group_for_callbacks(void *ret)
{
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_call_soon(loop, start_in_a_callback, ret, NULL), 0);
	int r = coro_sleep(1);
	return coro_group_end(group, r);
}

START_TEST(callback_cannot_wait_for_a_start)
{
	int r = 0;
	ck_assert_int_eq(result_of(has_a_group_for_callbacks, &r), 0);
	ck_assert_int_eq(r, -EPERM);
}
END_TEST

START_TEST(future_that_is_no_task_has_no_name)
{
	struct coro_future *future;
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
	ck_assert_ptr_null(coro_task_name(future));
	coro_future_unref(future);
}
END_TEST

/* ---- a start and a cancellation in one turn ---- */

static struct coro_future *parent;

static int starts_and_cancels(void *arg)
{
	struct coro_timeout around;
	ck_assert_int_eq(coro_timeout_begin(&around, CORO_FOREVER), 0);
	ck_assert_int_eq(coro_started(arg), 0);
	coro_cancel(parent);
	return coro_timeout_end(&around, 0);
}

/* The member is there, and the cancellation is for the next wait. */
static int is_cancelled_when_it_has_started(void *arg)
{
	void *value = NULL;
	parent = coro_current_task();
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_start(group, starts_and_cancels, "value", &value, NULL), 0);
	ck_assert_str_eq(value, "value");
	int r = coro_sleep(1);
	return coro_group_end(group, r);
}

START_TEST(start_in_the_turn_of_a_cancellation_has_happened)
{
	ck_assert_int_eq(result_of(is_cancelled_when_it_has_started, NULL), -ECANCELED);
}
END_TEST

static int fails_when_cancelled(void *arg)
{
	return coro_sleep(10) == -ECANCELED ? -EIO : 0;
}

static int starts_what_fails(void *arg)
{
	ck_assert_int_eq(coro_group_create(&group), 0);
	int r = coro_group_start(group, fails_when_cancelled, NULL, NULL, NULL);
	trace("start %d", r);
	r = coro_sleep(1);
	trace("then %d", r);
	return coro_group_end(group, r);
}

START_TEST(failed_start_keeps_the_cancellation_for_the_next_wait)
{
	struct coro_future *task = start(starts_what_fails, NULL);
	cancel(task);
	int r = coro_run_until_complete(loop, task, NULL);
	coro_future_unref(task);
	ck_assert(r < 0);
	ck_assert_trace("start -5 then -" NUMBER(ECANCELED));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, scope_of_another_thread_is_refused);
	tcase_add_loop_test(tests, group_that_is_ended_where_nobody_can_wait_is_left_to_the_loop, 0,
			    2);
	tcase_add_test(tests, callback_cannot_wait_for_a_start);
	tcase_add_test(tests, future_that_is_no_task_has_no_name);
	tcase_add_test(tests, start_in_the_turn_of_a_cancellation_has_happened);
	tcase_add_test(tests, failed_start_keeps_the_cancellation_for_the_next_wait);
}

TEST_MAIN("elsewhere", add)
