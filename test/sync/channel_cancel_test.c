/* SPDX-License-Identifier: MIT */
/* Cancellation, deadlines and discarded tasks: no item of a channel is lost or comes twice. */
#include "sync/letters.h"

/* ---- cancellation ---- */

START_TEST(cancelled_receiver_leaves_the_line)
{
	make(0);
	line_up(receives);
	cancel(a);
	put("1");
	run();
	ck_assert_trace("a! b1");
	cancel(c);
	run();
	ck_assert_trace("c!");
	ck_assert_int_eq(letters_try_send(channel, 'x'), -EAGAIN);
	assert_line(-ECANCELED, 0, -ECANCELED);
}
END_TEST

START_TEST(item_of_a_cancelled_sender_is_not_sent)
{
	make(0);
	line_up(sends);
	cancel(b);
	ck_assert_str_eq(get_all(), "ac");
	run();
	ck_assert_trace("b! a c");
	assert_line(0, -ECANCELED, 0);
}
END_TEST

static int then_waits(int (*fn)(void *), void *word)
{
	int r = fn(word);
	if (r < 0)
		return r;
	r = coro_task_yield();
	trace("then%s", mark(r));
	return r;
}

static int receives_then_waits(void *word)
{
	return then_waits(receives, word);
}

static int sends_then_waits(void *word)
{
	return then_waits(sends, word);
}

START_TEST(item_stands_when_its_receiver_is_cancelled_in_the_same_turn)
{
	make(0);
	a = start(receives_then_waits, "a");
	put("1");
	cancel(a);
	run();
	ck_assert_trace("a1 then!");
	assert_ended(a, -ECANCELED);
}
END_TEST

START_TEST(item_stands_when_its_sender_is_cancelled_in_the_same_turn)
{
	for (size_t capacity = 0; capacity < 2; capacity++) {
		make(capacity);
		if (capacity)
			put("0");
		a = start(sends_then_waits, "a");
		get();
		cancel(a);
		run();
		ck_assert_trace("a then!");
		assert_ended(a, -ECANCELED);
		ck_assert_str_eq(get_all(), capacity ? "a" : "");
		ck_assert_int_eq(coro_channel_destroy(channel), 0);
	}
	channel = NULL;
}
END_TEST

START_TEST(cancellation_that_comes_in_the_next_wait_arrives_there)
{
	make(0);
	a = start(receives_then_waits, "a");
	put("1");
	turn();
	ck_assert_trace("a1");
	cancel(a);
	run();
	ck_assert_trace("then!");
	assert_ended(a, -ECANCELED);
}
END_TEST

static int receives_twice(void *arg)
{
	int r = receives("first-");
	return r < 0 ? r : receives("second-");
}

START_TEST(cancellation_after_an_item_arrives_in_the_next_wait)
{
	make(2);
	a = start(receives_twice, NULL);
	put("12");
	cancel(a);
	run();
	ck_assert_trace("first-1 second-2"); /* and that did not wait */
	assert_ended(a, 0);

	a = start(receives_twice, NULL);
	put("1");
	cancel(a);
	run();
	ck_assert_trace("first-1 second-!");
	assert_ended(a, -ECANCELED);
}
END_TEST

START_TEST(task_that_ends_with_what_it_was_given_is_not_cancelled)
{
	make(0);
	a = start(receives, "a");
	put("1");
	cancel(a);
	run();
	ck_assert_trace("a1");
	ck_assert(!coro_future_cancelled(a));
	assert_ended(a, 0);
}
END_TEST

static int receives_and_cancels_itself(void *word)
{
	int r = receives(word);
	cancel(coro_current_task());
	return r;
}

START_TEST(task_that_cancels_itself_after_an_item_is_cancelled)
{
	make(0);
	a = start(receives_and_cancels_itself, "a");
	put("1");
	cancel(a);
	run();
	ck_assert_trace("a1");
	assert_ended(a, -ECANCELED);
}
END_TEST

START_TEST(refused_and_cancelled_in_one_turn_is_cancelled)
{
	make(0);
	a = start(receives_then_waits, "a");
	close_it(channel);
	cancel(a);
	run();
	ck_assert_trace("a!");
	assert_ended(a, -ECANCELED);
}
END_TEST

static int receives_and_takes_cancellation_back(void *word)
{
	int r = receives(word);
	trace("left-%d", coro_task_uncancel(coro_current_task()));
	trace("then%s", mark(coro_task_yield()));
	return r;
}

START_TEST(cancellation_that_is_still_pending_may_be_taken_back)
{
	make(0);
	a = start(receives_and_takes_cancellation_back, "a");
	put("1");
	cancel(a);
	run();
	ck_assert_trace("a1 left-0 then");
	assert_ended(a, 0);

	a = start(receives_and_takes_cancellation_back, "a");
	put("1");
	cancel(a);
	cancel(a);
	run();
	ck_assert_trace("a1 left-1 then!");
	assert_ended(a, 0);
}
END_TEST

/* ---- deadlines ---- */

static int gives_up(void *word)
{
	struct coro_timeout timeout;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	int r = coro_timeout_end(&timeout, receives(word));
	trace("then%s", mark(coro_task_yield()));
	return r;
}

static void put_it(void *text)
{
	put(text);
}

START_TEST(item_that_comes_after_the_deadline_in_its_tick_stays)
{
	make(1);
	a = start(gives_up, "a"); /* its timer comes first */
	at(3, put_it, "x");
	run();
	ck_assert_trace("a! then");
	assert_ended(a, -ETIMEDOUT);
	ck_assert_str_eq(get_all(), "x");
}
END_TEST

START_TEST(item_that_comes_before_the_deadline_in_its_tick_is_had)
{
	make(1);
	at(3, put_it, "x");
	a = start(gives_up, "a");
	run();
	ck_assert_trace("ax then");
	assert_ended(a, 0);
}
END_TEST

static void put_and_cancel(void *text)
{
	put(text);
	cancel(a);
}

START_TEST(cancellation_beside_a_deadline_is_not_taken_back_with_it)
{
	make(1);
	at(3, put_and_cancel, "x");
	a = start(gives_up, "a");
	run();
	ck_assert_trace("ax then!");
	assert_ended(a, 0);
}
END_TEST

static int gives_up_after_a_cancellation(void *word)
{
	ck_assert_int_eq(receives("first"), -ECANCELED);
	return gives_up(word);
}

START_TEST(deadline_is_taken_back_from_a_task_cancelled_before)
{
	make(1);
	at(3, put_it, "x");
	a = start(gives_up_after_a_cancellation, "a");
	cancel(a);
	run();
	ck_assert_trace("first! ax then");
	assert_ended(a, 0);
}
END_TEST

static int fails(void *arg)
{
	put("x");
	return -EIO;
}

static int has_a_group(void *arg)
{
	struct coro_group *group;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, fails, NULL, NULL), 0);
	int r = coro_group_end(group, receives("a"));
	trace("then%s", mark(coro_task_yield()));
	return r;
}

START_TEST(failure_in_a_group_and_an_item_leave_no_cancellation)
{
	make(0);
	ck_assert_int_eq(result_of(has_a_group, NULL), -EIO);
	ck_assert_trace("ax then");
}
END_TEST

static int waits_for_a(void *arg)
{
	return coro_wait_for(a, 3, NULL);
}

START_TEST(wait_for_that_times_out_as_the_item_comes_gets_it)
{
	make(0);
	a = start(receives, "a");
	at(3, put_it, "x");
	ck_assert_int_eq(result_of(waits_for_a, NULL), 0);
	ck_assert_trace("ax");
	assert_ended(a, 0);
}
END_TEST

/* ---- ends ---- */

START_TEST(task_that_is_discarded_leaves_the_line)
{
	struct coro_channel *other;
	make(0);
	ck_assert_int_eq(letters_create(1, &other), 0);
	coro_future_unref(start(receives, "a"));
	loop_teardown();
	ck_assert_int_eq(letters_try_send(channel, 'x'), -EAGAIN);
	loop_setup();
	coro_future_unref(start(sends, "b"));
	loop_teardown();
	ck_assert_int_eq(letters_try_receive(channel, &(char){0}), -EAGAIN);
	/* And a task that was served, but has not run. */
	loop_setup();
	coro_future_unref(start(receives, "c"));
	put("x");
	loop_teardown();
	loop_setup();
	ck_assert_int_eq(coro_channel_destroy(other), 0);
	ck_assert_trace("");
}
END_TEST

START_TEST(channel_serves_one_loop_of_its_thread_after_another)
{
	make(2);
	ck_assert_int_eq(result_of(sends, "x"), 0);
	loop_teardown();
	loop_setup();
	ck_assert_int_eq(result_of(receives, "b"), 0);
	ck_assert_trace("x bx");
}
END_TEST

/* A generator of what it receives. */
static int yields_received(void *arg)
{
	char letter;
	int r;
	while ((r = letters_receive(channel, &letter)) == 0) {
		r = coro_yield(&letter, NULL);
		if (r < 0)
			return r;
	}
	return r == -EPIPE ? 0 : r;
}

static struct coro *generator;

static int iterates(void *arg)
{
	void *letter;
	int r = coro_create(yields_received, NULL, &generator);
	while (r >= 0 && (r = coro_next(generator, &letter)) > 0)
		trace("%c", *(char *)letter);
	trace("end%s", mark(r));
	coro_destroy(generator);
	return r;
}

START_TEST(generator_receives_for_its_task)
{
	make(0);
	a = start(iterates, NULL);
	put("1");
	turn();
	put("2");
	turn();
	close_it(channel);
	run();
	ck_assert_trace("1 2 end");
	assert_ended(a, 0);

	ck_assert_int_eq(coro_channel_destroy(channel), 0);
	make(0);
	coro_future_unref(start(iterates, NULL)); /* discarded in the generator */
	loop_teardown();
	ck_assert_int_eq(coro_destroy(generator), 0);
	loop_setup();
}
END_TEST

/* Without Check's assertions, which allocate. */
static int sends_many(void *count)
{
	int r = 0;
	for (long i = 0; i < (long)count && r == 0; i++)
		r = letters_send(channel, (char)i);
	return r;
}

static int receives_many(void *count)
{
	int r = 0;
	for (long i = 0; i < (long)count && r == 0; i++) {
		char letter = '?';
		r = letters_receive(channel, &letter);
		if (r == 0 && letter != (char)i)
			return -EIO;
	}
	return r;
}

START_TEST(waiting_allocates_nothing)
{
	for (size_t capacity = 0; capacity < 3; capacity++) {
		make(capacity);
		a = start(sends_many, (void *)1000L);
		b = spawn(receives_many, (void *)1000L);
		c = start(says, "started");
		ck_assert_uint_eq(allocations_of_run(), 0);
		ck_assert_trace("started");
		assert_line(0, 0, 0);
		ck_assert_int_eq(coro_channel_destroy(channel), 0);
	}
	channel = NULL;
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, cancelled_receiver_leaves_the_line);
	tcase_add_test(tests, item_of_a_cancelled_sender_is_not_sent);
	tcase_add_test(tests, item_stands_when_its_receiver_is_cancelled_in_the_same_turn);
	tcase_add_test(tests, item_stands_when_its_sender_is_cancelled_in_the_same_turn);
	tcase_add_test(tests, cancellation_that_comes_in_the_next_wait_arrives_there);
	tcase_add_test(tests, cancellation_after_an_item_arrives_in_the_next_wait);
	tcase_add_test(tests, task_that_ends_with_what_it_was_given_is_not_cancelled);
	tcase_add_test(tests, task_that_cancels_itself_after_an_item_is_cancelled);
	tcase_add_test(tests, refused_and_cancelled_in_one_turn_is_cancelled);
	tcase_add_test(tests, cancellation_that_is_still_pending_may_be_taken_back);
	tcase_add_test(tests, item_that_comes_after_the_deadline_in_its_tick_stays);
	tcase_add_test(tests, item_that_comes_before_the_deadline_in_its_tick_is_had);
	tcase_add_test(tests, cancellation_beside_a_deadline_is_not_taken_back_with_it);
	tcase_add_test(tests, deadline_is_taken_back_from_a_task_cancelled_before);
	tcase_add_test(tests, failure_in_a_group_and_an_item_leave_no_cancellation);
	tcase_add_test(tests, wait_for_that_times_out_as_the_item_comes_gets_it);
	tcase_add_test(tests, task_that_is_discarded_leaves_the_line);
	tcase_add_test(tests, channel_serves_one_loop_of_its_thread_after_another);
	tcase_add_test(tests, generator_receives_for_its_task);
	tcase_add_test(tests, waiting_allocates_nothing);
}

TEST_MAIN("channel_cancel", add_tests)
