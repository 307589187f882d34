/* SPDX-License-Identifier: MIT */
/* Semaphores: at most n at a time, in the order of coming, and no unit lost. */
#include "line.h"

static struct coro_semaphore semaphore;

static void setup(void)
{
	loop_setup();
	coro_semaphore_init(&semaphore, 0);
}

/* Takes a unit, says so by its word, and keeps it. */
static int takes(void *word)
{
	return says_with(word, coro_semaphore_acquire(&semaphore));
}

static void release(void *arg)
{
	ck_assert_int_eq(coro_semaphore_release(&semaphore), 0);
}

/* How many units can be had without waiting; leaves them there. */
static int units(void)
{
	int count = 0;
	while (!coro_semaphore_locked(&semaphore)) {
		ck_assert_int_eq(coro_semaphore_acquire(&semaphore), 0);
		count++;
	}
	for (int i = 0; i < count; i++)
		release(NULL);
	return count;
}

/* ---- alone ---- */

START_TEST(value_is_what_can_be_had_without_waiting)
{
	for (int value = 0; value < 5; value++) {
		coro_semaphore_init(&semaphore, (size_t)value);
		ck_assert_int_eq(coro_semaphore_locked(&semaphore), value == 0);
		ck_assert_int_eq(units(), value);
		release(NULL);
		ck_assert_int_eq(units(), value + 1);
	}
}
END_TEST

static int takes_three(void *arg)
{
	for (int i = 0; i < 3; i++) {
		ck_assert(!coro_semaphore_locked(&semaphore));
		ck_assert_int_eq(coro_semaphore_acquire(&semaphore), 0);
	}
	ck_assert(coro_semaphore_locked(&semaphore));
	trace("done");
	return 0;
}

START_TEST(units_are_taken_without_letting_others_run)
{
	coro_semaphore_init(&semaphore, 3);
	struct coro_future *task = spawn(takes_three, NULL);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("done other");
	assert_ended(task, 0);
}
END_TEST

START_TEST(no_semaphore_at_all_is_refused)
{
	coro_semaphore_init(NULL, 1);
	coro_semaphore_init_bounded(NULL, 1);
	ck_assert_int_eq(coro_semaphore_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_semaphore_try_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_semaphore_release(NULL), -EINVAL);
	ck_assert(!coro_semaphore_locked(NULL));
}
END_TEST

START_TEST(bounded_one_is_not_released_above_its_first_value)
{
	for (int value = 0; value < 3; value++) {
		coro_semaphore_init_bounded(&semaphore, (size_t)value);
		ck_assert_int_eq(coro_semaphore_release(&semaphore), -EOVERFLOW);
		for (int i = 0; i < value; i++)
			ck_assert_int_eq(coro_semaphore_acquire(&semaphore), 0);
		for (int i = 0; i < value; i++)
			release(NULL);
		ck_assert_int_eq(coro_semaphore_release(&semaphore), -EOVERFLOW);
		ck_assert_int_eq(units(), value);
	}
}
END_TEST

START_TEST(bounded_one_may_be_released_while_others_wait)
{
	coro_semaphore_init_bounded(&semaphore, 1);
	ck_assert_int_eq(coro_semaphore_acquire(&semaphore), 0);
	struct coro_future *task = start(takes, "a");
	release(NULL);
	run();
	assert_ended(task, 0);
	release(NULL);
	ck_assert_int_eq(coro_semaphore_release(&semaphore), -EOVERFLOW);
	ck_assert_trace("a");
}
END_TEST

START_TEST(value_does_not_run_over)
{
	coro_semaphore_init(&semaphore, SIZE_MAX - 1);
	release(NULL);
	ck_assert_int_eq(coro_semaphore_release(&semaphore), -EOVERFLOW);
	ck_assert_int_eq(coro_semaphore_acquire(&semaphore), 0);
	release(NULL);
}
END_TEST

static void takes_outside_tasks(void *expected)
{
	ck_assert_int_eq(coro_semaphore_acquire(&semaphore), *(int *)expected);
}

START_TEST(outside_a_task_only_what_is_there_can_be_taken)
{
	int taken = 0, refused = -EPERM;
	release(NULL);
	takes_outside_tasks(&taken);
	takes_outside_tasks(&refused);
	release(NULL);
	call_outside_tasks(takes_outside_tasks, &taken);
	struct coro_future *task = start(takes, "a");
	call_outside_tasks(takes_outside_tasks, &refused);
	release(NULL);
	run();
	ck_assert_trace("a");
	assert_ended(task, 0);
	ck_assert_int_eq(units(), 0);
}
END_TEST

/* ---- in line ---- */

static int tickets, served, inside;

static int is_served_in_turn(void *arg)
{
	int ticket = tickets++;
	ck_assert_int_eq(coro_semaphore_acquire(&semaphore), 0);
	ck_assert_int_eq(served++, ticket);
	ck_assert_int_le(++inside, 3);
	ck_assert_int_eq(coro_sleep(1 + ticket % 4), 0);
	inside--;
	return coro_semaphore_release(&semaphore);
}

START_TEST(tasks_get_units_in_the_order_they_came)
{
	struct coro_future *tasks[200];
	coro_semaphore_init(&semaphore, 3);
	for (int i = 0; i < 200; i++)
		tasks[i] = spawn(is_served_in_turn, NULL);
	run();
	ck_assert_int_eq(served, 200);
	for (int i = 0; i < 200; i++)
		assert_ended(tasks[i], 0);
	ck_assert_int_eq(units(), 3);
}
END_TEST

START_TEST(each_release_wakes_one)
{
	line_up(takes);
	release(NULL);
	turn();
	ck_assert_trace("a");
	release(NULL);
	release(NULL);
	turn();
	ck_assert_trace("b c");
	assert_line(0, 0, 0);
	ck_assert_int_eq(units(), 0);
}
END_TEST

START_TEST(releases_before_anyone_waits_are_kept)
{
	for (int i = 0; i < 5; i++)
		release(NULL);
	a = start(takes, "a");
	b = start(takes, "b");
	c = start(takes, "c");
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
	ck_assert_int_eq(units(), 2);
}
END_TEST

static int comes_later(void *arg)
{
	release(NULL);
	ck_assert(coro_semaphore_locked(&semaphore));
	return takes("newcomer");
}

START_TEST(newcomer_does_not_overtake_who_was_woken)
{
	line_up(takes);
	struct coro_future *newcomer = spawn(comes_later, NULL);
	run();
	ck_assert_trace("a");
	for (int i = 0; i < 3; i++)
		release(NULL);
	run();
	ck_assert_trace("b c newcomer");
	assert_line(0, 0, 0);
	assert_ended(newcomer, 0);
}
END_TEST

static int releases_two_and_takes_one(void *word)
{
	release(NULL);
	release(NULL);
	return takes(word);
}

START_TEST(newcomer_is_woken_by_who_was_woken_before_if_a_unit_is_left)
{
	a = start(takes, "a");
	ck_assert_int_eq(result_of(releases_two_and_takes_one, "newcomer"), 0);
	ck_assert_trace("a newcomer");
	assert_ended(a, 0);
	ck_assert_int_eq(units(), 0);
}
END_TEST

START_TEST(try_takes_only_what_nobody_waits_for)
{
	ck_assert_int_eq(coro_semaphore_try_acquire(&semaphore), -EAGAIN);
	release(NULL);
	ck_assert_int_eq(coro_semaphore_try_acquire(&semaphore), 0);
	a = start(takes, "a");
	release(NULL);
	release(NULL);
	ck_assert_int_eq(coro_semaphore_try_acquire(&semaphore), -EAGAIN);
	run();
	ck_assert_trace("a");
	assert_ended(a, 0);
	ck_assert_int_eq(coro_semaphore_try_acquire(&semaphore), 0);
	ck_assert_int_eq(units(), 0);
}
END_TEST

/* ---- cancelled ---- */

START_TEST(of_several_units_none_is_lost_with_who_is_cancelled)
{
	line_up(takes);
	release(NULL);
	release(NULL);
	cancel(a);
	cancel(b);
	run();
	ck_assert_trace("a! b! c");
	assert_line(-ECANCELED, -ECANCELED, 0);
	ck_assert_int_eq(units(), 1);
}
END_TEST

START_TEST(units_are_there_again_when_all_in_line_are_cancelled)
{
	line_up(takes);
	for (int i = 0; i < 3; i++)
		release(NULL);
	cancel(c);
	cancel(a);
	cancel(b);
	ck_assert(coro_semaphore_locked(&semaphore));
	run();
	ck_assert_trace("a! b! c!");
	assert_line(-ECANCELED, -ECANCELED, -ECANCELED);
	ck_assert_int_eq(units(), 3);
}
END_TEST

static int says_so_a_turn_later(void *word)
{
	coro_task_yield();
	coro_task_yield();
	trace("%s", (const char *)word);
	return 0;
}

START_TEST(who_is_woken_and_cancelled_hands_on_all_that_is_to_be_had)
{
	struct coro_future *first = start(takes, "a"), *others[3];
	for (int i = 0; i < 3; i++)
		others[i] = spawn(takes, &"b\0c\0d"[2 * i]);
	struct coro_future *later = spawn(says_so_a_turn_later, "later");
	for (int i = 0; i < 3; i++)
		release(NULL);
	cancel(first);
	run();
	ck_assert_trace("a! b c d later");
	assert_ended(first, -ECANCELED);
	for (int i = 0; i < 3; i++)
		assert_ended(others[i], 0);
	assert_ended(later, 0);
	ck_assert_int_eq(units(), 0);
}
END_TEST

static int gives_up(void *word)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	return coro_timeout_end(&timeout, takes(word));
}

/* At the tick of the release: the timer that was armed first fires first. */
START_TEST(unit_released_at_the_tick_of_the_timeout_is_not_lost)
{
	struct coro_future *hasty = spawn(gives_up, "hasty"), *patient = spawn(takes, "patient");
	at(3, release, NULL);
	run();
	ck_assert_trace("hasty! patient");
	assert_ended(hasty, -ETIMEDOUT);
	assert_ended(patient, 0);
	ck_assert_int_eq(units(), 0);
}
END_TEST

/* ---- many ---- */

static int refused;

static int visits(void *arg)
{
	for (int round = 0; round < 10; round++) {
		if (coro_semaphore_acquire(&semaphore) < 0) {
			refused++;
			continue;
		}
		ck_assert_int_le(++inside, 3);
		if (round % 3)
			coro_task_yield();
		inside--;
		ck_assert_int_eq(coro_semaphore_release(&semaphore), 0);
	}
	return 0;
}

static void begin_with_three(void)
{
	coro_semaphore_init_bounded(&semaphore, 3);
}

static void assert_three(void)
{
	ck_assert_int_eq(inside, 0);
	ck_assert_int_eq(units(), 3);
	ck_assert_int_eq(coro_semaphore_release(&semaphore), -EOVERFLOW);
}

START_TEST(no_unit_is_lost_or_made_in_any_order_of_events)
{
	visit_in_any_order(visits, begin_with_three, assert_three);
	ck_assert_int_gt(refused, 100);
}
END_TEST

/* ---- thrown away ---- */

START_TEST(unit_is_not_lost_with_who_is_woken_and_discarded)
{
	line_up(takes);
	release(NULL);
	release(NULL);
	ck_assert_int_eq(units(), 0);
	cancel(b);
	loop_teardown();
	ck_assert_trace("");
	ck_assert_int_eq(units(), 2);
	coro_future_unref(a);
	coro_future_unref(b);
	coro_future_unref(c);
	loop_setup();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);

	tcase_add_test(tests, value_is_what_can_be_had_without_waiting);
	tcase_add_test(tests, units_are_taken_without_letting_others_run);
	tcase_add_test(tests, no_semaphore_at_all_is_refused);
	tcase_add_test(tests, bounded_one_is_not_released_above_its_first_value);
	tcase_add_test(tests, bounded_one_may_be_released_while_others_wait);
	tcase_add_test(tests, value_does_not_run_over);
	tcase_add_test(tests, outside_a_task_only_what_is_there_can_be_taken);

	tcase_add_test(tests, tasks_get_units_in_the_order_they_came);
	tcase_add_test(tests, each_release_wakes_one);
	tcase_add_test(tests, releases_before_anyone_waits_are_kept);
	tcase_add_test(tests, newcomer_does_not_overtake_who_was_woken);
	tcase_add_test(tests, newcomer_is_woken_by_who_was_woken_before_if_a_unit_is_left);
	tcase_add_test(tests, try_takes_only_what_nobody_waits_for);

	tcase_add_test(tests, of_several_units_none_is_lost_with_who_is_cancelled);
	tcase_add_test(tests, units_are_there_again_when_all_in_line_are_cancelled);
	tcase_add_test(tests, who_is_woken_and_cancelled_hands_on_all_that_is_to_be_had);
	tcase_add_test(tests, unit_released_at_the_tick_of_the_timeout_is_not_lost);
	tcase_add_test(tests, unit_is_not_lost_with_who_is_woken_and_discarded);

	tcase_add_test(tests, no_unit_is_lost_or_made_in_any_order_of_events);
}

TEST_MAIN("semaphore", add_tests)
