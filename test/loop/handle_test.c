/* SPDX-License-Identifier: MIT */
/* Handles of callbacks: cancelled before, after and in the turn they run in; held or not. */
#include "tasks.h"

static struct coro_handle *handle, *other;

static void setup(void)
{
	loop_setup();
	handle = other = NULL;
}

static void teardown(void)
{
	coro_handle_unref(handle);
	coro_handle_unref(other);
	loop_teardown();
}

static void soon(coro_callback *fn, const char *word, struct coro_handle **ret)
{
	ck_assert_int_eq(coro_call_soon(loop, fn, (void *)word, ret), 0);
}

static void call_at(int64_t when, coro_callback *fn, const char *word, struct coro_handle **ret)
{
	ck_assert_int_eq(coro_call_at(loop, when, fn, (void *)word, ret), 0);
}

/* ---- cancel ---- */

START_TEST(cancelled_callback_never_runs)
{
	soon(trace_word, "soon", &handle);
	call_at(5, trace_word, "timer", &other);
	soon(trace_word, "a", NULL);
	ck_assert(!coro_handle_cancelled(handle));
	ck_assert(!coro_handle_cancelled(other));
	ck_assert_int_eq(coro_handle_cancel(handle), 0);
	ck_assert_int_eq(coro_handle_cancel(other), 0);
	run();
	ck_assert_trace("a");
	ck_assert(coro_handle_cancelled(handle));
	ck_assert(coro_handle_cancelled(other));
}
END_TEST

START_TEST(cancelling_again_does_nothing)
{
	soon(trace_word, "soon", &handle);
	call_at(5, trace_word, "timer", &other);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_handle_cancel(handle), 0);
		ck_assert_int_eq(coro_handle_cancel(other), 0);
	}
	run();
	ck_assert_int_eq(coro_handle_cancel(handle), 0);
	ck_assert_int_eq(coro_handle_cancel(other), 0);
	ck_assert_trace("");
}
END_TEST

START_TEST(callback_that_has_run_cannot_be_cancelled)
{
	soon(trace_word, "soon", &handle);
	call_at(5, trace_word, "timer", &other);
	run();
	ck_assert_trace("soon timer");
	ck_assert_int_eq(coro_handle_cancel(handle), -EALREADY);
	ck_assert_int_eq(coro_handle_cancel(other), -EALREADY);
	ck_assert(!coro_handle_cancelled(handle));
	ck_assert(!coro_handle_cancelled(other));
}
END_TEST

static void cancel_other(void *arg)
{
	ck_assert_int_eq(coro_handle_cancel(other), 0);
	trace("cancel");
}

START_TEST(callback_cancelled_in_its_turn_does_not_run)
{
	soon(cancel_other, NULL, NULL);
	soon(trace_word, "other", &other);
	soon(trace_word, "a", NULL);
	turn();
	ck_assert_trace("cancel a");
}
END_TEST

START_TEST(timer_cancelled_in_its_turn_does_not_run)
{
	call_at(5, cancel_other, NULL, NULL);
	call_at(5, trace_word, "other", &other);
	call_at(5, trace_word, "a", NULL);
	run();
	ck_assert_trace("cancel a");
}
END_TEST

static void cancel_itself(void *arg)
{
	ck_assert_int_eq(coro_handle_cancel(handle), -EALREADY);
	trace("ran");
}

START_TEST(callback_that_runs_cannot_be_cancelled)
{
	soon(cancel_itself, NULL, &handle);
	run();
	ck_assert_trace("ran");
	ck_assert(!coro_handle_cancelled(handle));
}
END_TEST

START_TEST(cancelled_timer_does_not_take_time)
{
	call_at(1000, trace_word, "late", &handle);
	call_at(3, trace_word, "early", NULL);
	ck_assert_int_eq(coro_handle_cancel(handle), 0);
	run();
	ck_assert_trace("early");
	ck_assert_int_eq(coro_loop_time(loop), 3);
}
END_TEST

START_TEST(timer_cancelled_among_others_leaves_them_in_order)
{
	struct coro_handle *handles[9];
	static const char *const words[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8"};
	for (int i = 8; i >= 0; i--)
		call_at(i, trace_word, words[i], &handles[i]);
	for (int i = 0; i < 9; i++) {
		if (i % 4 == 0)
			ck_assert_int_eq(coro_handle_cancel(handles[i]), 0);
		coro_handle_unref(handles[i]);
	}
	run();
	ck_assert_trace("1 2 3 5 6 7");
}
END_TEST

/* ---- references ---- */

START_TEST(callback_runs_though_its_handle_was_unreferenced)
{
	soon(trace_word, "soon", &handle);
	call_at(5, trace_word, "timer", &other);
	coro_handle_unref(handle);
	coro_handle_unref(other);
	handle = other = NULL;
	run();
	ck_assert_trace("soon timer");
}
END_TEST

START_TEST(handle_may_be_cancelled_and_unreferenced_at_once)
{
	soon(trace_word, "soon", &handle);
	call_at(5, trace_word, "timer", &other);
	ck_assert_int_eq(coro_handle_cancel(handle), 0);
	ck_assert_int_eq(coro_handle_cancel(other), 0);
	coro_handle_unref(handle);
	coro_handle_unref(other);
	handle = other = NULL;
	run();
	ck_assert_trace("");
}
END_TEST

static void let_go(void *arg)
{
	coro_handle_unref(handle);
	handle = NULL;
	trace("let-go");
}

START_TEST(callback_may_give_its_own_handle_back)
{
	soon(let_go, NULL, &handle);
	run();
	call_at(5, let_go, NULL, &handle);
	run();
	ck_assert_trace("let-go let-go");
}
END_TEST

START_TEST(no_handle_is_fine_to_give_back)
{
	coro_handle_unref(NULL);
}
END_TEST

START_TEST(handle_outlives_its_loop)
{
	struct coro_loop *brief;
	struct coro_handle *ran;
	ck_assert_int_eq(coro_loop_create(NULL, &brief), 0);
	ck_assert_int_eq(coro_call_soon(brief, trace_word, (void *)"ran", &ran), 0);
	ck_assert_int_eq(coro_loop_stop(brief), 0);
	ck_assert_int_eq(coro_run_forever(brief), 0);
	ck_assert_int_eq(coro_call_soon(brief, trace_word, (void *)"soon", &handle), 0);
	ck_assert_int_eq(coro_call_at(brief, 5, trace_word, (void *)"timer", &other), 0);
	ck_assert_int_eq(coro_loop_close(brief), 0);
	ck_assert_trace("ran");

	ck_assert(!coro_handle_cancelled(ran));
	ck_assert(coro_handle_cancelled(handle));
	ck_assert(coro_handle_cancelled(other));
	ck_assert_int_eq(coro_handle_when(other), 5);
	ck_assert_int_eq(coro_handle_cancel(ran), -EALREADY);
	ck_assert_int_eq(coro_handle_cancel(handle), 0);
	ck_assert_int_eq(coro_handle_cancel(other), 0);
	coro_handle_unref(ran);
}
END_TEST

/* ---- when ---- */

static void now(void *arg)
{
	trace("%d", (int)coro_loop_time(loop));
	coro_call_later(loop, 10, trace_word, (void *)"again", &other);
}

START_TEST(when_is_the_time_by_the_clock_of_the_loop)
{
	soon(trace_word, "soon", &handle);
	ck_assert_int_eq(coro_handle_when(handle), 0);
	coro_handle_unref(handle);
	call_at(7, now, NULL, &handle);
	ck_assert_int_eq(coro_handle_when(handle), 7);
	run();
	ck_assert_trace("soon 7 again");
	ck_assert_int_eq(coro_handle_when(handle), 7);
	ck_assert_int_eq(coro_handle_when(other), 17);
	ck_assert_int_eq(coro_loop_time(loop), 17);
}
END_TEST

START_TEST(when_stays_when_cancelled)
{
	call_at(7, trace_word, "timer", &handle);
	ck_assert_int_eq(coro_handle_cancel(handle), 0);
	ck_assert_int_eq(coro_handle_when(handle), 7);
}
END_TEST

/* ---- callbacks that call on ---- */

static int left;

static void tick(void *arg)
{
	trace("%d", (int)coro_loop_time(loop));
	coro_handle_unref(handle);
	handle = NULL;
	if (--left > 0)
		ck_assert_int_eq(coro_call_later(loop, 10, tick, NULL, &handle), 0);
}

START_TEST(callback_may_arm_itself_again)
{
	left = 4;
	call_at(5, tick, NULL, &handle);
	run();
	ck_assert_trace("5 15 25 35");
}
END_TEST

static int task(void *arg)
{
	trace("task");
	return 0;
}

static void spawns(void *arg)
{
	ck_assert_int_eq(coro_spawn(task, NULL, NULL), 0);
}

START_TEST(callback_may_spawn)
{
	soon(spawns, NULL, NULL);
	soon(trace_word, "a", NULL);
	run();
	ck_assert_trace("a task");
}
END_TEST

static int calls;

static void count(void *arg)
{
	calls++;
}

START_TEST(callbacks_come_in_any_number)
{
	enum { COUNT = 5000 };
	static struct coro_handle *handles[COUNT];
	for (int round = 0; round < 3; round++) {
		calls = 0;
		for (int i = 0; i < COUNT; i++)
			soon(count, NULL, &handles[i]);
		for (int i = 0; i < COUNT; i++)
			if (i % 3 == 0)
				ck_assert_int_eq(coro_handle_cancel(handles[i]), 0);
		run();
		ck_assert_int_eq(calls, COUNT - (COUNT + 2) / 3);
		for (int i = 0; i < COUNT; i++)
			coro_handle_unref(handles[i]);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);

	tcase_add_test(tests, cancelled_callback_never_runs);
	tcase_add_test(tests, cancelling_again_does_nothing);
	tcase_add_test(tests, callback_that_has_run_cannot_be_cancelled);
	tcase_add_test(tests, callback_cancelled_in_its_turn_does_not_run);
	tcase_add_test(tests, timer_cancelled_in_its_turn_does_not_run);
	tcase_add_test(tests, callback_that_runs_cannot_be_cancelled);
	tcase_add_test(tests, cancelled_timer_does_not_take_time);
	tcase_add_test(tests, timer_cancelled_among_others_leaves_them_in_order);

	tcase_add_test(tests, callback_runs_though_its_handle_was_unreferenced);
	tcase_add_test(tests, handle_may_be_cancelled_and_unreferenced_at_once);
	tcase_add_test(tests, callback_may_give_its_own_handle_back);
	tcase_add_test(tests, no_handle_is_fine_to_give_back);
	tcase_add_test(tests, handle_outlives_its_loop);

	tcase_add_test(tests, when_is_the_time_by_the_clock_of_the_loop);
	tcase_add_test(tests, when_stays_when_cancelled);

	tcase_add_test(tests, callback_may_arm_itself_again);
	tcase_add_test(tests, callback_may_spawn);
	tcase_add_test(tests, callbacks_come_in_any_number);
}

TEST_MAIN("handle", add_tests)
