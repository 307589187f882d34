/* SPDX-License-Identifier: MIT */
/* What a body leaves open by mistake, and what remains of it in the loop. */
#include "coro.h"
#include "loop/loop.h"
#include "support.h"

#include <errno.h>

static int run_virtual(coro_fn *fn)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	return coro_run_with(&options, fn, NULL);
}

static int leaves_two_timeouts(void *arg)
{
	struct coro_timeout soon, later;
	int r = coro_timeout_begin(&later, 9);
	if (r == 0)
		r = coro_timeout_begin(&soon, arg ? 0 : 2);
	return r < 0 ? r : -EIO;
}

static int sleeps_past_them(void *arg)
{
	struct coro_future *task;
	for (int over = 0; over < 2; over++) {
		ck_assert_int_eq(coro_spawn(leaves_two_timeouts, over ? &task : NULL, &task), 0);
		ck_assert_int_eq(coro_await(task, NULL), -EIO);
		coro_future_unref(task);
		ck_assert_int_eq(coro_sleep(20), 0);
	}
	return 7;
}

START_TEST(task_that_ends_inside_a_timeout_takes_it_along)
{
	if (SANITIZE_ADDRESS)
		skip_test("locals may not be on the stack here");
	ck_assert_int_eq(run_virtual(sleeps_past_them), 7);
}
END_TEST

static int yields_in_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 2);
	if (r == 0)
		r = coro_yield(NULL, NULL);
	return coro_timeout_end(&timeout, r);
}

static int drives_once(void *arg)
{
	return coro_next(arg, NULL) == 1 ? 0 : -EIO;
}

static int outlives_the_driver(void *arg)
{
	struct coro *generator;
	struct coro_future *task;
	ck_assert_int_eq(coro_create(yields_in_a_timeout, NULL, &generator), 0);
	ck_assert_int_eq(coro_spawn(drives_once, generator, &task), 0);
	ck_assert_int_eq(coro_await(task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(coro_sleep(5), 0);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return 7;
}

START_TEST(timeout_of_a_generator_may_outlive_the_task_that_began_it)
{
	ck_assert_int_eq(run_virtual(outlives_the_driver), 7);
}
END_TEST

static int ended;

static int counts(void *arg)
{
	ended++;
	return 0;
}

static int fills_the_ring_with_empty_places(void *arg)
{
	struct coro_timeout timeout;
	for (int i = 0; i < 122; i++) {
		ck_assert_int_eq(coro_timeout_begin(&timeout, 0), 0);
		ck_assert_int_eq(coro_timeout_end(&timeout, 0), 0);
	}
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(coro_spawn(counts, NULL, NULL), 0);
	return coro_sleep(0);
}

START_TEST(places_left_empty_do_not_crowd_out_tasks)
{
	ended = 0;
	ck_assert_int_eq(run_virtual(fills_the_ring_with_empty_places), 0);
	ck_assert_int_eq(ended, 500);
}
END_TEST

static int fails_with_words(void *arg)
{
	return coro_raise(-EIO, "leaf %d", 1);
}

static int is_cancelled(void *arg)
{
	return coro_sleep(9);
}

static int cleans_up_after_a_failure(void *arg)
{
	struct coro_future *failing, *other;
	ck_assert_int_eq(coro_spawn(fails_with_words, NULL, &failing), 0);
	ck_assert_int_eq(coro_spawn(is_cancelled, NULL, &other), 0);
	int r = coro_await(failing, NULL);
	ck_assert_int_eq(coro_cancel(other), 1);
	ck_assert_int_eq(coro_await(other, NULL), -ECANCELED);
	coro_future_unref(failing);
	coro_future_unref(other);
	return r;
}

START_TEST(message_outlasts_the_errors_of_cleanup)
{
	ck_assert_int_eq(run_virtual(cleans_up_after_a_failure), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "leaf 1");
}
END_TEST

static int fails_without_words(void *arg)
{
	return -EIO;
}

static int receives_both(void *arg)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_spawn(fails_with_words, NULL, &task), 0);
	ck_assert_int_eq(coro_await(task, NULL), -EIO);
	coro_future_unref(task);
	ck_assert_int_eq(coro_spawn(fails_without_words, NULL, &task), 0);
	int r = coro_await(task, NULL);
	ck_assert_str_eq(coro_message(-EIO), coro_strerror(-EIO));
	coro_future_unref(task);
	return r;
}

START_TEST(message_does_not_pass_to_another_error_of_the_code)
{
	ck_assert_int_eq(run_virtual(receives_both), -EIO);
	ck_assert_str_eq(coro_message(-EIO), coro_strerror(-EIO));
}
END_TEST

static int fails(void *arg)
{
	coro_sleep(1);
	return *(int *)arg;
}

static int reads_all_errors(void *arg)
{
	static int codes[] = {-EIO, -EPROTO};
	int errors[4] = {0};
	struct coro_group *group;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_destroy(group), -EBUSY);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_group_spawn(group, fails, &codes[i], NULL), 0);
	coro_sleep(5);
	ck_assert_int_eq(coro_group_join(group, -ENOENT), -EIO);
	ck_assert_int_eq(coro_group_join(group, 0), -EALREADY);
	ck_assert_int_eq(coro_group_spawn(group, fails, &codes[0], NULL), -ESHUTDOWN);
	ck_assert_uint_eq(coro_group_errors(group, errors, 4), 3);
	ck_assert_int_eq(errors[0], -EIO);
	ck_assert_int_eq(errors[1], -EPROTO);
	ck_assert_int_eq(errors[2], -ENOENT);
	ck_assert_int_eq(coro_group_destroy(group), 0);
	return 7;
}

START_TEST(errors_of_a_group_can_be_read_after_the_join)
{
	ck_assert_int_eq(run_virtual(reads_all_errors), 7);
	ck_assert_int_eq(coro_group_destroy(NULL), 0);
}
END_TEST

static int leaves_a_group(void *arg)
{
	static int code = -EIO;
	struct coro_group **group = arg;
	ck_assert_int_eq(coro_group_create(group), 0);
	return coro_group_spawn(*group, fails, &code, NULL);
}

static int goes_on_without_the_owner(void *arg)
{
	struct coro_future *owner;
	struct coro_group *group;
	ck_assert_int_eq(coro_spawn(leaves_a_group, &group, &owner), 0);
	ck_assert_int_eq(coro_await(owner, NULL), 0);
	coro_future_unref(owner);
	ck_assert_int_eq(coro_sleep(5), 0); /* the member fails, with nobody to tell */
	ck_assert_int_eq(coro_group_end(group, 0), -EPERM);
	return 7;
}

START_TEST(member_of_a_group_whose_owner_has_ended_harms_nobody)
{
	if (running_slow())
		skip_test("the group is lost, which counts as a leak");
	ck_assert_int_eq(run_virtual(goes_on_without_the_owner), 7);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, task_that_ends_inside_a_timeout_takes_it_along);
	tcase_add_test(tests, timeout_of_a_generator_may_outlive_the_task_that_began_it);
	tcase_add_test(tests, places_left_empty_do_not_crowd_out_tasks);
	tcase_add_test(tests, message_outlasts_the_errors_of_cleanup);
	tcase_add_test(tests, message_does_not_pass_to_another_error_of_the_code);
	tcase_add_test(tests, errors_of_a_group_can_be_read_after_the_join);
	tcase_add_test(tests, member_of_a_group_whose_owner_has_ended_harms_nobody);
}

TEST_MAIN("leftover", add_tests)
