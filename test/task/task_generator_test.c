/* SPDX-License-Identifier: MIT */
/* Generators in tasks: they wait, and are driven by one task after another. */
#include "task/bodies.h"

/* ---- generators ---- */

START_TEST(others_run_while_a_generator_waits)
{
	coro_future_unref(spawn(ticks, NULL));
	ck_assert_int_eq(result_of(reads_slowly, NULL), 6);
	ck_assert_trace("tick item tick item tick item");
}
END_TEST

static int delegates(void *arg)
{
	struct coro *inner;
	int r = coro_create(counts_slowly, arg, &inner);
	ck_assert_int_eq(r, 0);
	void *ret = NULL;
	r = coro_yield_from(inner, &ret);
	ck_assert_int_eq(coro_destroy(inner), 0);
	return r < 0 ? r : coro_return(ret);
}

static int reads_delegated(void *arg)
{
	struct coro *generator;
	void *item;
	int sum = 0, r;
	ck_assert_int_eq(coro_create(delegates, &value, &generator), 0);
	while ((r = coro_next(generator, &item)) == 1)
		sum += *(int *)item;
	ck_assert_int_eq(r, 0);
	ck_assert_ptr_eq(item, &value);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return sum;
}

START_TEST(generator_waits_below_a_delegation)
{
	coro_future_unref(spawn(ticks, NULL));
	ck_assert_int_eq(result_of(reads_delegated, NULL), 6);
	ck_assert_int_eq(coro_loop_time(loop), 30);
}
END_TEST

static struct coro *shared;

static int drives(void *arg)
{
	void *item = NULL;
	ck_assert_int_eq(coro_next(shared, &item), 1);
	return *(int *)item;
}

static int drives_meanwhile(void *arg)
{
	void *item = &value;
	ck_assert_int_eq(coro_state(shared), CORO_RUNNING);
	ck_assert_int_eq(coro_next(shared, &item), -EBUSY);
	ck_assert_int_eq(coro_throw(shared, -EIO, &item), -EBUSY);
	ck_assert_int_eq(coro_close(shared), -EBUSY);
	ck_assert_int_eq(coro_destroy(shared), -EBUSY);
	ck_assert_ptr_eq(item, &value);
	return 0;
}

START_TEST(generator_that_waits_for_one_task_is_busy_for_another)
{
	ck_assert_int_eq(coro_create(counts_slowly, NULL, &shared), 0);
	struct coro_future *first = spawn(drives, NULL);
	ck_assert_int_eq(result_of(drives_meanwhile, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, first, NULL), 1);
	/* It is free between two items, and may go from task to task. */
	ck_assert_int_eq(result_of(drives, NULL), 2);
	ck_assert_int_eq(result_of(drives, NULL), 3);
	ck_assert_int_eq(coro_destroy(shared), 0);
	coro_future_unref(first);
}
END_TEST

static int creates_for_another(void *arg)
{
	struct coro_future *child;
	ck_assert_int_eq(coro_create(counts_slowly, NULL, &shared), 0);
	ck_assert_int_eq(drives(NULL), 1);
	ck_assert_int_eq(coro_spawn(drives, NULL, &child), 0);
	ck_assert_int_eq(coro_await(child, NULL), 2);
	coro_future_unref(child);
	ck_assert_int_eq(drives(NULL), 3);
	return coro_destroy(shared);
}

START_TEST(generator_may_be_made_in_one_task_and_driven_in_another)
{
	ck_assert_int_eq(result_of(creates_for_another, NULL), 0);
}
END_TEST

static int cleans_up_slowly(void *arg)
{
	int r = coro_yield(NULL, NULL);
	ck_assert_int_eq(r, CORO_EXIT);
	ck_assert_int_eq(coro_sleep(7), 0);
	trace("clean");
	return r;
}

static int closes_slowly(void *arg)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(cleans_up_slowly, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_destroy(generator), 0);
	trace("closed");
	return 0;
}

START_TEST(generator_may_wait_while_it_is_closed)
{
	ck_assert_int_eq(result_of(closes_slowly, NULL), 0);
	ck_assert_trace("clean closed");
	ck_assert_int_eq(coro_loop_time(loop), 7);
}
END_TEST

static int fails_in_generator(void *arg)
{
	coro_sleep(1);
	return coro_raise(-EIO, "page torn");
}

static int reads_the_failing(void *arg)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(fails_in_generator, NULL, &generator), 0);
	int r = coro_next(generator, NULL);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return r;
}

START_TEST(failure_of_a_generator_goes_up_through_its_task)
{
	ck_assert_int_eq(result_of(reads_the_failing, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "page torn");
}
END_TEST

static int waits_in_callback(void *arg)
{
	struct coro_future *future = arg;
	ck_assert_int_eq(coro_sleep(5), -EPERM);
	ck_assert_int_eq(coro_sleep(0), -EPERM);
	ck_assert_int_eq(coro_sleep_until(5), -EPERM);
	ck_assert_int_eq(coro_task_yield(), -EPERM);
	ck_assert_int_eq(coro_await(future, NULL), -EPERM);
	ck_assert_int_eq(coro_yield(NULL, NULL), 0);
	return 8;
}

static void resumes_in_callback(void *arg)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(waits_in_callback, arg, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_status(co), 8);
	ck_assert_int_eq(coro_destroy(co), 0);
	trace("called");
}

START_TEST(coroutine_in_a_callback_cannot_wait)
{
	struct coro_future *future;
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
	coro_future_unref(spawn(ticks, NULL));
	ck_assert_int_eq(coro_call_later(loop, 7, resumes_in_callback, future, NULL), 0);
	run();
	ck_assert_trace("tick called tick tick");
	coro_future_unref(future);
}
END_TEST

static int runs_a_loop(void *arg)
{
	for (int i = 0; i < 3; i++) {
		trace("before");
		ck_assert_int_eq(result_of(ticks, NULL), 0);
		ck_assert_int_eq(coro_yield(NULL, NULL), 0);
	}
	return 0;
}

START_TEST(generator_may_run_a_loop)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(runs_a_loop, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_trace("before tick tick tick");
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_next(generator, NULL), 0);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_int_eq(coro_loop_time(loop), 105);
}
END_TEST

static int resumes_the_runner(void *arg)
{
	coro_sleep(1);
	return coro_next(shared, NULL);
}

static int runs_who_resumes_it(void *arg)
{
	ck_assert_int_eq(result_of(resumes_the_runner, NULL), -EBUSY);
	return 0;
}

START_TEST(generator_that_runs_the_loop_is_busy_for_its_tasks)
{
	ck_assert_int_eq(coro_create(runs_who_resumes_it, NULL, &shared), 0);
	ck_assert_int_eq(coro_next(shared, NULL), 0);
	ck_assert_int_eq(coro_destroy(shared), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, others_run_while_a_generator_waits);
	tcase_add_test(tests, generator_waits_below_a_delegation);
	tcase_add_test(tests, generator_that_waits_for_one_task_is_busy_for_another);
	tcase_add_test(tests, generator_may_be_made_in_one_task_and_driven_in_another);
	tcase_add_test(tests, generator_may_wait_while_it_is_closed);
	tcase_add_test(tests, failure_of_a_generator_goes_up_through_its_task);
	tcase_add_test(tests, coroutine_in_a_callback_cannot_wait);
	tcase_add_test(tests, generator_may_run_a_loop);
	tcase_add_test(tests, generator_that_runs_the_loop_is_busy_for_its_tasks);
}

TEST_MAIN("task_generator", add_tests)
