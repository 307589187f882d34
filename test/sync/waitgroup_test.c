/* SPDX-License-Identifier: MIT */
/* Wait groups: nobody goes on before all is done, and then all do. */
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

START_TEST(nothing_to_be_done_is_no_wait)
{
	struct coro_future *task = spawn(waits, "waiter");
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("waiter other");
	assert_ended(task, 0);
}
END_TEST

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

/* ---- cancelled ---- */

START_TEST(who_is_cancelled_while_it_waits_is_no_more_woken)
{
	add(1);
	line_up(waits);
	cancel(b);
	turn();
	ck_assert_trace("b!");
	assert_count(1);
	done(NULL);
	run();
	ck_assert_trace("a c");
	assert_line(0, -ECANCELED, 0);
}
END_TEST

START_TEST(who_is_woken_and_cancelled_in_the_same_turn_is_cancelled)
{
	add(1);
	line_up(waits);
	done(NULL);
	cancel(a);
	cancel(c);
	run();
	ck_assert_trace("a! b c!");
	assert_line(-ECANCELED, 0, -ECANCELED);
}
END_TEST

START_TEST(who_is_cancelled_just_before_all_is_done_is_cancelled)
{
	add(1);
	line_up(waits);
	cancel(b);
	done(NULL);
	run();
	ck_assert_trace("b! a c");
	assert_line(0, -ECANCELED, 0);
}
END_TEST

static int is_cancelled_before(void *arg)
{
	cancel(coro_current_task());
	int r = coro_waitgroup_wait(&group);
	if (r == 0)
		ck_assert_int_eq(coro_task_yield(), -ECANCELED);
	return r;
}

START_TEST(cancellation_from_before_arrives_where_it_waits)
{
	ck_assert_int_eq(result_of(is_cancelled_before, NULL), 0);
	add(1);
	ck_assert_int_eq(result_of(is_cancelled_before, NULL), -ECANCELED);
	assert_count(1);
}
END_TEST

static int gives_up(void *word)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	return coro_timeout_end(&timeout, waits(word));
}

START_TEST(wait_for_it_may_time_out)
{
	add(1);
	struct coro_future *hasty = spawn(gives_up, "hasty"), *patient = spawn(waits, "patient");
	at(5, done, NULL);
	run();
	ck_assert_trace("hasty! patient");
	assert_ended(hasty, -ETIMEDOUT);
	assert_ended(patient, 0);
}
END_TEST

/* ---- thrown away ---- */

START_TEST(who_is_thrown_away_is_no_more_woken)
{
	add(1);
	line_up(waits);
	cancel(b);
	throw_away_who_waits();
	line_up(waits);
	done(NULL);
	cancel(c);
	throw_away_who_waits();
	ck_assert_trace("");
	add(1);
	line_up(waits);
	done(NULL);
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
}
END_TEST

/* ---- another thread ---- */

static int waits_elsewhere(void *arg)
{
	return coro_waitgroup_wait(&group);
}

static int is_done_elsewhere(void *arg)
{
	return coro_waitgroup_done(&group);
}

START_TEST(from_another_thread_it_is_neither_waited_for_nor_done)
{
	add(1);
	line_up(waits);
	ck_assert_int_eq(result_elsewhere(waits_elsewhere), -EPERM);
	ck_assert_int_eq(result_elsewhere(is_done_elsewhere), -EPERM);
	assert_count(1);
	done(NULL);
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
}
END_TEST

/* ---- memory ---- */

/* With nothing of Check's, which allocates. */
static int passes_through(void *arg)
{
	return coro_waitgroup_wait(&group);
}

START_TEST(waiting_allocates_nothing)
{
	add(1);
	line_up(passes_through);
	done(NULL);
	cancel(c);
	ck_assert_uint_eq(allocations_of_run(), 0);
	assert_line(0, 0, -ECANCELED);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, count_is_what_was_added_less_what_is_done);
	tcase_add_test(tests, count_never_goes_below_nothing);
	tcase_add_test(tests, count_does_not_run_over);
	tcase_add_test(tests, no_group_at_all_is_refused);
	tcase_add_test(tests, nothing_to_be_done_is_no_wait);
	tcase_add_test(tests, outside_a_task_only_nothing_to_be_done_is_no_wait);
	tcase_add_test(tests, all_who_wait_go_on_in_the_order_they_came_when_all_is_done);
	tcase_add_test(tests, what_is_added_meanwhile_is_waited_for_too);
	tcase_add_test(tests, who_was_woken_goes_on_though_a_next_round_has_begun);
	tcase_add_test(tests, group_can_be_used_again);
	tcase_add_test(tests, who_is_cancelled_while_it_waits_is_no_more_woken);
	tcase_add_test(tests, who_is_woken_and_cancelled_in_the_same_turn_is_cancelled);
	tcase_add_test(tests, who_is_cancelled_just_before_all_is_done_is_cancelled);
	tcase_add_test(tests, cancellation_from_before_arrives_where_it_waits);
	tcase_add_test(tests, wait_for_it_may_time_out);
	tcase_add_test(tests, who_is_thrown_away_is_no_more_woken);
	tcase_add_test(tests, from_another_thread_it_is_neither_waited_for_nor_done);
	tcase_add_test(tests, waiting_allocates_nothing);
}

TEST_MAIN("waitgroup", add_tests)
