/* SPDX-License-Identifier: MIT */
/* Conditions: a wait releases the lock and takes it again, whatever happens. */
#include "line.h"

#include "barrier.h"

static struct coro_condition condition;

static void setup(void)
{
	loop_setup();
	coro_condition_init(&condition, NULL);
}

static void take(void)
{
	ck_assert_int_eq(coro_condition_acquire(&condition), 0);
}

static void give(void)
{
	ck_assert_int_eq(coro_condition_release(&condition), 0);
}

static void assert_held(void)
{
	ck_assert(coro_condition_locked(&condition));
}

static void assert_free(void)
{
	ck_assert(!coro_condition_locked(&condition));
}

/* Waits once, says so by its word with the lock taken, and gives it back. */
static int waits(void *word)
{
	take();
	int r = says_with(word, coro_condition_wait(&condition));
	give();
	return r;
}

/* Notifies with the lock held, outside of tasks. */
static void notify(size_t n)
{
	take();
	ck_assert_int_eq(coro_condition_notify(&condition, n), 0);
	give();
}

static void line_up_and_assert_free(void)
{
	line_up(waits);
	assert_free();
}

static void assert_line_and_free(int of_a, int of_b, int of_c)
{
	assert_line(of_a, of_b, of_c);
	assert_free();
}

/* ---- misuse ---- */

static int waits_without_lock(void *arg)
{
	return coro_condition_wait(&condition);
}

static int never_true(void *arg)
{
	trace("asked");
	return 0;
}

static int waits_for_without_lock(void *arg)
{
	return coro_condition_wait_for(&condition, never_true, NULL);
}

START_TEST(all_but_acquire_needs_the_lock_to_be_held)
{
	ck_assert_int_eq(result_of(waits_without_lock, NULL), -EPERM);
	ck_assert_int_eq(result_of(waits_for_without_lock, NULL), -EPERM);
	ck_assert_trace("asked");
	ck_assert_int_eq(coro_condition_notify(&condition, 1), -EPERM);
	ck_assert_int_eq(coro_condition_notify_all(&condition), -EPERM);
	ck_assert_int_eq(coro_condition_release(&condition), -EPERM);
	assert_free();

	line_up_and_assert_free();
	ck_assert_int_eq(coro_condition_notify_all(&condition), -EPERM);
	run();
	ck_assert_trace("");
	notify(3);
	run();
	ck_assert_trace("a b c");
	assert_line_and_free(0, 0, 0);
}
END_TEST

START_TEST(no_condition_or_predicate_at_all_is_refused)
{
	coro_condition_init(NULL, NULL);
	ck_assert_int_eq(coro_condition_acquire(NULL), -EINVAL);
	ck_assert_int_eq(coro_condition_release(NULL), -EINVAL);
	ck_assert(!coro_condition_locked(NULL));
	ck_assert_int_eq(coro_condition_wait(NULL), -EINVAL);
	ck_assert_int_eq(coro_condition_wait_for(NULL, never_true, NULL), -EINVAL);
	ck_assert_int_eq(coro_condition_wait_for(&condition, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_condition_notify(NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_condition_notify_all(NULL), -EINVAL);
	ck_assert_trace("");
}
END_TEST

static void waits_outside_tasks(void *arg)
{
	take();
	ck_assert_int_eq(coro_condition_wait(&condition), -EPERM);
	ck_assert_int_eq(coro_condition_wait_for(&condition, never_true, NULL), -EPERM);
	ck_assert_int_eq(coro_condition_acquire(&condition), -EPERM);
	assert_held();
	give();
}

START_TEST(outside_a_task_nobody_waits_and_the_lock_stays_held)
{
	waits_outside_tasks(NULL);
	ck_assert_trace("asked");
	line_up_and_assert_free();
	call_outside_tasks(waits_outside_tasks, NULL);
	ck_assert_trace("asked");
	notify(3);
	run();
	ck_assert_trace("a b c");
	assert_line_and_free(0, 0, 0);
}
END_TEST

/* ---- waiting ---- */

START_TEST(wait_gives_the_lock_away_and_has_it_again_at_its_end)
{
	line_up_and_assert_free();
	take();
	ck_assert_int_eq(coro_condition_notify(&condition, 1), 0);
	run();
	ck_assert_trace("");
	give();
	run();
	ck_assert_trace("a");
	notify(2);
	run();
	ck_assert_trace("b c");
	assert_line_and_free(0, 0, 0);
}
END_TEST

START_TEST(notify_wakes_the_first_who_wait)
{
	line_up_and_assert_free();
	notify(0);
	run();
	ck_assert_trace("");
	notify(2);
	run();
	ck_assert_trace("a b");
	notify(2);
	notify(2);
	run();
	ck_assert_trace("c");
	assert_line_and_free(0, 0, 0);
}
END_TEST

START_TEST(two_notifications_in_one_turn_wake_two)
{
	line_up_and_assert_free();
	notify(1);
	notify(1);
	run();
	ck_assert_trace("a b");
	notify(1);
	run();
	assert_line_and_free(0, 0, 0);
}
END_TEST

START_TEST(notify_all_wakes_all_and_none_who_comes_later)
{
	line_up_and_assert_free();
	take();
	ck_assert_int_eq(coro_condition_notify_all(&condition), 0);
	give();
	struct coro_future *late = spawn(waits, "late");
	run();
	ck_assert_trace("a b c");
	assert_line_and_free(0, 0, 0);
	notify(1);
	run();
	ck_assert_trace("late");
	assert_ended(late, 0);
}
END_TEST

START_TEST(notification_that_nobody_waits_for_is_gone)
{
	notify(5);
	line_up_and_assert_free();
	run();
	ck_assert_trace("");
	notify(3);
	run();
	assert_line_and_free(0, 0, 0);
}
END_TEST

static int holds_between(void *arg)
{
	take();
	int r = coro_condition_wait(&condition);
	trace("in");
	coro_sleep(10);
	trace("out");
	give();
	return r;
}

START_TEST(those_woken_together_have_the_lock_one_after_the_other)
{
	struct coro_future *tasks[3];
	for (int i = 0; i < 3; i++)
		tasks[i] = spawn(holds_between, NULL);
	turn();
	notify(3);
	run();
	ck_assert_trace("in out in out in out");
	ck_assert_int_eq(coro_loop_time(loop), 30);
	for (int i = 0; i < 3; i++)
		assert_ended(tasks[i], 0);
}
END_TEST

/* ---- whose lock ---- */

static struct coro_lock lock;
static struct coro_condition full, empty;
static int stored;

static int produces(void *arg)
{
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(coro_lock_acquire(&lock), 0);
		while (stored == 3)
			ck_assert_int_eq(coro_condition_wait(&full), 0);
		stored++;
		ck_assert_int_eq(coro_condition_notify(&empty, 1), 0);
		ck_assert_int_eq(coro_lock_release(&lock), 0);
		ck_assert_int_eq(coro_sleep(i % 3), 0);
	}
	return 0;
}

static int consumes(void *arg)
{
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(coro_condition_acquire(&empty), 0);
		while (stored == 0)
			ck_assert_int_eq(coro_condition_wait(&empty), 0);
		ck_assert_int_le(stored, 3);
		stored--;
		ck_assert_int_eq(coro_condition_notify(&full, 1), 0);
		ck_assert_int_eq(coro_condition_release(&empty), 0);
		ck_assert_int_eq(coro_sleep(i % 5), 0);
	}
	return 0;
}

START_TEST(conditions_may_share_a_lock)
{
	coro_lock_init(&lock);
	coro_condition_init(&full, &lock);
	coro_condition_init(&empty, &lock);
	struct coro_future *producer = spawn(produces, NULL), *one = spawn(consumes, NULL),
			   *two = spawn(consumes, NULL);
	run();
	ck_assert_int_eq(stored, 0);
	assert_ended(producer, 0);
	assert_ended(one, 0);
	assert_ended(two, 0);
}
END_TEST

START_TEST(lock_of_others_is_the_conditions_too)
{
	coro_lock_init(&lock);
	coro_condition_init(&condition, &lock);
	take();
	ck_assert(coro_lock_locked(&lock));
	ck_assert_int_eq(coro_lock_release(&lock), 0);
	assert_free();
	ck_assert_int_eq(coro_lock_acquire(&lock), 0);
	assert_held();
	give();
	ck_assert(!coro_lock_locked(&lock));
}
END_TEST

/* ---- predicates ---- */

static int level;

static int is_high(void *threshold)
{
	return level >= *(int *)threshold ? level : 0;
}

static int waits_until_high(void *threshold)
{
	take();
	int r = coro_condition_wait_for(&condition, is_high, threshold);
	assert_held();
	give();
	trace("%d%s", r < 0 ? 0 : r, r == -ECANCELED ? "!" : "");
	return r;
}

static void rise(void *arg)
{
	level += 10;
	notify(SIZE_MAX);
}

START_TEST(predicate_is_waited_for_and_its_value_returned)
{
	static int low = 5, high = 25;
	struct coro_future *first = spawn(waits_until_high, &high),
			   *second = spawn(waits_until_high, &low);
	for (int time = 1; time <= 3; time++)
		at(time, rise, NULL);
	run();
	ck_assert_trace("10 30");
	assert_ended(first, 30);
	assert_ended(second, 10);
}
END_TEST

START_TEST(predicate_that_holds_is_no_wait)
{
	static int low = 5;
	level = 7;
	struct coro_future *task = spawn(waits_until_high, &low);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("7 other");
	assert_ended(task, 7);
}
END_TEST

static int fails(void *countdown)
{
	return --*(int *)countdown < 0 ? coro_raise(-EIO, "cannot tell") : 0;
}

static int waits_for_failure(void *countdown)
{
	take();
	int r = coro_condition_wait_for(&condition, fails, countdown);
	give();
	return r;
}

START_TEST(failure_of_the_predicate_ends_the_wait)
{
	int countdown = 2;
	struct coro_future *task = spawn(waits_for_failure, &countdown);
	at(1, rise, NULL);
	at(2, rise, NULL);
	run();
	ck_assert_str_eq(coro_future_message(task), "cannot tell");
	assert_ended(task, -EIO);
	assert_free();
}
END_TEST

static int is_high_later(void *threshold)
{
	ck_assert_int_eq(coro_sleep(5), 0);
	return is_high(threshold);
}

static int waits_for_what_waits(void *threshold)
{
	take();
	int r = coro_condition_wait_for(&condition, is_high_later, threshold);
	give();
	return r;
}

START_TEST(predicate_may_wait_itself)
{
	static int low = 5;
	struct coro_future *task = spawn(waits_for_what_waits, &low);
	at(7, rise, NULL);
	run();
	ck_assert_int_eq(coro_loop_time(loop), 12);
	assert_ended(task, 10);
}
END_TEST

START_TEST(cancelled_wait_for_a_predicate_has_the_lock_and_says_so)
{
	static int high = 100;
	struct coro_future *task = start(waits_until_high, &high);
	cancel(task);
	run();
	ck_assert_trace("0!");
	assert_ended(task, -ECANCELED);
	assert_free();
}
END_TEST

/* ---- cancelled ---- */

START_TEST(who_is_cancelled_while_it_waits_has_the_lock_again)
{
	line_up_and_assert_free();
	cancel(b);
	run();
	ck_assert_trace("b! a");
	notify(2);
	run();
	ck_assert_trace("c");
	assert_line_and_free(0, -ECANCELED, 0);
}
END_TEST

START_TEST(who_is_cancelled_waits_for_the_lock_all_the_same)
{
	line_up_and_assert_free();
	take();
	cancel(a);
	run();
	ck_assert_trace("");
	give();
	run();
	ck_assert_trace("a! b");
	notify(2);
	run();
	assert_line_and_free(-ECANCELED, 0, 0);
}
END_TEST

START_TEST(task_cancelled_while_it_relocks_goes_on_to_lock)
{
	line_up_and_assert_free();
	take();
	ck_assert_int_eq(coro_condition_notify(&condition, 1), 0);
	turn();
	for (int i = 0; i < 3; i++) {
		cancel(a); /* it stands in line for the lock */
		turn();
		ck_assert_trace("");
		ck_assert(!coro_future_done(a));
	}
	give();
	run();
	ck_assert_trace("a! b");
	notify(2);
	run();
	ck_assert_trace("c");
	assert_line_and_free(-ECANCELED, 0, 0);
}
END_TEST

START_TEST(who_is_cancelled_twice_has_the_lock_again)
{
	line_up_and_assert_free();
	take();
	cancel(a);
	turn();
	cancel(a);
	turn();
	ck_assert(!coro_future_done(a));
	give();
	run();
	ck_assert_trace("a! b");
	ck_assert_int_eq(coro_task_cancelling(a), 2);
	notify(2);
	run();
	assert_line_and_free(-ECANCELED, 0, 0);
}
END_TEST

START_TEST(lock_goes_on_when_who_takes_it_again_is_woken_and_cancelled)
{
	line_up_and_assert_free();
	take();
	ck_assert_int_eq(coro_condition_notify(&condition, 2), 0);
	turn();
	give();
	cancel(a); /* woken for the lock, and cancelled */
	run();
	/* It came to the end of the line. */
	ck_assert_trace("b a! c");
	assert_line_and_free(-ECANCELED, 0, 0);
}
END_TEST

START_TEST(cancelled_task_without_a_notification_wakes_the_next)
{
	line_up_and_assert_free();
	cancel(a);
	cancel(c);
	run();
	ck_assert_trace("a! c! b");
	assert_line_and_free(-ECANCELED, 0, -ECANCELED);
}
END_TEST

START_TEST(notification_of_all_who_are_cancelled_is_gone)
{
	line_up_and_assert_free();
	notify(3);
	cancel(a);
	cancel(b);
	cancel(c);
	run();
	ck_assert_trace("a! b! c!");
	struct coro_future *late = start(waits, "late");
	run();
	ck_assert(!coro_future_done(late));
	notify(1);
	run();
	assert_ended(late, 0);
	assert_line_and_free(-ECANCELED, -ECANCELED, -ECANCELED);
}
END_TEST

/* ---- elsewhere ---- */

static struct barrier step;

static int takes_and_gives(void *arg)
{
	int r = coro_condition_acquire(&condition);
	return r < 0 ? r : coro_condition_release(&condition);
}

/* Holds the lock, while a task of this thread waits for it, from the first step to the second. */
static int holds(void *arg)
{
	struct coro_future *task;
	int r = coro_condition_acquire(&condition);
	if (r < 0 || (r = coro_spawn(takes_and_gives, NULL, &task)) < 0)
		return r;
	coro_task_yield();
	barrier_wait(&step);
	barrier_wait(&step);
	coro_condition_release(&condition);
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

static void *holds_elsewhere(void *arg)
{
	int *ret = arg;
	*ret = coro_run(holds, NULL);
	return NULL;
}

static int waits_without_luck(void *arg)
{
	take();
	return coro_condition_wait(&condition);
}

START_TEST(who_cannot_take_the_lock_again_learns_why)
{
	pthread_t thread;
	int elsewhere = 1;
	barrier_init(&step, 2);
	struct coro_future *task = start(waits_without_luck, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, holds_elsewhere, &elsewhere), 0);
	barrier_wait(&step);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EPERM);
	coro_future_unref(task);
	ck_assert(coro_condition_locked(&condition)); /* by the others */
	barrier_wait(&step);
	pthread_join(thread, NULL);
	ck_assert_int_eq(elsewhere, 0);
	assert_free();
	barrier_finish(&step);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);

	tcase_add_test(tests, all_but_acquire_needs_the_lock_to_be_held);
	tcase_add_test(tests, no_condition_or_predicate_at_all_is_refused);
	tcase_add_test(tests, outside_a_task_nobody_waits_and_the_lock_stays_held);

	tcase_add_test(tests, wait_gives_the_lock_away_and_has_it_again_at_its_end);
	tcase_add_test(tests, notify_wakes_the_first_who_wait);
	tcase_add_test(tests, two_notifications_in_one_turn_wake_two);
	tcase_add_test(tests, notify_all_wakes_all_and_none_who_comes_later);
	tcase_add_test(tests, notification_that_nobody_waits_for_is_gone);
	tcase_add_test(tests, those_woken_together_have_the_lock_one_after_the_other);

	tcase_add_test(tests, conditions_may_share_a_lock);
	tcase_add_test(tests, lock_of_others_is_the_conditions_too);

	tcase_add_test(tests, predicate_is_waited_for_and_its_value_returned);
	tcase_add_test(tests, predicate_that_holds_is_no_wait);
	tcase_add_test(tests, failure_of_the_predicate_ends_the_wait);
	tcase_add_test(tests, predicate_may_wait_itself);
	tcase_add_test(tests, cancelled_wait_for_a_predicate_has_the_lock_and_says_so);

	tcase_add_test(tests, who_is_cancelled_while_it_waits_has_the_lock_again);
	tcase_add_test(tests, who_is_cancelled_waits_for_the_lock_all_the_same);
	tcase_add_test(tests, task_cancelled_while_it_relocks_goes_on_to_lock);
	tcase_add_test(tests, who_is_cancelled_twice_has_the_lock_again);
	tcase_add_test(tests, lock_goes_on_when_who_takes_it_again_is_woken_and_cancelled);
	tcase_add_test(tests, cancelled_task_without_a_notification_wakes_the_next);
	tcase_add_test(tests, notification_of_all_who_are_cancelled_is_gone);

	tcase_add_test(tests, who_cannot_take_the_lock_again_learns_why);
}

TEST_MAIN("condition", add_tests)
