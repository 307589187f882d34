/* SPDX-License-Identifier: MIT */
/* Exception handlers: what they may do, and which of them is called. */
#include "loop/reports.h"

/* ---- what a handler may do ---- */

static void try_to_wait(const struct coro_report *report)
{
	ck_assert_int_eq(coro_sleep(0), -EPERM);
	ck_assert_int_eq(coro_task_yield(), -EPERM);
	ck_assert_int_eq(coro_yield(NULL, NULL), -EPERM);
	ck_assert_int_eq(coro_await(report->future, NULL), -EPERM);
	ck_assert_ptr_null(coro_current_task());
	ck_assert_ptr_eq(coro_running_loop(), loop);
	ck_assert_int_eq(coro_loop_close(loop), -EBUSY);
	ck_assert_int_eq(coro_run_forever(loop), -EBUSY);
}

START_TEST(handler_may_not_wait)
{
	hear_with(loop, try_to_wait);
	coro_future_unref(spawn(drops_two, NULL));
	coro_future_unref(spawn(fails, NULL));
	run();
	ck_assert_trace("unheard:Task-2:5:torn dropped unheard:Task-4:5:torn unheard:Task-3:5:torn "
			"after");
}
END_TEST

static int runs_the_loop(void *arg)
{
	return coro_run_forever(loop);
}

START_TEST(handler_cannot_yield_for_the_generator_that_runs_its_loop)
{
	struct coro *generator;
	hear_with(loop, try_to_wait);
	coro_future_unref(spawn(fails, NULL));
	ck_assert_int_eq(coro_create(runs_the_loop, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), -EDEADLK);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_trace("unheard:Task-1:5:torn");
}
END_TEST

static int yields_once(void *arg)
{
	coro_yield(NULL, NULL);
	return 0;
}

/* It takes a stack, which must not be in use. */
static void use_all(const struct coro_report *report)
{
	struct coro *generator;
	hear_with(loop, NULL);
	ck_assert_int_eq(coro_create(yields_once, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_int_eq(coro_spawn(says, "spawned", NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "called", NULL), 0);
	coro_future_unref(failed_future());
	ck_assert_int_eq(coro_loop_stop(loop), 0);
}

START_TEST(handler_may_do_what_a_callback_may)
{
	hear_with(loop, use_all);
	coro_future_unref(spawn(fails, NULL));
	coro_future_unref(spawn(steps, "a"));
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("unheard:Task-1:5:torn unheard:-:5:torn a");
	run();
	ck_assert_trace("spawned called a a");
}
END_TEST

static struct coro_future *kept;

static void keep(const struct coro_report *report)
{
	kept = coro_future_ref(report->future);
}

START_TEST(handler_may_keep_the_future_which_is_reported_once)
{
	hear_with(loop, keep);
	coro_future_unref(failed_task());
	ck_assert_trace("unheard:Task-1:5:torn");
	ck_assert_int_eq(coro_future_result(kept, NULL), -EIO);
	ck_assert_str_eq(coro_task_name(kept), "Task-1");
	coro_future_unref(kept);
	ck_assert_trace("");
	coro_future_unref(spawn(fails, NULL));
	run();
	ck_assert_trace("unheard:Task-2:5:torn");
	coro_future_unref(kept);
	ck_assert_trace("");
}
END_TEST

static void drop_another(const struct coro_report *report)
{
	static int left = 3;
	if (left-- > 0)
		coro_future_unref(failed_future());
	trace("end");
}

/* As what a destructor of Python's drops: before it goes on. */
START_TEST(handler_may_cause_reports_outside_of_a_run)
{
	hear_with(loop, drop_another);
	coro_future_unref(failed_future());
	ck_assert_trace(
		"unheard:-:5:torn unheard:-:5:torn unheard:-:5:torn unheard:-:5:torn end end "
		"end end");
}
END_TEST

static void close_it(const struct coro_report *report)
{
	hear_with(loop, NULL);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	loop_setup();
}

START_TEST(handler_may_close_a_loop_that_does_not_run)
{
	hear_with(loop, close_it);
	coro_future_unref(spawn(waits, NULL));
	coro_future_unref(failed_future());
	ck_assert_str_eq(trace_take(), "unheard:-:5:torn pending:Task-1:0");
}
END_TEST

static void run_it(const struct coro_report *report)
{
	hear_with(loop, NULL);
	run();
}

START_TEST(handler_may_run_a_loop_that_does_not_run)
{
	hear_with(loop, run_it);
	coro_future_unref(spawn(says, "ran"));
	coro_future_unref(spawn(fails, NULL));
	coro_future_unref(failed_future());
	ck_assert_trace("unheard:-:5:torn ran unheard:Task-2:5:torn");
}
END_TEST

/* ---- handlers ---- */

START_TEST(handler_can_be_asked_for_and_taken_back)
{
	void *arg = &loop;
	int word;
	ck_assert(coro_loop_exception_handler(loop, &arg) == hear);
	ck_assert_ptr_null(arg);
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, hear, &word), 0);
	ck_assert(coro_loop_exception_handler(loop, NULL) == hear);
	ck_assert(coro_loop_exception_handler(loop, &arg) == hear);
	ck_assert_ptr_eq(arg, &word);
	ck_assert_int_eq(coro_loop_set_exception_handler(loop, NULL, &word), 0);
	ck_assert(coro_loop_exception_handler(loop, &arg) == NULL);
	ck_assert_ptr_null(arg);
	coro_future_unref(failed_task());
	ck_assert_trace("");
}
END_TEST

static void *use_elsewhere(void *arg)
{
	struct coro_report report = {.message = "elsewhere"};
	int *results = arg;
	results[0] = coro_loop_set_exception_handler(loop, NULL, NULL);
	results[1] = coro_loop_call_exception_handler(loop, &report);
	results[2] = coro_loop_default_exception_handler(loop, &report);
	return NULL;
}

START_TEST(handler_can_be_called)
{
	struct coro_report report = {.message = "mine", .error = -EIO, .error_message = "w"};
	int results[3];
	ck_assert_int_eq(coro_loop_call_exception_handler(loop, &report), 0);
	ck_assert_trace("mine:-:5:w");
	ck_assert_int_eq(coro_loop_default_exception_handler(loop, &report), 0);
	ck_assert_trace("");
	ck_assert_int_eq(coro_loop_call_exception_handler(NULL, &report), -EINVAL);
	ck_assert_int_eq(coro_loop_call_exception_handler(loop, NULL), -EINVAL);
	ck_assert_int_eq(coro_loop_default_exception_handler(NULL, &report), -EINVAL);
	ck_assert_int_eq(coro_loop_default_exception_handler(loop, NULL), -EINVAL);
	in_thread(use_elsewhere, results);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(results[i], -EPERM);
	ck_assert(coro_loop_exception_handler(loop, NULL) == hear);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, handler_may_not_wait);
	tcase_add_test(tests, handler_cannot_yield_for_the_generator_that_runs_its_loop);
	tcase_add_test(tests, handler_may_do_what_a_callback_may);
	tcase_add_test(tests, handler_may_keep_the_future_which_is_reported_once);
	tcase_add_test(tests, handler_may_cause_reports_outside_of_a_run);
	tcase_add_test(tests, handler_may_close_a_loop_that_does_not_run);
	tcase_add_test(tests, handler_may_run_a_loop_that_does_not_run);
	tcase_add_test(tests, handler_can_be_asked_for_and_taken_back);
	tcase_add_test(tests, handler_can_be_called);
}

TEST_MAIN("exception_handler", add_tests)
