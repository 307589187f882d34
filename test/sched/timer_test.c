/* SPDX-License-Identifier: MIT */
/* Times: the virtual clock and the real one, delays at the ends of their range, many timers in any order. */
#include "tasks.h"

static void go(coro_fn *fn, void *arg)
{
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, fn, arg, NULL), 0);
}

/* The time at which it is called. */
static void note_time(void *arg)
{
	*(int64_t *)arg = coro_loop_time(loop);
}

/* ---- the virtual clock ---- */

START_TEST(virtual_time_begins_at_0_and_stands_still)
{
	ck_assert_int_eq(coro_loop_time(loop), 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, (void *)"a", NULL), 0);
	run();
	ck_assert_int_eq(coro_loop_time(loop), 0);
}
END_TEST

static int gives_way_often(void *arg)
{
	for (int i = 0; i < 100; i++)
		coro_sleep(0);
	ck_assert_int_eq(coro_loop_time(loop), 0);
	return 0;
}

START_TEST(time_does_not_pass_while_anything_is_ready)
{
	int64_t time = -1;
	ck_assert_int_eq(coro_call_later(loop, 1, note_time, &time, NULL), 0);
	go(gives_way_often, NULL);
	run();
	ck_assert_int_eq(time, 1);
}
END_TEST

START_TEST(time_jumps_to_the_next_timer)
{
	int64_t times[3];
	ck_assert_int_eq(coro_call_later(loop, 3 * CORO_SEC, note_time, &times[1], NULL), 0);
	ck_assert_int_eq(coro_call_later(loop, CORO_MSEC, note_time, &times[0], NULL), 0);
	ck_assert_int_eq(coro_call_at(loop, 100000 * CORO_SEC, note_time, &times[2], NULL), 0);
	run();
	ck_assert_int_eq(times[0], CORO_MSEC);
	ck_assert_int_eq(times[1], 3 * CORO_SEC);
	ck_assert_int_eq(times[2], 100000 * CORO_SEC);
}
END_TEST

static int naps(void *arg)
{
	for (int i = 1; i <= 5; i++) {
		ck_assert_int_eq(coro_sleep(10), 0);
		ck_assert_int_eq(coro_loop_time(loop), 10 * i);
	}
	ck_assert_int_eq(coro_sleep_until(70), 0);
	ck_assert_int_eq(coro_loop_time(loop), 70);
	return 0;
}

START_TEST(sleep_takes_as_long_as_it_says)
{
	go(naps, NULL);
	run();
	ck_assert_int_eq(coro_loop_time(loop), 70);
}
END_TEST

START_TEST(time_goes_on_from_run_to_run)
{
	int64_t time = -1;
	ck_assert_int_eq(coro_call_later(loop, 5, note_time, &time, NULL), 0);
	run();
	ck_assert_int_eq(coro_call_later(loop, 5, note_time, &time, NULL), 0);
	run();
	ck_assert_int_eq(time, 10);
}
END_TEST

/* ---- ends of the range ---- */

START_TEST(time_in_the_past_is_due_at_once)
{
	int64_t time = -1;
	ck_assert_int_eq(coro_call_at(loop, 50, note_time, &time, NULL), 0);
	run();
	static const int64_t pasts[] = {50, 49, 0, -1, INT64_MIN};
	for (int i = 0; i < 5; i++) {
		time = -1;
		ck_assert_int_eq(coro_call_at(loop, pasts[i], note_time, &time, NULL), 0);
		run();
		ck_assert_int_eq(time, 50);
	}
	ck_assert_int_eq(coro_loop_time(loop), 50);
}
END_TEST

START_TEST(past_times_run_the_earliest_first)
{
	ck_assert_int_eq(coro_call_at(loop, 0, trace_word, (void *)"c", NULL), 0);
	ck_assert_int_eq(coro_call_at(loop, -5, trace_word, (void *)"b", NULL), 0);
	ck_assert_int_eq(coro_call_at(loop, INT64_MIN, trace_word, (void *)"a", NULL), 0);
	run();
	ck_assert_trace("a b c");
}
END_TEST

START_TEST(negative_delay_lets_no_time_pass)
{
	struct coro_handle *handle;
	static const int64_t delays[] = {0, -1, -CORO_SEC, INT64_MIN};
	int64_t time;
	ck_assert_int_eq(coro_call_at(loop, 50, note_time, &time, NULL), 0);
	run();
	for (int i = 0; i < 4; i++) {
		time = -1;
		ck_assert_int_eq(coro_call_later(loop, delays[i], note_time, &time, &handle), 0);
		ck_assert_int_eq(coro_handle_when(handle), 50 + delays[i]);
		run();
		ck_assert_int_eq(time, 50);
		coro_handle_unref(handle);
	}
}
END_TEST

START_TEST(negative_delay_comes_before_what_is_due_now)
{
	ck_assert_int_eq(coro_call_later(loop, 0, trace_word, "now", NULL), 0);
	ck_assert_int_eq(coro_call_later(loop, -1, trace_word, "before", NULL), 0);
	ck_assert_int_eq(coro_call_later(loop, INT64_MIN, trace_word, "long before", NULL), 0);
	run();
	ck_assert_trace("long before before now");
}
END_TEST

START_TEST(longest_delay_ends_at_the_end_of_time)
{
	struct coro_handle *handle;
	int64_t first = -1, last = -1;
	ck_assert_int_eq(coro_call_later(loop, INT64_MAX, note_time, &last, &handle), 0);
	ck_assert_int_eq(coro_call_later(loop, 5, note_time, &first, NULL), 0);
	ck_assert_int_eq(coro_handle_when(handle), INT64_MAX);
	coro_handle_unref(handle);
	run();
	ck_assert_int_eq(first, 5);
	ck_assert_int_eq(last, INT64_MAX);

	/* There is no later: what is armed now is due. */
	ck_assert_int_eq(coro_call_later(loop, INT64_MAX, note_time, &first, &handle), 0);
	ck_assert_int_eq(coro_handle_when(handle), INT64_MAX);
	coro_handle_unref(handle);
	run();
	ck_assert_int_eq(first, INT64_MAX);
}
END_TEST

static int sleeps_at_the_ends(void *arg)
{
	ck_assert_int_eq(coro_sleep(INT64_MIN), 0);
	ck_assert_int_eq(coro_sleep_until(INT64_MIN), 0);
	ck_assert_int_eq(coro_sleep_until(0), 0);
	ck_assert_int_eq(coro_loop_time(loop), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_int_eq(coro_sleep(INT64_MAX), 0);
	ck_assert_int_eq(coro_loop_time(loop), INT64_MAX);
	ck_assert_int_eq(coro_sleep(INT64_MAX), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_int_eq(coro_sleep_until(INT64_MAX), 0);
	trace("awake");
	return 0;
}

START_TEST(sleeps_may_be_of_any_length)
{
	go(sleeps_at_the_ends, NULL);
	run();
	ck_assert_trace("awake");
}
END_TEST

/* ---- many ---- */

static uint64_t seed = 88172645463325252u;

static int random_below(int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)n);
}

enum { MANY = 1000, SPAN = 300 };

/* A timer, and what has to happen to it. */
struct alarm {
	struct coro_handle *handle;
	int64_t when;
	int armed; /* counts all that were ever armed; 0: it is idle */
};

static struct alarm alarms[MANY];
static int armings, rang;
static struct alarm latest;

static void ring(void *arg);

static void arm(struct alarm *alarm, int64_t when)
{
	alarm->when = when;
	alarm->armed = ++armings;
	ck_assert_int_eq(coro_call_at(loop, when, ring, alarm, &alarm->handle), 0);
}

static void disarm(struct alarm *alarm)
{
	ck_assert_int_eq(coro_handle_cancel(alarm->handle), 0);
	coro_handle_unref(alarm->handle);
	alarm->armed = 0;
}

/* Due timers fire by time, and equal ones in the order armed. */
static void ring(void *arg)
{
	struct alarm *alarm = arg;
	ck_assert_int_ne(alarm->armed, 0);
	ck_assert_int_eq(coro_loop_time(loop), alarm->when);
	ck_assert_int_ge(alarm->when, latest.when);
	if (alarm->when == latest.when)
		ck_assert_int_gt(alarm->armed, latest.armed);
	latest = *alarm;
	coro_handle_unref(alarm->handle);
	alarm->armed = 0;
	rang++;
}

/* Arms, disarms or arms anew one of them, for `from` or later. */
static void change_one(int64_t from)
{
	struct alarm *alarm = &alarms[random_below(MANY)];
	if (alarm->armed)
		disarm(alarm);
	if (random_below(4))
		arm(alarm, from + random_below(SPAN));
}

static int count_armed(void)
{
	int count = 0;
	for (int i = 0; i < MANY; i++)
		count += alarms[i].armed != 0;
	return count;
}

START_TEST(timers_armed_in_any_order_run_in_that_of_their_times)
{
	for (int i = 0; i < MANY; i++)
		arm(&alarms[i], random_below(SPAN));
	run();
	ck_assert_int_eq(rang, MANY);
	ck_assert_int_eq(count_armed(), 0);
}
END_TEST

START_TEST(timers_may_be_taken_back_and_armed_anew_in_any_order)
{
	for (int i = 0; i < 10 * MANY; i++)
		change_one(0);
	int armed = count_armed();
	ck_assert_int_gt(armed, MANY / 2);
	run();
	ck_assert_int_eq(rang, armed);
}
END_TEST

static void change_some(void *arg)
{
	for (int i = 0; i < 20; i++)
		change_one(coro_loop_time(loop) + 1);
	if (coro_loop_time(loop) < 10 * SPAN)
		ck_assert_int_eq(coro_call_later(loop, 7, change_some, NULL, NULL), 0);
}

START_TEST(timers_may_be_changed_while_others_run)
{
	for (int i = 0; i < MANY; i++)
		arm(&alarms[i], random_below(SPAN));
	ck_assert_int_eq(coro_call_later(loop, 0, change_some, NULL, NULL), 0);
	run();
	ck_assert_int_eq(count_armed(), 0);
	ck_assert_int_gt(rang, MANY);
}
END_TEST

static int sleeps_for(void *arg)
{
	int64_t delay = (intptr_t)arg, began = coro_loop_time(loop);
	int r = coro_sleep(delay);
	if (r == 0) {
		ck_assert_int_eq(coro_loop_time(loop), began + delay);
		rang++;
	}
	return r;
}

START_TEST(tasks_sleep_and_are_woken_in_any_order)
{
	struct coro_future *tasks[MANY];
	int count = many(MANY, 100), cancelled = 0;
	for (int i = 0; i < count; i++) {
		intptr_t delay = random_below(SPAN);
		ck_assert_int_eq(coro_loop_spawn(loop, NULL, sleeps_for, (void *)delay, &tasks[i]),
				 0);
	}
	/* Into their sleeps. */
	ck_assert_int_eq(coro_loop_stop(loop), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	for (int i = 0; i < count; i += 3)
		cancelled += coro_cancel(tasks[i]);
	run();
	ck_assert_int_gt(cancelled, 0);
	ck_assert_int_eq(rang, count - cancelled);
	for (int i = 0; i < count; i++)
		coro_future_unref(tasks[i]);
}
END_TEST

/* ---- the real clock ---- */

static int sleeps_really(void *arg)
{
	for (int i = 0; i < 5; i++) {
		int64_t began = coro_clock();
		ck_assert_int_eq(coro_sleep(CORO_MSEC), 0);
		ck_assert_int_ge(coro_clock() - began, CORO_MSEC);
	}
	return 0;
}

START_TEST(sleep_never_ends_early)
{
	ck_assert_int_eq(coro_run(sleeps_really, NULL), 0);
}
END_TEST

static void note_clock(void *arg)
{
	*(int64_t *)arg = coro_clock();
	coro_loop_stop(coro_running_loop());
}

START_TEST(callback_never_comes_early)
{
	struct coro_loop *real;
	int64_t called = 0;
	ck_assert_int_eq(coro_loop_create(NULL, &real), 0);
	int64_t when = coro_clock() + 2 * CORO_MSEC;
	ck_assert_int_eq(coro_call_at(real, when, note_clock, &called, NULL), 0);
	ck_assert_int_eq(coro_run_forever(real), 0);
	ck_assert_int_ge(called, when);
	when = coro_clock() + CORO_MSEC;
	ck_assert_int_eq(coro_call_later(real, CORO_MSEC, note_clock, &called, NULL), 0);
	ck_assert_int_eq(coro_run_forever(real), 0);
	ck_assert_int_ge(called, when);
	ck_assert_int_eq(coro_loop_close(real), 0);
}
END_TEST

START_TEST(real_time_is_that_of_the_clock)
{
	struct coro_loop *real;
	ck_assert_int_eq(coro_loop_create(NULL, &real), 0);
	int64_t before = coro_clock(), time = coro_loop_time(real), after = coro_clock();
	ck_assert_int_ge(time, before);
	ck_assert_int_le(time, after);
	ck_assert_int_eq(coro_loop_close(real), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);

	tcase_add_test(tests, virtual_time_begins_at_0_and_stands_still);
	tcase_add_test(tests, time_does_not_pass_while_anything_is_ready);
	tcase_add_test(tests, time_jumps_to_the_next_timer);
	tcase_add_test(tests, sleep_takes_as_long_as_it_says);
	tcase_add_test(tests, time_goes_on_from_run_to_run);

	tcase_add_test(tests, time_in_the_past_is_due_at_once);
	tcase_add_test(tests, past_times_run_the_earliest_first);
	tcase_add_test(tests, negative_delay_lets_no_time_pass);
	tcase_add_test(tests, negative_delay_comes_before_what_is_due_now);
	tcase_add_test(tests, longest_delay_ends_at_the_end_of_time);
	tcase_add_test(tests, sleeps_may_be_of_any_length);

	tcase_add_test(tests, timers_armed_in_any_order_run_in_that_of_their_times);
	tcase_add_test(tests, timers_may_be_taken_back_and_armed_anew_in_any_order);
	tcase_add_test(tests, timers_may_be_changed_while_others_run);
	tcase_add_test(tests, tasks_sleep_and_are_woken_in_any_order);

	tcase_add_test(tests, sleep_never_ends_early);
	tcase_add_test(tests, callback_never_comes_early);
	tcase_add_test(tests, real_time_is_that_of_the_clock);
}

TEST_MAIN("timer", add_tests)
