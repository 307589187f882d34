/* SPDX-License-Identifier: MIT */
/* In debug mode: timeouts that are open when something ends, of tasks and of generators. */
#include "tasks.h"

#include "coro/generator.h"

static void setup(void)
{
	loop_setup();
	coro_loop_set_debug(loop, true);
}

static int leaves_one_open(void *number)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 100);
	r = r < 0 ? r : coro_sleep(*(int *)number + 1);
	trace("%d", coro_timeout_when(&timeout) == 100);
	return r;
}

/* Each task's end concerns its own. */
START_TEST(timeouts_of_other_tasks_stay_open)
{
	int first = 0, second = 1;
	struct coro_future *a = start(leaves_one_open, &first),
			   *b = start(leaves_one_open, &second);
	ck_assert_int_eq(coro_run_until_complete(loop, a, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, b, NULL), 0);
	coro_future_unref(a);
	coro_future_unref(b);
	ck_assert_trace("1 1");
	run();
	assert_time(2); /* no timer is left */
}
END_TEST

static int waits_within(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 100);
	return r < 0 ? r : coro_timeout_end(&timeout, coro_sleep(1000));
}

START_TEST(timeout_of_a_task_that_is_discarded_is_given_back)
{
	coro_future_unref(start(waits_within, NULL));
	size_t before = allocated();
	coro_future_unref(start(waits_within, NULL));
	ck_assert(SANITIZED || before == 0 || allocated() > before); /* 0: nobody tells */
	loop_teardown();
	loop_setup();
}
END_TEST

static int waits_in_a_generator(void *ret)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 10);
	*(int *)ret = r < 0 ? r : coro_timeout_end(&timeout, coro_sleep(1000));
	return 0;
}

static int resumes(void *ret)
{
	struct coro *generator;
	void *item;
	ck_assert_int_eq(coro_create(waits_in_a_generator, ret, &generator), 0);
	ck_assert_int_eq(coro_next(generator, &item), 0);
	return coro_destroy(generator);
}

START_TEST(timeout_of_a_generator_comes)
{
	int result = 0;
	ck_assert_int_eq(result_of(resumes, &result), 0);
	ck_assert_int_eq(result, -ETIMEDOUT);
	assert_time(10);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, timeouts_of_other_tasks_stay_open);
	tcase_add_test(tests, timeout_of_a_task_that_is_discarded_is_given_back);
	tcase_add_test(tests, timeout_of_a_generator_comes);
}

TEST_MAIN("scope", add)
