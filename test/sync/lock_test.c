/* SPDX-License-Identifier: MIT */
/* Locks: taken in the order of coming, and never lost. */
#include "line.h"

static struct coro_lock lock;

static void setup(void)
{
	loop_setup();
	coro_lock_init(&lock);
}

/* Takes the lock, says so by its word, holds it for a while, and gives it back. */
static int locks(void *word)
{
	int r = says_with(word, coro_lock_acquire(&lock));
	if (r < 0)
		return r;
	r = coro_sleep(10);
	ck_assert_int_eq(coro_lock_release(&lock), 0);
	return r;
}

/* ---- alone ---- */

static int takes_and_gives(void *arg)
{
	for (int i = 0; i < 3; i++) {
		ck_assert(!coro_lock_locked(&lock));
		ck_assert_int_eq(coro_lock_acquire(&lock), 0);
		ck_assert(coro_lock_locked(&lock));
		ck_assert_int_eq(coro_lock_release(&lock), 0);
	}
	ck_assert(!coro_lock_locked(&lock));
	trace("done");
	return 0;
}

START_TEST(free_lock_is_taken_without_letting_others_run)
{
	struct coro_future *task = spawn(takes_and_gives, NULL);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("done other");
	assert_ended(task, 0);
}
END_TEST

START_TEST(free_lock_cannot_be_released)
{
	ck_assert_int_eq(coro_lock_release(&lock), -EPERM);
	ck_assert(!coro_lock_locked(&lock));
	ck_assert_int_eq(result_of(takes_and_gives, NULL), 0);
	ck_assert_trace("done");
	ck_assert_int_eq(coro_lock_release(&lock), -EPERM);
}
END_TEST

START_TEST(no_lock_at_all_is_refused)
{
	coro_lock_init(NULL);
	ck_assert_int_eq(coro_lock_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_lock_try_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_lock_release(NULL), -EINVAL);
	ck_assert(!coro_lock_locked(NULL));
}
END_TEST

static void acquires_outside_tasks(void *expected)
{
	ck_assert_int_eq(coro_lock_acquire(&lock), *(int *)expected);
	ck_assert(coro_lock_locked(&lock));
}

START_TEST(outside_a_task_only_a_free_lock_can_be_taken)
{
	int taken = 0, refused = -EPERM;
	acquires_outside_tasks(&taken);
	acquires_outside_tasks(&refused);
	call_outside_tasks(acquires_outside_tasks, &refused);

	struct coro_future *task = start(locks, "a");
	call_outside_tasks(acquires_outside_tasks, &refused);
	ck_assert_int_eq(coro_lock_release(&lock), 0);
	call_outside_tasks(acquires_outside_tasks, &refused);
	run();
	ck_assert_trace("a");
	assert_ended(task, 0);
	ck_assert(!coro_lock_locked(&lock));
	call_outside_tasks(acquires_outside_tasks, &taken);
}
END_TEST

/* ---- in line ---- */

static int tickets, served;

static int is_served_in_turn(void *arg)
{
	int ticket = tickets++;
	ck_assert_int_eq(coro_lock_acquire(&lock), 0);
	ck_assert_int_eq(served++, ticket);
	ck_assert_int_eq(coro_task_yield(), 0);
	ck_assert_int_eq(coro_lock_release(&lock), 0);
	return 0;
}

START_TEST(tasks_get_it_in_the_order_they_came)
{
	struct coro_future *tasks[200];
	for (int i = 0; i < 200; i++)
		tasks[i] = spawn(is_served_in_turn, NULL);
	run();
	ck_assert_int_eq(served, 200);
	for (int i = 0; i < 200; i++)
		assert_ended(tasks[i], 0);
}
END_TEST

static int takes_again(void *word)
{
	ck_assert_int_eq(coro_lock_acquire(&lock), 0);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_int_eq(coro_lock_release(&lock), 0);
	trace("released");
	return locks(word);
}

START_TEST(who_releases_it_and_comes_again_waits_behind_who_was_there)
{
	struct coro_future *again = spawn(takes_again, "again");
	a = spawn(locks, "a");
	b = spawn(locks, "b");
	run();
	ck_assert_trace("released a b again");
	assert_ended(again, 0);
	assert_ended(a, 0);
	assert_ended(b, 0);
}
END_TEST

static void release(void *arg)
{
	ck_assert_int_eq(coro_lock_release(&lock), 0);
}

static int keeps(void *arg)
{
	return coro_lock_acquire(&lock);
}

START_TEST(anyone_may_release_it)
{
	struct coro_future *keeper = spawn(keeps, NULL);
	a = spawn(locks, "a");
	run();
	ck_assert_trace("");
	ck_assert(coro_lock_locked(&lock));
	at(5, release, NULL);
	run();
	ck_assert_trace("a");
	assert_ended(keeper, 0);
	assert_ended(a, 0);
}
END_TEST

START_TEST(lock_looks_free_until_who_was_woken_has_run)
{
	coro_lock_acquire(&lock);
	a = start(locks, "a");
	release(NULL);
	ck_assert(!coro_lock_locked(&lock));
	ck_assert_int_eq(coro_lock_release(&lock), -EPERM);
	b = spawn(locks, "b");
	run();
	ck_assert_trace("a b");
	assert_ended(a, 0);
	assert_ended(b, 0);
}
END_TEST

START_TEST(try_takes_it_only_if_nobody_has_it_or_was_promised_it)
{
	ck_assert_int_eq(coro_lock_try_acquire(&lock), 0);
	ck_assert(coro_lock_locked(&lock));
	ck_assert_int_eq(coro_lock_try_acquire(&lock), -EAGAIN);
	a = start(locks, "a");
	release(NULL);
	ck_assert_int_eq(coro_lock_try_acquire(&lock), -EAGAIN);
	ck_assert(!coro_lock_locked(&lock));
	run();
	ck_assert_trace("a");
	assert_ended(a, 0);
	ck_assert_int_eq(coro_lock_try_acquire(&lock), 0);
}
END_TEST

/* ---- cancelled ---- */

static void line_up_for_the_lock(void)
{
	ck_assert_int_eq(coro_lock_acquire(&lock), 0);
	line_up(locks);
}

static void assert_line_and_free(int of_a, int of_b, int of_c)
{
	assert_line(of_a, of_b, of_c);
	ck_assert(!coro_lock_locked(&lock));
}

START_TEST(lock_passes_all_who_are_cancelled_in_the_same_turn)
{
	line_up_for_the_lock();
	release(NULL);
	cancel(a);
	cancel(b);
	run();
	ck_assert_trace("a! b! c");
	assert_line_and_free(-ECANCELED, -ECANCELED, 0);
}
END_TEST

static int takes_at_once(void *arg)
{
	ck_assert_int_eq(coro_lock_acquire(&lock), 0);
	trace("newcomer");
	return coro_lock_release(&lock);
}

START_TEST(newcomer_gets_it_from_who_was_woken_and_cancelled)
{
	ck_assert_int_eq(coro_lock_acquire(&lock), 0);
	a = start(locks, "a");
	struct coro_future *newcomer = spawn(takes_at_once, NULL);
	release(NULL);
	cancel(a);
	run();
	ck_assert_trace("a! newcomer");
	assert_ended(newcomer, 0);
	assert_ended(a, -ECANCELED);
}
END_TEST

static int passes_one_who_was_cancelled(void *arg)
{
	release(NULL);
	cancel(a);
	ck_assert_int_eq(coro_lock_try_acquire(&lock), -EAGAIN);
	cancel(b);
	cancel(c);
	return 0;
}

/* Of those in line only the first was woken; it is cancelled, and has yet to pass the wake on. */
START_TEST(try_does_not_take_what_a_cancelled_task_was_given)
{
	line_up_for_the_lock();
	ck_assert_int_eq(result_of(passes_one_who_was_cancelled, NULL), 0);
	run();
	ck_assert_trace("a! b! c!");
	assert_line_and_free(-ECANCELED, -ECANCELED, -ECANCELED);
}
END_TEST

/* ---- many ---- */

static struct coro_lock two[2];
static int inside[2], entered, refused;

static int visits(void *which)
{
	int i = (int)(intptr_t)which % 2;
	for (int round = 0; round < 10; round++) {
		if (coro_lock_acquire(&two[i]) < 0) {
			refused++;
			continue;
		}
		ck_assert_int_eq(inside[i]++, 0);
		entered++;
		if (round % 3)
			coro_task_yield();
		ck_assert_int_eq(--inside[i], 0);
		ck_assert_int_eq(coro_lock_release(&two[i]), 0);
	}
	return 0;
}

static void begin_free(void)
{
	coro_lock_init(&two[0]);
	coro_lock_init(&two[1]);
}

static void assert_free(void)
{
	ck_assert(!coro_lock_locked(&two[0]));
	ck_assert(!coro_lock_locked(&two[1]));
}

START_TEST(one_at_a_time_is_inside_in_any_order_of_events)
{
	visit_in_any_order(visits, begin_free, assert_free);
	ck_assert_int_gt(entered, 100);
	ck_assert_int_gt(refused, 100);
}
END_TEST

/* ---- elsewhere ---- */

static int releases(void *arg)
{
	return coro_lock_release(&lock);
}

START_TEST(another_thread_does_not_release_what_tasks_wait_for)
{
	struct coro_future *first = start(locks, "first"), *second = start(locks, "second");
	ck_assert_int_eq(result_elsewhere(releases), -EPERM);
	ck_assert(coro_lock_locked(&lock));
	run();
	ck_assert_trace("first second");
	assert_ended(first, 0);
	assert_ended(second, 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);

	tcase_add_test(tests, free_lock_is_taken_without_letting_others_run);
	tcase_add_test(tests, free_lock_cannot_be_released);
	tcase_add_test(tests, no_lock_at_all_is_refused);
	tcase_add_test(tests, outside_a_task_only_a_free_lock_can_be_taken);

	tcase_add_test(tests, tasks_get_it_in_the_order_they_came);
	tcase_add_test(tests, who_releases_it_and_comes_again_waits_behind_who_was_there);
	tcase_add_test(tests, anyone_may_release_it);
	tcase_add_test(tests, lock_looks_free_until_who_was_woken_has_run);
	tcase_add_test(tests, try_takes_it_only_if_nobody_has_it_or_was_promised_it);

	tcase_add_test(tests, lock_passes_all_who_are_cancelled_in_the_same_turn);
	tcase_add_test(tests, newcomer_gets_it_from_who_was_woken_and_cancelled);
	tcase_add_test(tests, try_does_not_take_what_a_cancelled_task_was_given);

	tcase_add_test(tests, another_thread_does_not_release_what_tasks_wait_for);

	tcase_add_test(tests, one_at_a_time_is_inside_in_any_order_of_events);
}

TEST_MAIN("lock", add_tests)
