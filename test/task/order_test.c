/* SPDX-License-Identifier: MIT */
/*
 * The loop's order of events, which is asyncio's. Each test is a small program and the trace that it leaves; the same
 * program in Python leaves the same one.
 */
#include "support.h"

#include <coro.h>
#include <errno.h>

static struct coro_loop *loop;
static struct coro_future *future;

static void say(void *word)
{
	trace("%s", (const char *)word);
}

static void soon(const char *word)
{
	ck_assert_int_eq(coro_call_soon(loop, say, (void *)word, NULL), 0);
}

static void later(int64_t delay, const char *word)
{
	ck_assert_int_eq(coro_call_later(loop, delay, say, (void *)word, NULL), 0);
}

static void on_done(const char *word)
{
	ck_assert_int_eq(coro_future_add_done_callback(future, say, (void *)word), 0);
}

static void call(coro_callback *fn)
{
	ck_assert_int_eq(coro_call_soon(loop, fn, NULL, NULL), 0);
}

static void spawn(coro_fn *fn, const char *word)
{
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, fn, (void *)word, NULL), 0);
}

/* Has the loop make one turn; the trace of that alone. */
static const char *turn(void)
{
	trace_take();
	ck_assert_int_eq(coro_loop_stop(loop), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	return trace_take();
}

/* Runs all there is. */
static const char *run(void)
{
	trace_take();
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	return trace_take();
}

static void setup(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
	ck_assert_int_eq(coro_future_create(loop, &future), 0);
}

static void teardown(void)
{
	coro_future_unref(future);
	ck_assert_int_eq(coro_loop_close(loop), 0);
}

/* ---- callbacks ---- */

START_TEST(callbacks_run_in_the_order_called_for)
{
	soon("a");
	soon("b");
	soon("c");
	ck_assert_str_eq(turn(), "a b c");
	ck_assert_str_eq(turn(), "");
}
END_TEST

static void call_two(void *arg)
{
	say("first");
	soon("second");
	soon("third");
}

START_TEST(callback_from_a_callback_runs_in_the_next_turn)
{
	call(call_two);
	soon("a");
	ck_assert_str_eq(turn(), "first a");
	soon("b");
	ck_assert_str_eq(turn(), "second third b");
}
END_TEST

static void call_two_and_stop(void *arg)
{
	call_two(NULL);
	coro_loop_stop(loop);
}

START_TEST(stop_lets_the_present_turn_end)
{
	call(call_two_and_stop);
	soon("a");
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("first a");
	ck_assert_str_eq(run(), "second third");
}
END_TEST

/* ---- timers ---- */

START_TEST(timers_that_are_due_come_after_what_is_ready)
{
	ck_assert_int_eq(coro_call_at(loop, 0, say, "timer", NULL), 0);
	soon("a");
	soon("b");
	ck_assert_str_eq(turn(), "a b timer");
}
END_TEST

static void arm_and_call(void *arg)
{
	say("now");
	later(0, "timer");
	soon("soon");
}

START_TEST(timer_without_delay_runs_in_the_next_turn)
{
	call(arm_and_call);
	ck_assert_str_eq(turn(), "now");
	ck_assert_str_eq(turn(), "soon timer");
}
END_TEST

START_TEST(timers_run_by_their_times)
{
	later(3, "c");
	later(1, "a");
	later(4, "d");
	later(2, "b");
	ck_assert_str_eq(run(), "a b c d");
}
END_TEST

START_TEST(timers_of_equal_times_run_in_the_order_armed)
{
	static char names[50][4];
	char expected[sizeof(traced.text)] = "";
	struct coro_handle *off[50];
	for (int i = 0; i < 50; i++) {
		snprintf(names[i], sizeof(names[i]), "%d", i);
		ck_assert_int_eq(coro_call_at(loop, 7, say, names[i], &off[i]), 0);
	}
	for (int i = 0; i < 50; i++) {
		if (i % 3 == 0)
			ck_assert_int_eq(coro_handle_cancel(off[i]), 0);
		else
			sprintf(expected + strlen(expected), "%s%d", *expected ? " " : "", i);
		coro_handle_unref(off[i]);
	}
	ck_assert_str_eq(run(), expected);
}
END_TEST

static void arm_equal(void *arg)
{
	say("first");
	later(0, "third");
	soon("second");
}

START_TEST(timer_armed_for_now_by_a_timer_runs_in_the_next_turn)
{
	ck_assert_int_eq(coro_call_at(loop, 5, arm_equal, NULL, NULL), 0);
	later(5, "beside");
	ck_assert_str_eq(run(), "first beside second third");
}
END_TEST

/* ---- tasks ---- */

static int say_task(void *word)
{
	say(word);
	return 0;
}

static int parent(void *arg)
{
	say("parent");
	spawn(say_task, "child");
	soon("callback");
	spawn(say_task, "sibling");
	say("goes-on");
	return 0;
}

START_TEST(spawned_task_runs_in_the_next_turn)
{
	spawn(parent, NULL);
	soon("a");
	ck_assert_str_eq(turn(), "parent goes-on a");
	ck_assert_str_eq(turn(), "child callback sibling");
}
END_TEST

/* Goes on at every turn with the next letter of its word. */
static int by_letters(void *arg)
{
	const char *word = arg;
	for (; *word; word++) {
		char letter[] = {*word, '\0'};
		say(letter);
		coro_sleep(0);
	}
	return 0;
}

START_TEST(sleep_of_nothing_gives_way_once)
{
	spawn(by_letters, "ace");
	spawn(by_letters, "bdf");
	ck_assert_str_eq(turn(), "a b");
	ck_assert_str_eq(turn(), "c d");
	ck_assert_str_eq(turn(), "e f");
}
END_TEST

START_TEST(sleep_of_nothing_gives_way_once_and_is_no_timer)
{
	spawn(by_letters, "adg");
	spawn(by_letters, "beh");
	spawn(by_letters, "cfi");
	ck_assert_str_eq(run(), "a b c d e f g h i");
}
END_TEST

static int gives_way_in_other_words(void *arg)
{
	say("a");
	coro_sleep(-5);
	say("b");
	coro_task_yield();
	say("c");
	return 0;
}

START_TEST(negative_sleep_and_yield_give_way_once)
{
	spawn(gives_way_in_other_words, NULL);
	ck_assert_str_eq(turn(), "a");
	ck_assert_str_eq(turn(), "b");
	ck_assert_str_eq(turn(), "c");
}
END_TEST

static int calls_while_giving_way(void *arg)
{
	say("1");
	soon("x");
	coro_sleep(0);
	say("2");
	soon("y");
	coro_sleep(0);
	say("3");
	return 0;
}

START_TEST(callbacks_of_a_task_keep_their_place_among_tasks)
{
	spawn(calls_while_giving_way, NULL);
	spawn(by_letters, "abc");
	ck_assert_str_eq(run(), "1 a x 2 b y 3 c");
}
END_TEST

static int sleeper(void *word)
{
	coro_sleep(5);
	say(word);
	return 0;
}

static void timer_and_call(void *arg)
{
	say("timer");
	soon("soon");
}

/* The timer makes the sleep's future done; that wakes the task, a turn later. */
START_TEST(sleeping_task_wakes_a_turn_after_its_timer)
{
	spawn(sleeper, "awake");
	ck_assert_str_eq(turn(), "");
	ck_assert_int_eq(coro_call_later(loop, 5, timer_and_call, NULL, NULL), 0);
	ck_assert_str_eq(run(), "timer awake soon");
}
END_TEST

START_TEST(sleeping_task_wakes_after_what_an_earlier_timer_called)
{
	ck_assert_int_eq(coro_call_later(loop, 5, timer_and_call, NULL, NULL), 0);
	spawn(sleeper, "awake");
	ck_assert_str_eq(run(), "timer soon awake");
}
END_TEST

START_TEST(tasks_asleep_until_one_time_wake_in_the_order_they_slept)
{
	spawn(sleeper, "a");
	spawn(sleeper, "b");
	spawn(sleeper, "c");
	ck_assert_str_eq(run(), "a b c");
}
END_TEST

static int sleeps_for(void *arg)
{
	const char *word = arg;
	coro_sleep(*word - '0');
	say(arg);
	return 0;
}

START_TEST(sleeping_sorts)
{
	spawn(sleeps_for, "5");
	spawn(sleeps_for, "3");
	spawn(sleeps_for, "0");
	spawn(sleeps_for, "9");
	spawn(sleeps_for, "1");
	ck_assert_str_eq(run(), "0 1 3 5 9");
	ck_assert_int_eq(coro_loop_time(loop), 9);
}
END_TEST

/* ---- futures ---- */

static int waits(void *word)
{
	ck_assert_int_eq(coro_await(future, NULL), 0);
	say(word);
	return 0;
}

static void make_done(void *arg)
{
	ck_assert_int_eq(coro_future_set_result(future, NULL), 0);
	say("done");
}

START_TEST(waiters_and_callbacks_follow_in_the_order_they_came)
{
	spawn(waits, "a");
	ck_assert_str_eq(turn(), "");
	on_done("b");
	spawn(waits, "c");
	ck_assert_str_eq(turn(), "");
	on_done("d");
	on_done("e");
	spawn(waits, "f");
	ck_assert_str_eq(turn(), "");
	soon("before");
	make_done(NULL);
	soon("after");
	ck_assert_str_eq(turn(), "before a b c d e f after");
}
END_TEST

START_TEST(callbacks_of_a_future_run_a_turn_after_it_is_done)
{
	on_done("callback");
	call(make_done);
	soon("a");
	ck_assert_str_eq(turn(), "done a");
	ck_assert_str_eq(turn(), "callback");
}
END_TEST

START_TEST(callback_of_a_done_future_runs_in_the_next_turn)
{
	make_done(NULL);
	soon("a");
	on_done("callback");
	soon("b");
	ck_assert_str_eq(turn(), "a callback b");
}
END_TEST

static int awaits_the_done(void *arg)
{
	say("awaits");
	spawn(say_task, "other");
	soon("callback");
	ck_assert_int_eq(coro_await(future, NULL), 0);
	say("goes-on");
	return 0;
}

START_TEST(await_of_a_done_future_does_not_suspend)
{
	make_done(NULL);
	spawn(awaits_the_done, NULL);
	ck_assert_str_eq(turn(), "awaits goes-on");
	ck_assert_str_eq(turn(), "other callback");
}
END_TEST

static int awaits_child(void *arg)
{
	struct coro_future *child;
	say("parent");
	ck_assert_int_eq(coro_spawn(say_task, "child", &child), 0);
	ck_assert_int_eq(coro_await(child, NULL), 0);
	say("awaited");
	ck_assert_int_eq(coro_await(child, NULL), 0);
	say("again");
	coro_future_unref(child);
	return 0;
}

START_TEST(waiter_of_a_task_runs_a_turn_after_its_end)
{
	spawn(awaits_child, NULL);
	ck_assert_str_eq(turn(), "parent");
	soon("a");
	ck_assert_str_eq(turn(), "child a");
	soon("b");
	ck_assert_str_eq(turn(), "awaited again b");
}
END_TEST

START_TEST(waiter_of_a_task_runs_a_turn_later_among_tasks_alone)
{
	spawn(awaits_child, NULL);
	spawn(by_letters, "abcd");
	ck_assert_str_eq(run(), "parent a child b awaited again c d");
}
END_TEST

static int chain(void *arg)
{
	intptr_t left = (intptr_t)arg;
	char word[] = {(char)('0' + left), '\0'};
	struct coro_future *next;
	if (left == 0) {
		coro_await(future, NULL);
	} else {
		coro_spawn(chain, (void *)(left - 1), &next);
		coro_await(next, NULL);
		coro_future_unref(next);
	}
	say(word);
	return 0;
}

START_TEST(each_link_of_a_chain_of_tasks_ends_a_turn_later)
{
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, chain, (void *)3, NULL), 0);
	ck_assert_str_eq(run(), "");
	call(make_done);
	ck_assert_str_eq(turn(), "done");
	ck_assert_str_eq(turn(), "0");
	ck_assert_str_eq(turn(), "1");
	ck_assert_str_eq(turn(), "2");
	ck_assert_str_eq(turn(), "3");
}
END_TEST

static int makes_done(void *arg)
{
	make_done(NULL);
	say("goes-on");
	return 0;
}

START_TEST(making_a_future_done_does_not_switch)
{
	spawn(waits, "waiter");
	spawn(makes_done, NULL);
	spawn(say_task, "other");
	ck_assert_str_eq(turn(), "done goes-on other");
	ck_assert_str_eq(turn(), "waiter");
}
END_TEST

/* ---- cancellation ---- */

static struct coro_future *victim;

static int says_when_cancelled(void *word)
{
	int r = coro_await(future, NULL);
	ck_assert_int_eq(r, -ECANCELED);
	say(word);
	return r;
}

static void cancel_victim(void *arg)
{
	ck_assert_int_eq(coro_cancel(victim), 1);
	say("cancel");
}

START_TEST(cancelled_task_wakes_with_all_who_wait_for_its_future)
{
	spawn(says_when_cancelled, "a");
	turn();
	on_done("b");
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, says_when_cancelled, "c", &victim), 0);
	turn();
	on_done("d");
	call(cancel_victim);
	soon("e");
	ck_assert_str_eq(turn(), "cancel e");
	ck_assert_str_eq(turn(), "a b c d");
	coro_future_unref(victim);
}
END_TEST

static int says_end_of_sleep(void *word)
{
	int r = coro_sleep(5);
	say(word);
	return r;
}

START_TEST(cancelled_sleeper_wakes_in_the_next_turn)
{
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, says_end_of_sleep, "sleeper", &victim), 0);
	turn();
	ck_assert_int_eq(coro_future_add_done_callback(victim, say, "callback"), 0);
	call(cancel_victim);
	soon("a");
	ck_assert_str_eq(turn(), "cancel a");
	ck_assert_str_eq(turn(), "sleeper");
	ck_assert_str_eq(turn(), "callback");
	coro_future_unref(victim);
}
END_TEST

START_TEST(sleeper_cancelled_in_its_timers_turn_wakes_by_the_cancel)
{
	ck_assert_int_eq(coro_call_at(loop, 5, cancel_victim, NULL, NULL), 0);
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, says_end_of_sleep, "sleeper", &victim), 0);
	spawn(says_end_of_sleep, "other");
	turn();
	ck_assert_int_eq(coro_call_at(loop, 5, timer_and_call, NULL, NULL), 0);
	ck_assert_str_eq(run(), "cancel timer sleeper other soon");
	ck_assert(coro_future_cancelled(victim));
	coro_future_unref(victim);
}
END_TEST

START_TEST(task_cancelled_while_ready_keeps_its_place)
{
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, by_letters, "ad", &victim), 0);
	spawn(by_letters, "be");
	ck_assert_str_eq(turn(), "a b");
	spawn(by_letters, "c");
	ck_assert_int_eq(coro_cancel(victim), 1);
	ck_assert_str_eq(turn(), "d e c");
	coro_future_unref(victim);
}
END_TEST

START_TEST(task_cancelled_before_it_started_ends_in_its_place)
{
	spawn(say_task, "a");
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, say_task, "never", &victim), 0);
	ck_assert_int_eq(coro_future_add_done_callback(victim, say, "callback"), 0);
	spawn(by_letters, "bc");
	cancel_victim(NULL);
	ck_assert_str_eq(turn(), "a b");
	ck_assert(coro_future_done(victim));
	ck_assert_str_eq(turn(), "callback c");
	coro_future_unref(victim);
}
END_TEST

static int cancels_oneself(void *arg)
{
	ck_assert_int_eq(coro_cancel(coro_current_task()), 1);
	say("asked");
	ck_assert_int_eq(coro_await(future, NULL), -ECANCELED);
	say("cancelled");
	return 0;
}

START_TEST(self_cancelled_task_learns_a_turn_after_its_wait)
{
	on_done("callback");
	spawn(cancels_oneself, NULL);
	soon("a");
	ck_assert_str_eq(turn(), "asked a");
	ck_assert_str_eq(turn(), "callback cancelled");
}
END_TEST

static int awaits_itself(void *arg)
{
	say("await");
	ck_assert_int_eq(coro_await(coro_current_task(), NULL), -EDEADLK);
	say("refused");
	return 0;
}

START_TEST(await_of_oneself_is_refused_a_turn_later)
{
	spawn(awaits_itself, NULL);
	soon("a");
	ck_assert_str_eq(turn(), "await a");
	ck_assert_str_eq(turn(), "refused");
}
END_TEST

/* ---- run_until_complete ---- */

static void calls_on(void *arg)
{
	say("called");
	soon("not-yet");
}

START_TEST(run_until_complete_ends_a_turn_after_the_future)
{
	call(make_done);
	soon("a");
	on_done("b");
	ck_assert_int_eq(coro_future_add_done_callback(future, calls_on, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, future, NULL), 0);
	ck_assert_trace("done a b called");
	ck_assert_str_eq(run(), "not-yet");
}
END_TEST

START_TEST(run_until_complete_of_a_done_future_makes_one_turn)
{
	make_done(NULL);
	trace_take();
	call(calls_on);
	spawn(by_letters, "xy");
	ck_assert_int_eq(coro_run_until_complete(loop, future, NULL), 0);
	ck_assert_trace("called x");
	ck_assert_str_eq(run(), "not-yet y");
}
END_TEST

/* ---- generators ---- */

static int letters(void *arg)
{
	for (char *at = arg; *at; at++)
		coro_yield(at, NULL);
	return 0;
}

static int slow_letters(void *arg)
{
	for (char *at = arg; *at; at++) {
		coro_sleep(0);
		coro_yield(at, NULL);
	}
	return 0;
}

static int reads(coro_fn *source, void *arg)
{
	struct coro *generator;
	void *item;
	ck_assert_int_eq(coro_create(source, arg, &generator), 0);
	while (coro_next(generator, &item) == 1) {
		char letter[] = {*(char *)item, '\0'};
		say(letter);
	}
	return coro_destroy(generator);
}

static int reads_letters(void *arg)
{
	return reads(letters, arg);
}

static int reads_slow_letters(void *arg)
{
	return reads(slow_letters, arg);
}

START_TEST(generator_steps_take_no_turn)
{
	spawn(reads_letters, "abc");
	spawn(reads_letters, "def");
	ck_assert_str_eq(turn(), "a b c d e f");
}
END_TEST

START_TEST(others_run_while_a_generator_waits)
{
	spawn(reads_slow_letters, "abc");
	spawn(reads_slow_letters, "def");
	ck_assert_str_eq(turn(), "");
	ck_assert_str_eq(turn(), "a d");
	ck_assert_str_eq(turn(), "b e");
	ck_assert_str_eq(turn(), "c f");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);

	tcase_add_test(tests, callbacks_run_in_the_order_called_for);
	tcase_add_test(tests, callback_from_a_callback_runs_in_the_next_turn);
	tcase_add_test(tests, stop_lets_the_present_turn_end);

	tcase_add_test(tests, timers_that_are_due_come_after_what_is_ready);
	tcase_add_test(tests, timer_without_delay_runs_in_the_next_turn);
	tcase_add_test(tests, timers_run_by_their_times);
	tcase_add_test(tests, timers_of_equal_times_run_in_the_order_armed);
	tcase_add_test(tests, timer_armed_for_now_by_a_timer_runs_in_the_next_turn);

	tcase_add_test(tests, spawned_task_runs_in_the_next_turn);
	tcase_add_test(tests, sleep_of_nothing_gives_way_once);
	tcase_add_test(tests, sleep_of_nothing_gives_way_once_and_is_no_timer);
	tcase_add_test(tests, negative_sleep_and_yield_give_way_once);
	tcase_add_test(tests, callbacks_of_a_task_keep_their_place_among_tasks);
	tcase_add_test(tests, sleeping_task_wakes_a_turn_after_its_timer);
	tcase_add_test(tests, sleeping_task_wakes_after_what_an_earlier_timer_called);
	tcase_add_test(tests, tasks_asleep_until_one_time_wake_in_the_order_they_slept);
	tcase_add_test(tests, sleeping_sorts);

	tcase_add_test(tests, waiters_and_callbacks_follow_in_the_order_they_came);
	tcase_add_test(tests, callbacks_of_a_future_run_a_turn_after_it_is_done);
	tcase_add_test(tests, callback_of_a_done_future_runs_in_the_next_turn);
	tcase_add_test(tests, await_of_a_done_future_does_not_suspend);
	tcase_add_test(tests, waiter_of_a_task_runs_a_turn_after_its_end);
	tcase_add_test(tests, waiter_of_a_task_runs_a_turn_later_among_tasks_alone);
	tcase_add_test(tests, each_link_of_a_chain_of_tasks_ends_a_turn_later);
	tcase_add_test(tests, making_a_future_done_does_not_switch);

	tcase_add_test(tests, cancelled_task_wakes_with_all_who_wait_for_its_future);
	tcase_add_test(tests, cancelled_sleeper_wakes_in_the_next_turn);
	tcase_add_test(tests, sleeper_cancelled_in_its_timers_turn_wakes_by_the_cancel);
	tcase_add_test(tests, task_cancelled_while_ready_keeps_its_place);
	tcase_add_test(tests, task_cancelled_before_it_started_ends_in_its_place);
	tcase_add_test(tests, self_cancelled_task_learns_a_turn_after_its_wait);
	tcase_add_test(tests, await_of_oneself_is_refused_a_turn_later);

	tcase_add_test(tests, run_until_complete_ends_a_turn_after_the_future);
	tcase_add_test(tests, run_until_complete_of_a_done_future_makes_one_turn);

	tcase_add_test(tests, generator_steps_take_no_turn);
	tcase_add_test(tests, others_run_while_a_generator_waits);
}

TEST_MAIN("order", add_tests)
