/* SPDX-License-Identifier: MIT */
/* Submissions: calls that no task waits for; and what happens when their executor ends. */
#include "loop/loop.h"
#include "thread/executors.h"

/* ---- submissions ---- */

/* Submits from a callback, which is outside of tasks. */
struct submission {
	coro_fn *fn;
	void *arg;
	int result;
	struct coro_future *future;
};

static void submit_it(void *arg)
{
	struct submission *submission = arg;
	submission->result = coro_executor_submit(pool, submission->fn, submission->arg, release,
						  &submission->future);
}

static struct coro_future *submit(coro_fn *fn, void *arg)
{
	struct submission submission = {.fn = fn, .arg = arg};
	call_outside_tasks(submit_it, &submission);
	ck_assert_int_eq(submission.result, 0);
	return submission.future;
}

START_TEST(a_submission_is_a_future_of_what_the_function_returns)
{
	struct gate gate = GATE;
	released = 0;
	struct coro_future *ok = submit(passes, &gate), *bad = submit(raises, NULL);
	gate_open(&gate);
	ck_assert_int_eq(coro_run_until_complete(loop, ok, NULL), 7);
	ck_assert_int_eq(coro_run_until_complete(loop, bad, NULL), -EIO);
	ck_assert_str_eq(coro_future_message(bad), "sector 5");
	ck_assert_int_eq(released, 2);
	coro_future_unref(ok);
	coro_future_unref(bad);
}
END_TEST

static int awaits(void *future)
{
	return coro_await(future, NULL);
}

START_TEST(a_cancelled_submission_that_has_not_begun_never_does)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	released = 0;
	struct coro_future *first = submit(passes, &gate), *second = submit(says, "never");
	struct coro_future *task = start(awaits, second);
	gate_await(&gate, 1);
	cancel(task);
	ck_assert_int_eq(released, 1);
	ck_assert(coro_future_cancelled(second));
	gate_open(&gate);
	run();
	ck_assert_int_eq(released, 2);
	ck_assert(!inbox_held(&sched_of(loop)->inbox)); /* it waits for neither any more */
	ck_assert_trace("");
	assert_ended(first, 7);
	assert_ended(second, -ECANCELED);
	assert_ended(task, -ECANCELED);
}
END_TEST

START_TEST(a_cancelled_submission_that_runs_is_left_behind)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	released = 0;
	struct coro_future *future = submit(passes, &gate);
	gate_await(&gate, 1);
	cancel(future);
	turn();
	ck_assert(coro_future_cancelled(future));
	coro_future_unref(future);
	ck_assert_int_eq(released, 0);
	gate_open(&gate);
	run(); /* until it has come back */
	ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(a_submission_may_be_cancelled_after_its_executor_is_gone)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	gate_open(&gate);
	struct coro_future *future = submit(passes, &gate);
	await_message();
	ck_assert_int_eq(coro_executor_destroy(pool), 0);
	pool = NULL;
	cancel(future);
	run();
	assert_ended(future, -ECANCELED);
}
END_TEST

START_TEST(a_loop_is_closed_with_submissions_queued_running_and_over)
{
	struct gate over = GATE, gate = GATE;
	make_pool(1, 0);
	released = 0;
	gate_open(&over);
	struct coro_future *futures[] = {submit(passes, &over), NULL, NULL};
	await_message();
	ck_assert_int_eq(released, 1);
	futures[1] = submit(passes, &gate);
	gate_await(&gate, 1);
	futures[2] = submit(says, "never");
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(released, 2);
	gate_open(&gate);
	ck_assert_int_eq(coro_executor_shutdown(pool, false), 0);
	ck_assert_int_eq(released, 3);
	for (int i = 0; i < 3; i++)
		coro_future_unref(futures[i]);
	ck_assert_trace("");
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

START_TEST(a_submission_not_yet_delivered_is_dropped_with_its_loop)
{
	struct gate gate = GATE;
	gate_open(&gate);
	struct coro_future *future = submit(passes, &gate);
	await_message();
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert(!coro_future_done(future));
	coro_future_unref(future);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

START_TEST(the_bound_holds_for_submissions_that_no_thread_can_take)
{
	struct gate gate = GATE;
	struct submission more = {.fn = passes, .arg = &gate};
	make_pool(2, 1);
	struct coro_future *futures[3];
	for (int i = 0; i < 3; i++) {
		futures[i] = submit(passes, &gate);
		gate_await(&gate, i < 2 ? i + 1 : 2);
	}
	released = 0;
	call_outside_tasks(submit_it, &more);
	ck_assert_int_eq(more.result, -EAGAIN);
	struct coro_future *task = start(in_pool, &gate); /* waits for its turn instead */
	gate_open(&gate);
	run();
	ck_assert_int_eq(released, 3);
	for (int i = 0; i < 3; i++)
		assert_ended(futures[i], 7);
	assert_ended(task, 7);
}
END_TEST

START_TEST(closing_the_loop_takes_back_a_call_that_has_not_begun)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	struct coro_future *one = submit(passes, &gate);
	coro_future_unref(start(says_in_thread, "never"));
	gate_await(&gate, 1);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	coro_future_unref(one);
	gate_open(&gate);
	ck_assert_int_eq(coro_executor_shutdown(pool, false), 0);
	ck_assert_trace("");
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

/* ---- the end of an executor ---- */

static int shuts_down(void *cancel_pending)
{
	int r = coro_executor_shutdown(pool, cancel_pending);
	trace("down");
	return r;
}

START_TEST(shutting_down_in_a_task_waits_for_all_that_was_given)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	struct coro_future *one = start(in_pool, &gate), *two = start(in_pool, &gate);
	struct coro_future *end = start(shuts_down, NULL);
	ck_assert_int_eq(result_of(in_pool, &gate), -EPIPE);
	ck_assert_trace("");
	gate_open(&gate);
	run();
	assert_ended(one, 7);
	assert_ended(two, 7);
	assert_ended(end, 0);
	ck_assert_uint_eq(coro_executor_threads(pool), 0);
	ck_assert_int_eq(coro_executor_shutdown(pool, false), 0);
}
END_TEST

START_TEST(shutting_down_may_cancel_what_has_not_begun)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	released = 0;
	struct coro_future *one = start(in_pool, &gate), *two = start(in_pool, &gate);
	struct coro_future *three = submit(passes, &gate);
	gate_await(&gate, 1);
	struct coro_future *end = start(shuts_down, pool);
	turn();
	assert_ended(two, -ECANCELED);
	assert_ended(three, -ECANCELED);
	ck_assert_int_eq(released, 1);
	gate_open(&gate);
	run();
	assert_ended(one, 7);
	assert_ended(end, 0);
}
END_TEST

START_TEST(who_waits_for_the_end_can_be_cancelled_and_ask_again)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	struct coro_future *one = start(in_pool, &gate);
	struct coro_future *end = start(shuts_down, NULL);
	cancel(end);
	turn();
	assert_ended(end, -ECANCELED);
	coro_future_unref(start(shuts_down, NULL)); /* and is discarded with the loop */
	ck_assert_int_eq(coro_future_done(one), 0);
	gate_open(&gate);
	run();
	assert_ended(one, 7);
	ck_assert_trace("down down");
}
END_TEST

START_TEST(who_waits_for_the_end_can_be_discarded)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	struct coro_future *one = submit(passes, &gate);
	coro_future_unref(start(shuts_down, NULL));
	ck_assert_int_eq(coro_loop_close(loop), 0);
	coro_future_unref(one);
	gate_open(&gate);
	ck_assert_int_eq(coro_executor_shutdown(pool, false), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

static int shuts_down_from_inside(void *arg)
{
	int r = coro_executor_shutdown(pool, false);
	return r == coro_executor_destroy(pool) ? r : 0;
}

static int inside(void *arg)
{
	return coro_executor_run(pool, shuts_down_from_inside, NULL);
}

START_TEST(a_thread_of_the_executor_cannot_wait_for_its_end)
{
	make_pool(1, 0);
	ck_assert_int_eq(result_of(inside, NULL), -EDEADLK);
}
END_TEST

static void shut_down_in_callback(void *arg)
{
	ck_assert_int_eq(coro_executor_shutdown(pool, false), -EPERM);
}

START_TEST(a_callback_cannot_wait_for_the_end)
{
	struct gate gate = GATE;
	make_pool(1, 0);
	struct coro_future *one = start(in_pool, &gate);
	call_outside_tasks(shut_down_in_callback, NULL);
	gate_open(&gate);
	run();
	assert_ended(one, 7);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_submission_is_a_future_of_what_the_function_returns);
	tcase_add_test(tests, a_cancelled_submission_that_has_not_begun_never_does);
	tcase_add_test(tests, a_cancelled_submission_that_runs_is_left_behind);
	tcase_add_test(tests, a_submission_may_be_cancelled_after_its_executor_is_gone);
	tcase_add_test(tests, a_loop_is_closed_with_submissions_queued_running_and_over);
	tcase_add_test(tests, a_submission_not_yet_delivered_is_dropped_with_its_loop);
	tcase_add_test(tests, the_bound_holds_for_submissions_that_no_thread_can_take);
	tcase_add_test(tests, closing_the_loop_takes_back_a_call_that_has_not_begun);
	tcase_add_test(tests, shutting_down_in_a_task_waits_for_all_that_was_given);
	tcase_add_test(tests, shutting_down_may_cancel_what_has_not_begun);
	tcase_add_test(tests, who_waits_for_the_end_can_be_cancelled_and_ask_again);
	tcase_add_test(tests, who_waits_for_the_end_can_be_discarded);
	tcase_add_test(tests, a_thread_of_the_executor_cannot_wait_for_its_end);
	tcase_add_test(tests, a_callback_cannot_wait_for_the_end);
}

TEST_MAIN("submit", add_tests)
