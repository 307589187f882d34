/* SPDX-License-Identifier: MIT */
/* Shutdown of queues, join, and the work on items. */
#include "sync/queues.h"

/* ---- work ---- */

START_TEST(work_is_done_once_for_each_item)
{
	make(0);
	ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
	put("ab");
	get_all();
	done();
	done();
	ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
	put("c");
	done();
	ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
	ck_assert_int_eq(get(), 'c');
}
END_TEST

START_TEST(join_waits_until_the_work_on_all_items_is_done)
{
	make(0);
	ck_assert_int_eq(result_of(joins, "empty"), 0);
	ck_assert_trace("empty");
	put("xy");
	line_up(joins);
	ck_assert_str_eq(get_all(), "xy");
	done();
	run();
	ck_assert_trace("");
	put("z");
	done();
	run();
	ck_assert_trace("");
	get();
	done();
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(join_ends_though_an_item_comes_before_it_runs)
{
	make(0);
	put("x");
	line_up(joins);
	done();
	put("y");
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
	a = start(joins, "again");
	ck_assert_trace("");
	done();
	run();
	assert_ended(a, 0);
}
END_TEST

/* ---- shutdown ---- */

START_TEST(nothing_goes_in_after_shutdown_but_what_is_inside_comes_out)
{
	make(0);
	put("ab");
	shut(false);
	ck_assert_int_eq(coro_queue_try_put(queue, "c"), -EPIPE);
	ck_assert_int_eq(coro_queue_put(queue, "c"), -EPIPE);
	ck_assert_str_eq(get_all(), "ab");
	ck_assert_int_eq(coro_queue_try_get(queue, &(void *){NULL}), -EPIPE);
	ck_assert_int_eq(coro_queue_get(queue, &(void *){NULL}), -EPIPE);
	shut(false);
	done();
	done();
}
END_TEST

START_TEST(shutdown_sends_away_who_waits_for_an_item)
{
	make(0);
	line_up(gets_one);
	shut(false);
	run();
	ck_assert_trace("a-shut b-shut c-shut");
	assert_line(-EPIPE, -EPIPE, -EPIPE);
}
END_TEST

START_TEST(shutdown_sends_away_who_waits_for_room)
{
	make(1);
	put("x");
	line_up(puts_in);
	shut(false);
	run();
	ck_assert_trace("a-shut b-shut c-shut");
	assert_line(-EPIPE, -EPIPE, -EPIPE);
	ck_assert_str_eq(get_all(), "x");
}
END_TEST

START_TEST(item_from_before_shutdown_is_had_by_the_task_it_woke)
{
	make(0);
	line_up(gets_one);
	put("x");
	shut(false);
	run();
	ck_assert_trace("ax b-shut c-shut");
	assert_line(0, -EPIPE, -EPIPE);
}
END_TEST

START_TEST(item_in_a_shut_queue_is_not_lost_with_a_cancelled_task)
{
	make(0);
	line_up(gets_one);
	put("x");
	shut(false);
	cancel(a);
	run();
	ck_assert_trace("a! bx c-shut");
	assert_line(-ECANCELED, 0, -EPIPE);
}
END_TEST

START_TEST(shutdown_leaves_the_work_to_be_done)
{
	make(0);
	put("x");
	a = start(joins, "a");
	shut(false);
	run();
	ck_assert_trace("");
	get();
	done();
	run();
	ck_assert_trace("a");
	assert_ended(a, 0);
}
END_TEST

START_TEST(immediate_shutdown_drops_the_items_and_their_work)
{
	make(0);
	put("xy");
	a = start(joins, "a");
	shut(true);
	ck_assert(coro_queue_empty(queue));
	ck_assert_int_eq(coro_queue_try_get(queue, &(void *){NULL}), -EPIPE);
	ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
	run();
	ck_assert_trace("a");
	assert_ended(a, 0);
}
END_TEST

START_TEST(immediate_shutdown_leaves_the_work_on_items_taken_out)
{
	make(0);
	put("xyz");
	ck_assert_int_eq(get(), 'x');
	a = start(joins, "a");
	shut(true);
	run();
	ck_assert_trace("");
	done();
	run();
	ck_assert_trace("a");
	assert_ended(a, 0);
	ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
}
END_TEST

START_TEST(immediate_shutdown_sends_away_all_who_wait)
{
	make(0);
	line_up(gets_one);
	put("x");
	shut(true);
	run();
	ck_assert_trace("a-shut b-shut c-shut");
	assert_line(-EPIPE, -EPIPE, -EPIPE);

	ck_assert_int_eq(coro_queue_destroy(queue), 0);
	make(1);
	put("x");
	line_up(puts_in);
	shut(true);
	run();
	ck_assert_trace("a-shut b-shut c-shut");
	assert_line(-EPIPE, -EPIPE, -EPIPE);
}
END_TEST

START_TEST(refused_and_cancelled_in_one_turn_is_cancelled)
{
	make(0);
	line_up(gets_one);
	shut(false);
	cancel(b);
	run();
	ck_assert_trace("a-shut b! c-shut");
	assert_line(-EPIPE, -ECANCELED, -EPIPE);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, work_is_done_once_for_each_item);
	tcase_add_test(tests, join_waits_until_the_work_on_all_items_is_done);
	tcase_add_test(tests, join_ends_though_an_item_comes_before_it_runs);
	tcase_add_test(tests, nothing_goes_in_after_shutdown_but_what_is_inside_comes_out);
	tcase_add_test(tests, shutdown_sends_away_who_waits_for_an_item);
	tcase_add_test(tests, shutdown_sends_away_who_waits_for_room);
	tcase_add_test(tests, item_from_before_shutdown_is_had_by_the_task_it_woke);
	tcase_add_test(tests, item_in_a_shut_queue_is_not_lost_with_a_cancelled_task);
	tcase_add_test(tests, shutdown_leaves_the_work_to_be_done);
	tcase_add_test(tests, immediate_shutdown_drops_the_items_and_their_work);
	tcase_add_test(tests, immediate_shutdown_leaves_the_work_on_items_taken_out);
	tcase_add_test(tests, immediate_shutdown_sends_away_all_who_wait);
	tcase_add_test(tests, refused_and_cancelled_in_one_turn_is_cancelled);
}

TEST_MAIN("queue_shutdown", add_tests)
