/* SPDX-License-Identifier: MIT */
/* How calls of the library fail: whose message an error has. */
#include "core/fail.h"

#include "coro/defer.h"
#include "coro/generator.h"
#include "fail_alloc.h"
#include "support.h"

#include <errno.h>

static int fails(void)
{
	return fail_with(-EPERM, "coro_sleep: not in a task");
}

START_TEST(failure_has_the_message_of_the_call_and_no_origin)
{
	ck_assert_int_eq(fails(), -EPERM);
	ck_assert_str_eq(coro_message(-EPERM), "coro_sleep: not in a task");
	ck_assert_ptr_null(coro_origin(-EPERM));
	ck_assert_str_eq(coro_message(-EIO), coro_strerror(-EIO));
}
END_TEST

START_TEST(code_alone_takes_an_older_message_of_it_away)
{
	coro_raise(-ENOENT, "no such program");
	ck_assert_int_eq(fail_code(-EIO), -EIO);
	ck_assert_str_eq(coro_message(-ENOENT), "no such program");
	ck_assert_int_eq(fail_code(-ENOENT), -ENOENT);
	ck_assert_str_eq(coro_message(-ENOENT), coro_strerror(-ENOENT));
	ck_assert_ptr_null(coro_origin(-ENOENT));
	ck_assert_int_eq(fail_code(0), 0);
}
END_TEST

START_TEST(message_that_is_made_has_the_place_it_tells_of)
{
	ck_assert_int_eq(fail_format(-ETIMEDOUT, "x.c:12", "timeout of %d ms", 50), -ETIMEDOUT);
	ck_assert_str_eq(coro_message(-ETIMEDOUT), "timeout of 50 ms");
	ck_assert_str_eq(coro_origin(-ETIMEDOUT), "x.c:12");
}
END_TEST

START_TEST(literal_message_needs_no_memory)
{
	coro_raise(-EPERM, "this thread has used the library");
	fail_nth(1);
	fails();
	ck_assert(!fail_off());
	ck_assert_str_eq(coro_message(-EPERM), "coro_sleep: not in a task");
}
END_TEST

START_TEST(message_that_cannot_be_made_does_not_leave_an_older_one)
{
	coro_raise(-ETIMEDOUT, "older");
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	fail_nth(1);
	int r = fail_format(-ETIMEDOUT, NULL, "timeout");
	ck_assert(fail_off());
	ck_assert_int_eq(r, -ETIMEDOUT);
	ck_assert_str_eq(coro_message(-ETIMEDOUT), coro_strerror(-ETIMEDOUT));
}
END_TEST

START_TEST(failing_while_cleaning_up_does_not_lose_what_is_passed_on)
{
	coro_raise(-EIO, "the disk is torn");
	coro_raise(-ENOENT, "no such lock");
	fails();
	ck_assert_str_eq(coro_message(-EPERM), "coro_sleep: not in a task");
	ck_assert_str_eq(coro_message(-ENOENT), "no such lock");
	ck_assert_str_eq(coro_message(-EIO), coro_strerror(-EIO));
	fail_code(-EPERM);
	ck_assert_str_eq(coro_message(-ENOENT), "no such lock");
	fails();
	fail_code(-ENOENT);
	ck_assert_str_eq(coro_message(-EPERM), "coro_sleep: not in a task");
	ck_assert_str_eq(coro_message(-ENOENT), coro_strerror(-ENOENT));
	coro_raise(-EPERM, "another");
	ck_assert_str_eq(coro_message(-EPERM), "another");
	fail_code(-EPERM);
	ck_assert_str_eq(coro_message(-EPERM), coro_strerror(-EPERM));
}
END_TEST

static int is_over(void)
{
	return fail_expected(-EPIPE, "the channel is closed");
}

static int expects_and_passes_on(void *arg)
{
	ck_assert_int_eq(is_over(), -EPIPE);
	ck_assert_str_eq(coro_message(-EPIPE), "the channel is closed");
	coro_raise(-EIO, "the disk is torn");
	ck_assert_str_eq(coro_message(-EPIPE), "the channel is closed");
	coro_raise(-ENOENT, "no such lock");
	is_over();
	ck_assert_str_eq(coro_message(-EPIPE), coro_strerror(-EPIPE));
	ck_assert_str_eq(coro_message(-EIO), "the disk is torn");
	ck_assert_str_eq(coro_message(-ENOENT), "no such lock");
	fail_code(-ENOENT);
	is_over();
	fail_expected(-ESRCH, "the process has ended");
	ck_assert_str_eq(coro_message(-EIO), "the disk is torn");
	ck_assert_str_eq(coro_message(-ESRCH), "the process has ended");
	ck_assert_str_eq(coro_message(-EPIPE), coro_strerror(-EPIPE));
	return -EIO;
}

START_TEST(message_of_what_is_expected_takes_no_place_of_another)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(expects_and_passes_on, NULL, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "the disk is torn");
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(message_of_what_is_expected_is_taken_away_like_others)
{
	coro_raise(-EPIPE, "stale");
	is_over();
	ck_assert_str_eq(coro_message(-EPIPE), "the channel is closed");
	fail_code(-EPIPE);
	ck_assert_str_eq(coro_message(-EPIPE), coro_strerror(-EPIPE));
}
END_TEST

static void fail_in_defer(void *arg)
{
	ck_assert_str_eq(coro_message(-EIO), "the disk is torn");
	coro_raise(-ENOENT, "no such lock");
	fails();
}

static int fails_and_cleans_up(void *arg)
{
	int r = coro_raise(-EIO, "the disk is torn");
	if (arg)
		coro_defer(fail_in_defer, NULL);
	fails();
	return r;
}

START_TEST(body_is_left_with_its_own_message_whatever_failed_since)
{
	for (int deferring = 0; deferring < 2; deferring++) {
		struct coro *co;
		coro_create(fails_and_cleans_up, deferring ? &co : NULL, &co);
		ck_assert_int_eq(coro_resume(co, NULL, NULL), -EIO);
		ck_assert_int_eq(coro_destroy(co), 0);
		ck_assert_str_eq(coro_message(-EIO), "the disk is torn");
	}
}
END_TEST

static int fails_in_body(void *arg)
{
	return fails();
}

static void *resume_one_that_fails(void *arg)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(fails_in_body, NULL, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -EPERM);
	coro_destroy(co);
	ck_assert_str_eq(coro_message(-EPERM), "coro_sleep: not in a task");
	return NULL;
}

START_TEST(message_travels_with_the_failure_of_a_body_in_any_thread)
{
	resume_one_that_fails(NULL);
	in_thread(resume_one_that_fails, NULL);
	resume_one_that_fails(NULL);
}
END_TEST

static int fails_with_a_code_alone(void *arg)
{
	return -EPERM;
}

START_TEST(body_that_fails_with_a_code_alone_leaves_no_older_message)
{
	struct coro *co;
	fails();
	ck_assert_int_eq(coro_create(fails_with_a_code_alone, NULL, &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -EPERM);
	coro_destroy(co);
	ck_assert_str_eq(coro_message(-EPERM), coro_strerror(-EPERM));
}
END_TEST

static void *fail_once(void *arg)
{
	fails();
	return strcmp(coro_message(-EPERM), "coro_sleep: not in a task") ? NULL : arg;
}

START_TEST(first_call_of_a_thread_may_fail)
{
	ck_assert_ptr_nonnull(in_thread(fail_once, &(int){0}));
	ck_assert_str_eq(coro_message(-EPERM), coro_strerror(-EPERM));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, failure_has_the_message_of_the_call_and_no_origin);
	tcase_add_test(tests, code_alone_takes_an_older_message_of_it_away);
	tcase_add_test(tests, message_that_is_made_has_the_place_it_tells_of);
	tcase_add_test(tests, literal_message_needs_no_memory);
	tcase_add_test(tests, message_that_cannot_be_made_does_not_leave_an_older_one);
	tcase_add_test(tests, failing_while_cleaning_up_does_not_lose_what_is_passed_on);
	tcase_add_test(tests, message_of_what_is_expected_takes_no_place_of_another);
	tcase_add_test(tests, message_of_what_is_expected_is_taken_away_like_others);
	tcase_add_test(tests, body_is_left_with_its_own_message_whatever_failed_since);
	tcase_add_test(tests, message_travels_with_the_failure_of_a_body_in_any_thread);
	tcase_add_test(tests, body_that_fails_with_a_code_alone_leaves_no_older_message);
	tcase_add_test(tests, first_call_of_a_thread_may_fail);
}

TEST_MAIN("fail", add_tests)
