/* SPDX-License-Identifier: MIT */
/* Futures: results, failures and their messages, callbacks, references. */
#include "tasks.h"

static struct coro_future *future;
static int value, other_value;

static void setup(void)
{
	loop_setup();
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
}

static void teardown(void)
{
	coro_future_unref(future);
	loop_teardown();
}

/* What a task found when the future was done. */
struct found {
	int result;
	void *value;
	char words[64];
	const char *origin;
};

static int wait_for_it(void *arg)
{
	struct found *found = arg;
	found->value = &other_value;
	found->result = coro_await(future, &found->value);
	snprintf(found->words, sizeof(found->words), "%s", coro_message(found->result));
	found->origin = coro_origin(found->result);
	return 0;
}

/* ---- results ---- */

START_TEST(future_that_is_not_done_has_no_result)
{
	void *ret = &value;
	ck_assert(!coro_future_done(future));
	ck_assert(!coro_future_cancelled(future));
	ck_assert_int_eq(coro_future_result(future, &ret), -EAGAIN);
	ck_assert_ptr_eq(ret, &value);
	ck_assert_ptr_null(coro_future_message(future));
}
END_TEST

START_TEST(future_knows_its_loop)
{
	struct coro_future *task = spawn(wait_for_it, &(struct found){0});
	ck_assert_ptr_eq(coro_future_loop(future), loop);
	ck_assert_ptr_eq(coro_future_loop(task), loop);
	ck_assert_ptr_null(coro_future_loop(NULL));
	coro_future_unref(task);
}
END_TEST

START_TEST(result_can_be_had_any_number_of_times)
{
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	ck_assert(coro_future_done(future));
	ck_assert(!coro_future_cancelled(future));
	for (int i = 0; i < 3; i++) {
		void *ret = NULL;
		ck_assert_int_eq(coro_future_result(future, &ret), 0);
		ck_assert_ptr_eq(ret, &value);
	}
	ck_assert_int_eq(coro_future_result(future, NULL), 0);
	ck_assert_ptr_null(coro_future_message(future));
}
END_TEST

START_TEST(result_may_be_null)
{
	void *ret = &value;
	ck_assert_int_eq(coro_future_set_result(future, NULL), 0);
	ck_assert_int_eq(coro_future_result(future, &ret), 0);
	ck_assert_ptr_null(ret);
}
END_TEST

START_TEST(first_result_stays)
{
	void *ret;
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	ck_assert_int_eq(coro_future_set_result(future, &other_value), -EALREADY);
	ck_assert_int_eq(coro_future_set_error(future, -EIO), -EALREADY);
	ck_assert_int_eq(coro_cancel(future), 0);
	ck_assert_int_eq(coro_future_result(future, &ret), 0);
	ck_assert_ptr_eq(ret, &value);
}
END_TEST

START_TEST(all_who_wait_get_the_value)
{
	struct found found[3];
	for (int i = 0; i < 3; i++)
		coro_future_unref(spawn(wait_for_it, &found[i]));
	run();
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	run();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(found[i].result, 0);
		ck_assert_ptr_eq(found[i].value, &value);
	}
}
END_TEST

static int wait_without_place(void *arg)
{
	int r = coro_await(future, NULL);
	return r ? r : 7;
}

START_TEST(who_waits_need_not_want_the_value)
{
	struct coro_future *task = spawn(wait_without_place, NULL);
	run();
	ck_assert_int_eq(coro_future_set_result(future, &value), 0);
	run();
	ck_assert_int_eq(coro_future_result(task, NULL), 7);
	coro_future_unref(task);
}
END_TEST

/* ---- failures ---- */

START_TEST(error_must_be_negative)
{
	ck_assert_int_eq(coro_future_set_error(future, 0), -EINVAL);
	ck_assert_int_eq(coro_future_set_error(future, 5), -EINVAL);
	ck_assert(!coro_future_done(future));
}
END_TEST

START_TEST(failure_has_the_message_of_its_code)
{
	void *ret = &value;
	ck_assert_int_eq(coro_future_set_error(future, -ENOENT), 0);
	ck_assert(coro_future_done(future));
	ck_assert(!coro_future_cancelled(future));
	ck_assert_int_eq(coro_future_result(future, &ret), -ENOENT);
	ck_assert_ptr_eq(ret, &value);
	ck_assert_str_eq(coro_future_message(future), coro_strerror(-ENOENT));
	ck_assert_str_eq(coro_message(-ENOENT), coro_strerror(-ENOENT));
	ck_assert_int_eq(coro_future_set_error(future, -EIO), -EALREADY);
	ck_assert_int_eq(coro_future_set_result(future, NULL), -EALREADY);
}
END_TEST

START_TEST(codes_of_the_program_are_carried_unchanged)
{
	ck_assert_int_eq(coro_future_set_error(future, CORO_USER_ERROR - 12345), 0);
	ck_assert_int_eq(coro_future_result(future, NULL), CORO_USER_ERROR - 12345);
}
END_TEST

START_TEST(all_waiters_get_the_failures_message_and_origin)
{
	struct found found[3];
	for (int i = 0; i < 3; i++)
		coro_future_unref(spawn(wait_for_it, &found[i]));
	run();
	int error = coro_raise(-EIO, "disk %d is gone", 3);
	const char *here = coro_origin(-EIO);
	ck_assert_int_eq(coro_future_set_error(future, error), 0);
	ck_assert_str_eq(coro_future_message(future), "disk 3 is gone");
	run();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(found[i].result, -EIO);
		ck_assert_ptr_eq(found[i].value, &other_value);
		ck_assert_str_eq(found[i].words, "disk 3 is gone");
		ck_assert_str_eq(found[i].origin, here);
	}
}
END_TEST

START_TEST(message_outlives_the_future)
{
	int error = coro_raise(-EIO, "gone");
	struct coro_future *brief;
	ck_assert_int_eq(coro_future_create(loop, &brief), 0);
	ck_assert_int_eq(coro_future_set_error(brief, error), 0);
	coro_raise(-EINVAL, "something else");
	ck_assert_int_eq(coro_future_result(brief, NULL), -EIO);
	coro_future_unref(brief);
	ck_assert_str_eq(coro_message(-EIO), "gone");
}
END_TEST

START_TEST(message_of_another_error_does_not_go_with_it)
{
	(void)coro_raise(-EIO, "disk");
	ck_assert_int_eq(coro_future_set_error(future, -ENOENT), 0);
	ck_assert_str_eq(coro_future_message(future), coro_strerror(-ENOENT));
}
END_TEST

START_TEST(error_of_cancellation_cancels)
{
	struct found found;
	coro_future_unref(spawn(wait_for_it, &found));
	run();
	int error = coro_raise(-ECANCELED, "closing time");
	ck_assert_int_eq(coro_future_set_error(future, error), 0);
	ck_assert(coro_future_cancelled(future));
	run();
	ck_assert_int_eq(found.result, -ECANCELED);
	ck_assert_str_eq(found.words, "closing time");
}
END_TEST

START_TEST(cancelled_future_tells_all_who_wait)
{
	struct found found[2];
	for (int i = 0; i < 2; i++)
		coro_future_unref(spawn(wait_for_it, &found[i]));
	run();
	ck_assert_int_eq(coro_cancel(future), 1);
	ck_assert(coro_future_done(future));
	ck_assert(coro_future_cancelled(future));
	ck_assert_int_eq(coro_cancel(future), 0);
	ck_assert_int_eq(coro_future_set_result(future, &value), -EALREADY);
	run();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(found[i].result, -ECANCELED);
		ck_assert_ptr_eq(found[i].value, &other_value);
	}
}
END_TEST

/* ---- callbacks ---- */

static void count(void *arg)
{
	++*(int *)arg;
}

START_TEST(callback_runs_once_however_the_future_ends)
{
	struct coro_future *ends[3];
	int calls[3] = {0};
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_future_create(loop, &ends[i]), 0);
		ck_assert_int_eq(coro_future_add_done_callback(ends[i], count, &calls[i]), 0);
	}
	run();
	ck_assert_int_eq(coro_future_set_result(ends[0], NULL), 0);
	ck_assert_int_eq(coro_future_set_error(ends[1], -EIO), 0);
	ck_assert_int_eq(coro_cancel(ends[2]), 1);
	ck_assert_int_eq(calls[0], 0);
	run();
	run();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(calls[i], 1);
		coro_future_unref(ends[i]);
	}
}
END_TEST

START_TEST(callback_added_twice_runs_twice)
{
	int calls = 0;
	ck_assert_int_eq(coro_future_add_done_callback(future, count, &calls), 0);
	ck_assert_int_eq(coro_future_add_done_callback(future, count, &calls), 0);
	ck_assert_int_eq(coro_future_set_result(future, NULL), 0);
	run();
	ck_assert_int_eq(calls, 2);
}
END_TEST

START_TEST(remove_takes_all_that_are_equal_and_no_other)
{
	int a = 0, b = 0;
	coro_future_add_done_callback(future, count, &a);
	coro_future_add_done_callback(future, count, &b);
	coro_future_add_done_callback(future, count, &a);
	ck_assert_int_eq(coro_future_remove_done_callback(future, count, &a), 2);
	ck_assert_int_eq(coro_future_remove_done_callback(future, count, &a), 0);
	ck_assert_int_eq(coro_future_set_result(future, NULL), 0);
	run();
	ck_assert_int_eq(a, 0);
	ck_assert_int_eq(b, 1);
}
END_TEST

START_TEST(remove_comes_too_late_once_the_future_is_done)
{
	int calls = 0;
	coro_future_add_done_callback(future, count, &calls);
	ck_assert_int_eq(coro_future_set_result(future, NULL), 0);
	ck_assert_int_eq(coro_future_remove_done_callback(future, count, &calls), 0);
	run();
	ck_assert_int_eq(calls, 1);
}
END_TEST

static int added;

static void add_another(void *arg)
{
	ck_assert_int_eq(coro_future_add_done_callback(future, count, &added), 0);
}

START_TEST(callback_may_add_another)
{
	ck_assert_int_eq(coro_future_add_done_callback(future, add_another, NULL), 0);
	ck_assert_int_eq(coro_future_set_result(future, NULL), 0);
	run();
	ck_assert_int_eq(added, 1);
}
END_TEST

static void make_done(void *arg)
{
	ck_assert_int_eq(coro_future_set_result(arg, NULL), 0);
}

/* Futures that finish each other, each by a callback of the one before. */
START_TEST(futures_can_be_chained_by_callbacks)
{
	enum { COUNT = 1000 };
	static struct coro_future *chain[COUNT];
	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(coro_future_create(loop, &chain[i]), 0);
		if (i > 0)
			coro_future_add_done_callback(chain[i - 1], make_done, chain[i]);
	}
	ck_assert_int_eq(coro_future_set_result(chain[0], NULL), 0);
	run();
	for (int i = 0; i < COUNT; i++) {
		ck_assert(coro_future_done(chain[i]));
		coro_future_unref(chain[i]);
	}
}
END_TEST

/* ---- references ---- */

static void let_go(void *arg)
{
	coro_future_unref(arg);
}

START_TEST(callback_may_give_the_last_reference_back)
{
	struct coro_future *last;
	ck_assert_int_eq(coro_future_create(loop, &last), 0);
	ck_assert_int_eq(coro_future_add_done_callback(last, let_go, last), 0);
	ck_assert_int_eq(coro_future_set_result(last, NULL), 0);
	run();
}
END_TEST

START_TEST(callbacks_of_a_future_that_nobody_holds_never_run)
{
	int calls = 0;
	struct coro_future *lost;
	ck_assert_int_eq(coro_future_create(loop, &lost), 0);
	ck_assert_int_eq(coro_future_add_done_callback(lost, count, &calls), 0);
	coro_future_unref(lost);
	run();
	ck_assert_int_eq(calls, 0);
}
END_TEST

static int results;

static void ask(void *arg)
{
	ck_assert_int_eq(coro_future_result(arg, NULL), -EIO);
	results++;
}

static int break_off(void *arg)
{
	return -EIO;
}

START_TEST(future_lives_until_its_callbacks_have_run)
{
	struct coro_future *brief, *task = spawn(break_off, NULL);
	ck_assert_int_eq(coro_future_create(loop, &brief), 0);
	struct coro_future *both[] = {brief, task};
	results = 0;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(coro_future_add_done_callback(both[i / 2], ask, both[i / 2]), 0);
	ck_assert_int_eq(coro_future_set_error(brief, -EIO), 0);
	coro_future_unref(brief);
	coro_future_unref(task);
	run();
	ck_assert_int_eq(results, 4);
}
END_TEST

START_TEST(future_goes_with_callbacks_that_never_run)
{
	struct coro_loop *other;
	struct coro_future *brief;
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_int_eq(coro_future_create(other, &brief), 0);
	ck_assert_int_eq(coro_future_add_done_callback(brief, ask, brief), 0);
	ck_assert_int_eq(coro_future_set_error(brief, -EIO), 0);
	coro_future_unref(brief);
	ck_assert_int_eq(coro_loop_close(other), 0);
}
END_TEST

static struct coro_future *shared;

static int wait_for_shared(void *arg)
{
	void *ret = NULL;
	int r = coro_await(shared, &ret);
	ck_assert_ptr_eq(ret, &value);
	return r;
}

START_TEST(who_waits_holds_the_future)
{
	ck_assert_int_eq(coro_future_create(loop, &shared), 0);
	struct coro_future *task = spawn(wait_for_shared, NULL);
	run();
	coro_future_ref(shared);
	coro_future_unref(shared);
	coro_future_unref(shared);
	/* Only the waiting task holds it now. */
	ck_assert_int_eq(coro_future_set_result(shared, &value), 0);
	run();
	ck_assert_int_eq(coro_future_result(task, NULL), 0);
	coro_future_unref(task);
}
END_TEST

START_TEST(ref_gives_its_argument)
{
	ck_assert_ptr_eq(coro_future_ref(future), future);
	coro_future_unref(future);
	ck_assert_ptr_null(coro_future_ref(NULL));
	coro_future_unref(NULL);
}
END_TEST

START_TEST(futures_come_and_go_in_any_number)
{
	enum { COUNT = 5000 };
	static struct coro_future *many[COUNT];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++)
			ck_assert_int_eq(coro_future_create(loop, &many[i]), 0);
		for (int i = 0; i < COUNT; i++)
			coro_future_unref(many[i * 7 % COUNT]);
	}
}
END_TEST

START_TEST(plain_future_is_no_task)
{
	ck_assert(!coro_is_task(future));
	ck_assert_ptr_null(coro_task_name(future));
	ck_assert_ptr_null(coro_task_site(future));
	ck_assert_int_eq(coro_task_uncancel(future), -EINVAL);
}
END_TEST

static void be_called(void *arg)
{
}

/* So many that the ready queue and the timers grow for them. */
static int adds_many_callbacks(void *arg)
{
	struct coro_future *many;
	int r = coro_future_create(coro_running_loop(), &many);
	if (r < 0)
		return r;
	for (int i = 0; i < 300 && r == 0; i++)
		r = coro_future_add_done_callback(many, be_called, NULL);
	coro_future_remove_done_callback(many, NULL, NULL);
	coro_future_unref(many);
	return r;
}

START_TEST(a_callback_that_cannot_be_added_leaves_nothing)
{
	fail_each_allocation(adds_many_callbacks);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);

	tcase_add_test(tests, future_that_is_not_done_has_no_result);
	tcase_add_test(tests, future_knows_its_loop);
	tcase_add_test(tests, result_can_be_had_any_number_of_times);
	tcase_add_test(tests, result_may_be_null);
	tcase_add_test(tests, first_result_stays);
	tcase_add_test(tests, all_who_wait_get_the_value);
	tcase_add_test(tests, who_waits_need_not_want_the_value);

	tcase_add_test(tests, error_must_be_negative);
	tcase_add_test(tests, failure_has_the_message_of_its_code);
	tcase_add_test(tests, codes_of_the_program_are_carried_unchanged);
	tcase_add_test(tests, all_waiters_get_the_failures_message_and_origin);
	tcase_add_test(tests, message_outlives_the_future);
	tcase_add_test(tests, message_of_another_error_does_not_go_with_it);
	tcase_add_test(tests, error_of_cancellation_cancels);
	tcase_add_test(tests, cancelled_future_tells_all_who_wait);

	tcase_add_test(tests, callback_runs_once_however_the_future_ends);
	tcase_add_test(tests, callback_added_twice_runs_twice);
	tcase_add_test(tests, remove_takes_all_that_are_equal_and_no_other);
	tcase_add_test(tests, remove_comes_too_late_once_the_future_is_done);
	tcase_add_test(tests, callback_may_add_another);
	tcase_add_test(tests, futures_can_be_chained_by_callbacks);

	tcase_add_test(tests, callback_may_give_the_last_reference_back);
	tcase_add_test(tests, callbacks_of_a_future_that_nobody_holds_never_run);
	tcase_add_test(tests, future_lives_until_its_callbacks_have_run);
	tcase_add_test(tests, future_goes_with_callbacks_that_never_run);
	tcase_add_test(tests, who_waits_holds_the_future);
	tcase_add_test(tests, ref_gives_its_argument);
	tcase_add_test(tests, futures_come_and_go_in_any_number);
	tcase_add_test(tests, plain_future_is_no_task);
	tcase_add_test(tests, a_callback_that_cannot_be_added_leaves_nothing);
}

TEST_MAIN("future", add_tests)
