/* SPDX-License-Identifier: MIT */
/* Wait groups: no task goes on before all work is done, and then all do. */
#include "line.h"

static struct coro_waitgroup group;

static void setup(void)
{
	loop_setup();
	coro_waitgroup_init(&group);
}

static int waits(void *word)
{
	return says_with(word, coro_waitgroup_wait(&group));
}

static void add(ptrdiff_t n)
{
	ck_assert_int_eq(coro_waitgroup_add(&group, n), 0);
}

static void done(void *arg)
{
	ck_assert_int_eq(coro_waitgroup_done(&group), 0);
}

static void assert_count(size_t count)
{
	ck_assert_uint_eq(coro_waitgroup_count(&group), count);
}

/* ---- the count ---- */

START_TEST(count_is_what_was_added_less_what_is_done)
{
	assert_count(0);
	add(3);
	add(2);
	assert_count(5);
	done(NULL);
	add(0);
	assert_count(4);
	add(-3);
	assert_count(1);
	done(NULL);
	assert_count(0);
	add(0);
	assert_count(0);
}
END_TEST

START_TEST(count_never_goes_below_nothing)
{
	ck_assert_int_eq(coro_waitgroup_done(&group), -EINVAL);
	add(2);
	ck_assert_int_eq(coro_waitgroup_add(&group, -3), -EINVAL);
	ck_assert_int_eq(coro_waitgroup_add(&group, PTRDIFF_MIN), -EINVAL);
	assert_count(2);
	add(-2);
	ck_assert_int_eq(coro_waitgroup_done(&group), -EINVAL);
	assert_count(0);
}
END_TEST

START_TEST(count_does_not_run_over)
{
	add(PTRDIFF_MAX);
	ck_assert_int_eq(coro_waitgroup_add(&group, 1), -EOVERFLOW);
	assert_count(PTRDIFF_MAX);
	done(NULL);
	add(1);
}
END_TEST

START_TEST(no_group_at_all_is_refused)
{
	coro_waitgroup_init(NULL);
	ck_assert_int_eq(coro_waitgroup_add(NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_waitgroup_done(NULL), -EINVAL);
	ck_assert_int_eq(coro_waitgroup_wait(NULL), -EINVAL);
	ck_assert_uint_eq(coro_waitgroup_count(NULL), 0);
}
END_TEST

/* ---- waiting ---- */

static void waits_outside_tasks(void *expected)
{
	ck_assert_int_eq(coro_waitgroup_wait(&group), *(int *)expected);
}

START_TEST(outside_a_task_only_nothing_to_be_done_is_no_wait)
{
	int at_once = 0, refused = -EPERM;
	waits_outside_tasks(&at_once);
	add(1);
	waits_outside_tasks(&refused);
	call_outside_tasks(waits_outside_tasks, &refused);
	done(NULL);
	call_outside_tasks(waits_outside_tasks, &at_once);
}
END_TEST

static int works(void *delay)
{
	int r = coro_sleep((intptr_t)delay);
	trace("%d", (int)(intptr_t)delay);
	done(NULL);
	return r;
}

START_TEST(all_who_wait_go_on_in_the_order_they_came_when_all_is_done)
{
	for (intptr_t delay = 3; delay > 0; delay--) {
		add(1);
		coro_future_unref(spawn(works, (void *)delay));
	}
	line_up(waits);
	run();
	ck_assert_trace("1 2 3 a b c");
	ck_assert_int_eq(coro_loop_time(loop), 3);
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(what_is_added_meanwhile_is_waited_for_too)
{
	add(1);
	line_up(waits);
	add(2);
	done(NULL);
	done(NULL);
	run();
	ck_assert_trace("");
	done(NULL);
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(who_was_woken_goes_on_though_a_next_round_has_begun)
{
	add(1);
	line_up(waits);
	done(NULL);
	add(1);
	struct coro_future *next = spawn(waits, "next");
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
	done(NULL);
	run();
	ck_assert_trace("next");
	assert_ended(next, 0);
}
END_TEST

static int waits_round_by_round(void *arg)
{
	for (int round = 1; round <= 3; round++) {
		for (intptr_t delay = 1; delay <= round; delay++) {
			add(1);
			ck_assert_int_eq(coro_spawn(works, (void *)delay, NULL), 0);
		}
		ck_assert_int_eq(coro_waitgroup_wait(&group), 0);
		trace("round");
	}
	return 0;
}

START_TEST(group_can_be_used_again)
{
	ck_assert_int_eq(result_of(waits_round_by_round, NULL), 0);
	ck_assert_trace("1 round 1 2 round 1 2 3 round");
	ck_assert_int_eq(coro_loop_time(loop), 6);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, count_is_what_was_added_less_what_is_done);
	tcase_add_test(tests, count_never_goes_below_nothing);
	tcase_add_test(tests, count_does_not_run_over);
	tcase_add_test(tests, no_group_at_all_is_refused);
	tcase_add_test(tests, outside_a_task_only_nothing_to_be_done_is_no_wait);
	tcase_add_test(tests, all_who_wait_go_on_in_the_order_they_came_when_all_is_done);
	tcase_add_test(tests, what_is_added_meanwhile_is_waited_for_too);
	tcase_add_test(tests, who_was_woken_goes_on_though_a_next_round_has_begun);
	tcase_add_test(tests, group_can_be_used_again);
}

TEST_MAIN("waitgroup", add_tests)
