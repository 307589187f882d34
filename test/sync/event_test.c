/* SPDX-License-Identifier: MIT */
/* Events: all waiters are woken when it is set. */
#include "line.h"

static struct coro_event event;

static void setup(void)
{
	loop_setup();
	coro_event_init(&event);
}

static int waits(void *word)
{
	return says_with(word, coro_event_wait(&event));
}

static void set_event(void *arg)
{
	coro_event_set(&event);
}

/* ---- alone ---- */

START_TEST(event_is_clear_at_first_and_then_what_it_was_made)
{
	ck_assert(!coro_event_is_set(&event));
	for (int i = 0; i < 2; i++) {
		coro_event_set(&event);
		coro_event_set(&event);
		ck_assert(coro_event_is_set(&event));
		coro_event_clear(&event);
		coro_event_clear(&event);
		ck_assert(!coro_event_is_set(&event));
	}
}
END_TEST

START_TEST(no_event_at_all_is_refused)
{
	coro_event_init(NULL);
	ck_assert_int_eq(coro_event_set(NULL), -EINVAL);
	coro_event_clear(NULL);
	ck_assert(!coro_event_is_set(NULL));
	ck_assert_int_eq(coro_event_wait(NULL), -EINVAL);
}
END_TEST

static void waits_outside_tasks(void *expected)
{
	ck_assert_int_eq(coro_event_wait(&event), *(int *)expected);
}

START_TEST(outside_a_task_only_a_set_event_is_no_wait)
{
	int refused = -EPERM, at_once = 0;
	struct coro_future *task = start(waits, "a");
	waits_outside_tasks(&refused);
	call_outside_tasks(waits_outside_tasks, &refused);
	ck_assert_trace("");
	coro_event_set(&event);
	waits_outside_tasks(&at_once);
	call_outside_tasks(waits_outside_tasks, &at_once);
	run();
	ck_assert_trace("a");
	assert_ended(task, 0);
}
END_TEST

/* ---- waiting ---- */

START_TEST(who_was_woken_goes_on_though_it_is_cleared_at_once)
{
	line_up(waits);
	coro_event_set(&event);
	coro_event_clear(&event);
	struct coro_future *late = spawn(waits, "late");
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
	coro_event_set(&event);
	run();
	ck_assert_trace("late");
	assert_ended(late, 0);
}
END_TEST

static int waits_again(void *arg)
{
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_event_wait(&event), 0);
		coro_event_clear(&event);
		trace("%d", (int)coro_loop_time(loop));
	}
	return 0;
}

START_TEST(cleared_event_can_be_waited_for_again)
{
	struct coro_future *task = spawn(waits_again, NULL);
	for (int time = 10; time <= 30; time += 10)
		at(time, set_event, NULL);
	run();
	ck_assert_trace("10 20 30");
	assert_ended(task, 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);

	tcase_add_test(tests, event_is_clear_at_first_and_then_what_it_was_made);
	tcase_add_test(tests, no_event_at_all_is_refused);
	tcase_add_test(tests, outside_a_task_only_a_set_event_is_no_wait);

	tcase_add_test(tests, who_was_woken_goes_on_though_it_is_cleared_at_once);
	tcase_add_test(tests, cleared_event_can_be_waited_for_again);
}

TEST_MAIN("event", add_tests)
