/* SPDX-License-Identifier: MIT */
/*
 * Calls from other threads: all arrive, in order, and wake a loop that sleeps, at no unneeded cost.
 */
#include "loop/loop.h"

#include "threads.h"

#include <poll.h>
#include <time.h>

static void stop(void *arg)
{
	ck_assert_int_eq(coro_loop_stop(loop), 0);
}

static void say_and_stop(void *word)
{
	trace_word(word);
	stop(NULL);
}

static int call(coro_callback *fn, void *arg)
{
	return coro_call_soon_threadsafe(loop, fn, arg);
}

static void must_call(coro_callback *fn, void *arg)
{
	must(call(fn, arg) == 0);
}

/* Waits until the loop sleeps, by looking again and again. */
static void await_sleep(void)
{
	while (!__atomic_load_n(&sched_of(loop)->inbox.waiting, __ATOMIC_SEQ_CST))
		sched_yield();
}

/* ---- arrival ---- */

static void *three_calls(void *arg)
{
	must_call(trace_word, "a");
	must_call(trace_word, "b");
	must_call(say_and_stop, "c");
	return NULL;
}

START_TEST(calls_from_a_thread_run_in_the_order_they_were_made)
{
	in_thread(three_calls, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("a b c");
}
END_TEST

START_TEST(a_call_from_the_own_thread_queues_behind_what_is_ready)
{
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "a", NULL), 0);
	ck_assert_int_eq(call(trace_word, "b"), 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "c", NULL), 0);
	turn();
	ck_assert_trace("a b c");
}
END_TEST

static void call_again(void *arg)
{
	trace_word("a");
	in_thread(three_calls, NULL);
}

START_TEST(a_call_made_during_a_turn_runs_in_the_next)
{
	ck_assert_int_eq(coro_call_soon(loop, call_again, NULL, NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "b", NULL), 0);
	turn();
	ck_assert_trace("a b");
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("a b c");
}
END_TEST

static bool ended;

static void end(void *arg)
{
	ended = true;
}

static int yields_until_told(void *arg)
{
	int r = 0;
	while (!ended && r == 0)
		r = coro_task_yield();
	return r;
}

static void *call_end(void *arg)
{
	must_call(end, NULL);
	return NULL;
}

START_TEST(tasks_that_never_wait_do_not_keep_a_call_out)
{
	pthread_t thread;
	ended = false;
	struct coro_future *one = spawn(yields_until_told, NULL),
			   *other = spawn(yields_until_told, NULL);
	turn();
	ck_assert_int_eq(pthread_create(&thread, NULL, call_end, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, one, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, other, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	coro_future_unref(one);
	coro_future_unref(other);
}
END_TEST

/* ---- sleep ---- */

static void *stop_sleeper(void *arg)
{
	await_sleep();
	must_call(stop, NULL);
	return NULL;
}

START_TEST(a_call_wakes_a_loop_that_sleeps_with_a_timer_far_off)
{
	pthread_t thread;
	ck_assert_int_eq(coro_call_later(loop, 3600 * CORO_SEC, trace_word, "never", NULL), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, stop_sleeper, NULL), 0);
		ck_assert_int_eq(coro_run_forever(loop), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	}
	ck_assert_trace("");
}
END_TEST

START_TEST(a_held_loop_sleeps_where_it_would_be_deadlocked)
{
	pthread_t thread;
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_int_eq(coro_loop_hold(loop), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_sleeper, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	coro_loop_release(loop);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
}
END_TEST

static void *release_sleeper(void *arg)
{
	await_sleep();
	coro_loop_release(loop);
	return NULL;
}

START_TEST(giving_the_last_hold_back_wakes_the_loop_to_its_deadlock)
{
	pthread_t thread;
	ck_assert_int_eq(coro_loop_hold(loop), 0);
	ck_assert_int_eq(coro_loop_hold(loop), 0);
	coro_loop_release(loop);
	ck_assert_int_eq(pthread_create(&thread, NULL, release_sleeper, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(a_held_loop_waits_for_real_in_virtual_time_too)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	pthread_t thread;
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
	ck_assert_int_eq(coro_loop_hold(loop), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_sleeper, NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(coro_loop_time(loop), 0);
	coro_loop_release(loop);
}
END_TEST

START_TEST(a_loop_that_has_not_slept_has_no_fd)
{
	turn();
	in_thread(three_calls, NULL);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_int_eq(count_fds(), fd_count);
	trace_take();
}
END_TEST

/* Whether there is something to read. */
static bool loud(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	return poll(&pollfd, 1, 0) == 1;
}

START_TEST(only_the_first_call_to_a_sleeper_writes_and_waking_reads_it)
{
	struct inbox inbox;
	inbox_init(&inbox);
	inbox_wake(&inbox); /* awake, and without an fd */
	ck_assert_int_eq(inbox_asleep(&inbox, 5, false), 5);
	int fd = inbox_fd(&inbox);
	ck_assert(!loud(fd));
	inbox_wake(&inbox);
	inbox_wake(&inbox);
	ck_assert(loud(fd));
	inbox_awake(&inbox);
	ck_assert(!loud(fd));
	inbox_wake(&inbox);
	ck_assert(!loud(fd));
	inbox_close(&inbox);
}
END_TEST

static void none(struct message *message)
{
}

START_TEST(a_loop_does_not_fall_asleep_over_a_message)
{
	struct inbox inbox;
	struct message message = {.run = none, .drop = none};
	inbox_init(&inbox);
	ck_assert_int_eq(inbox_push(&inbox, &message), 0);
	ck_assert_int_eq(inbox_asleep(&inbox, CORO_FOREVER, false), 0);
	inbox_awake(&inbox);
	inbox_run(&inbox);
	ck_assert_int_eq(inbox_asleep(&inbox, CORO_FOREVER, false), CORO_FOREVER);
	inbox_awake(&inbox);
	inbox_close(&inbox);
	ck_assert_int_eq(inbox_push(&inbox, &message), -EPIPE);
}
END_TEST

START_TEST(a_discarded_message_does_not_run_and_the_others_do)
{
	struct inbox inbox;
	struct message messages[3];
	inbox_init(&inbox);
	for (int i = 0; i < 3; i++) {
		messages[i] = (struct message){.run = none, .drop = none};
		ck_assert_int_eq(inbox_push(&inbox, &messages[i]), 0);
	}
	messages[1].run = messages[1].drop = NULL;
	inbox_discard(&inbox, &messages[1]);
	inbox_discard(&inbox, &messages[1]);
	inbox_run(&inbox);
	ck_assert(!inbox.taken);
	inbox_close(&inbox);
}
END_TEST

START_TEST(without_a_wake_up_fd_the_loop_polls_now_and_then)
{
	pthread_t thread;
	fail_calls_from("eventfd", 1, EMFILE);
	ck_assert_int_eq(coro_loop_hold(loop), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, call_end, NULL), 0);
	ended = false;
	while (!ended)
		turn();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(coro_call_later(loop, 15 * CORO_MSEC, say_and_stop, "late", NULL), 0);
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_trace("late");
	ck_assert_int_lt(inbox_asleep(&sched_of(loop)->inbox, CORO_FOREVER, false),
			 coro_clock() + CORO_SEC);
	inbox_awake(&sched_of(loop)->inbox);
	ck_assert(fail_call_off());
	coro_loop_release(loop);
}
END_TEST

/* ---- many ---- */

enum { PRODUCERS = 4 };

static int each, received[PRODUCERS], total;
static bool in_order;

struct item {
	int producer, number;
};

static void receive(void *arg)
{
	struct item *item = arg;
	in_order = in_order && received[item->producer] == item->number;
	received[item->producer]++;
	free(item);
	if (++total == PRODUCERS * each)
		stop(NULL);
}

static void *produce(void *arg)
{
	for (int i = 0; i < each; i++) {
		struct item *item = malloc(sizeof(*item));
		must(item != NULL);
		*item = (struct item){*(int *)arg, i};
		must_call(receive, item);
		if (i % 64 == 0)
			sched_yield(); /* so that the loop sleeps now and then */
	}
	coro_loop_release(loop);
	return NULL;
}

START_TEST(of_many_producers_nothing_is_lost_and_each_keeps_its_order)
{
	pthread_t threads[PRODUCERS];
	int numbers[PRODUCERS];
	each = many(20000, 1000);
	total = 0;
	in_order = true;
	memset(received, 0, sizeof(received));
	for (int i = 0; i < PRODUCERS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(coro_loop_hold(loop), 0);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &numbers[i]), 0);
	}
	ck_assert_int_eq(coro_run_forever(loop), 0);
	for (int i = 0; i < PRODUCERS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(received[i], each);
	}
	ck_assert(in_order);
	ck_assert_int_eq(coro_run_forever(loop), -EDEADLK);
}
END_TEST

static int pings;

static void count_ping(void *arg)
{
	__atomic_add_fetch(&pings, 1, __ATOMIC_SEQ_CST);
}

/*
 * Sleeps and wake-ups by turns: each call finds the other side asleep, or about to be. Fewer where many
 * programs share the CPUs and a turn takes its time.
 */
static void *ping(void *arg)
{
	time_t end = time(NULL) + 2;
	for (int i = 0; i < __atomic_load_n(&each, __ATOMIC_SEQ_CST); i++) {
		if (time(NULL) > end)
			__atomic_store_n(&each, i + 1, __ATOMIC_SEQ_CST);
		must_call(count_ping, NULL);
		while (__atomic_load_n(&pings, __ATOMIC_SEQ_CST) == i)
			sched_yield();
	}
	return NULL;
}

START_TEST(no_wake_up_is_lost_between_a_poll_and_sleep)
{
	pthread_t thread;
	each = many(20000, 500);
	pings = 0;
	ck_assert_int_eq(coro_loop_hold(loop), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, ping, NULL), 0);
	while (pings < __atomic_load_n(&each, __ATOMIC_SEQ_CST)) {
		inbox_sleep(&sched_of(loop)->inbox, CORO_FOREVER, false);
		inbox_run(&sched_of(loop)->inbox);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	coro_loop_release(loop);
}
END_TEST

/* ---- the end ---- */

static int late_result;

static void *call_late(void *arg)
{
	struct coro_loop *held = arg;
	late_result = coro_call_soon_threadsafe(held, trace_word, "never");
	coro_loop_release(held);
	return NULL;
}

START_TEST(a_call_to_a_held_loop_that_is_closed_is_refused)
{
	struct coro_loop *held = loop;
	ck_assert_int_eq(coro_loop_hold(held), 0);
	ck_assert_int_eq(coro_loop_close(held), 0);
	ck_assert_int_eq(coro_call_soon_threadsafe(held, trace_word, "never"), -EPIPE);
	in_thread(call_late, held);
	ck_assert_int_eq(late_result, -EPIPE);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

static void *call_once(void *arg)
{
	must_call(trace_word, "never");
	return NULL;
}

START_TEST(calls_that_have_not_run_when_the_loop_is_closed_never_do)
{
	in_thread(call_once, NULL);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_trace("");
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

static int calls;

static void count_call(void *arg)
{
	calls++;
}

static void *call_until_closed(void *arg)
{
	struct coro_loop *held = arg;
	int r;
	while ((r = coro_call_soon_threadsafe(held, count_call, NULL)) == 0)
		;
	coro_loop_release(held);
	return (void *)(intptr_t)r;
}

START_TEST(threads_may_call_while_the_loop_is_being_closed)
{
	pthread_t threads[PRODUCERS];
	calls = 0;
	for (int i = 0; i < PRODUCERS; i++) {
		ck_assert_int_eq(coro_loop_hold(loop), 0);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_until_closed, loop), 0);
	}
	while (calls < 100)
		turn();
	ck_assert_int_eq(coro_loop_close(loop), 0);
	for (int i = 0; i < PRODUCERS; i++) {
		void *r;
		ck_assert_int_eq(pthread_join(threads[i], &r), 0);
		ck_assert_int_eq((intptr_t)r, -EPIPE);
	}
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

static void *call_without_memory(void *arg)
{
	fail_nth(1);
	int r = call(trace_word, "never");
	fail_off();
	return (void *)(intptr_t)r;
}

START_TEST(a_call_without_memory_fails)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq((intptr_t)in_thread(call_without_memory, NULL), -ENOMEM);
}
END_TEST

START_TEST(what_is_no_loop_or_function_is_refused)
{
	ck_assert_int_eq(coro_call_soon_threadsafe(NULL, trace_word, NULL), -EINVAL);
	ck_assert_int_eq(coro_call_soon_threadsafe(loop, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_loop_hold(NULL), -EINVAL);
	coro_loop_release(NULL);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, threads_setup, threads_teardown);
	tcase_add_test(tests, calls_from_a_thread_run_in_the_order_they_were_made);
	tcase_add_test(tests, a_call_from_the_own_thread_queues_behind_what_is_ready);
	tcase_add_test(tests, a_call_made_during_a_turn_runs_in_the_next);
	tcase_add_test(tests, tasks_that_never_wait_do_not_keep_a_call_out);
	tcase_add_test(tests, a_call_wakes_a_loop_that_sleeps_with_a_timer_far_off);
	tcase_add_test(tests, a_held_loop_sleeps_where_it_would_be_deadlocked);
	tcase_add_test(tests, giving_the_last_hold_back_wakes_the_loop_to_its_deadlock);
	tcase_add_test(tests, a_held_loop_waits_for_real_in_virtual_time_too);
	tcase_add_test(tests, a_loop_that_has_not_slept_has_no_fd);
	tcase_add_test(tests, only_the_first_call_to_a_sleeper_writes_and_waking_reads_it);
	tcase_add_test(tests, a_loop_does_not_fall_asleep_over_a_message);
	tcase_add_test(tests, a_discarded_message_does_not_run_and_the_others_do);
	tcase_add_test(tests, without_a_wake_up_fd_the_loop_polls_now_and_then);
	tcase_add_test(tests, of_many_producers_nothing_is_lost_and_each_keeps_its_order);
	tcase_add_test(tests, no_wake_up_is_lost_between_a_poll_and_sleep);
	tcase_add_test(tests, a_call_to_a_held_loop_that_is_closed_is_refused);
	tcase_add_test(tests, calls_that_have_not_run_when_the_loop_is_closed_never_do);
	tcase_add_test(tests, threads_may_call_while_the_loop_is_being_closed);
	tcase_add_test(tests, a_call_without_memory_fails);
	tcase_add_test(tests, what_is_no_loop_or_function_is_refused);
}

TEST_MAIN("inbox", add_tests)
