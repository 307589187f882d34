/* SPDX-License-Identifier: MIT */
/* Channels: Go's semantics, where a test's name says so. */
#include "sync/letters.h"

/* ---- misuse ---- */

START_TEST(what_cannot_be_is_refused)
{
	int item = 7;
	ck_assert_int_eq(coro_channel_create(8, 1, NULL), -EINVAL);
	ck_assert_int_eq(coro_channel_create(SIZE_MAX, 2, &channel), -ENOMEM);
	ck_assert_int_eq(coro_channel_create(2, SIZE_MAX, &channel), -ENOMEM);
	ck_assert_int_eq(coro_channel_create(1, SIZE_MAX - 8, &channel), -ENOMEM);
	ck_assert_ptr_null(channel);
	ck_assert_int_eq(coro_channel_destroy(NULL), 0);
	ck_assert_int_eq(coro_channel_send(NULL, &item), -EINVAL);
	ck_assert_int_eq(coro_channel_try_send(NULL, &item), -EINVAL);
	ck_assert_int_eq(coro_channel_receive(NULL, &item), -EINVAL);
	ck_assert_int_eq(coro_channel_try_receive(NULL, &item), -EINVAL);
	ck_assert_int_eq(item, 7);
	ck_assert_int_eq(coro_channel_close(NULL), -EINVAL);
	ck_assert(!coro_channel_closed(NULL));
	ck_assert_uint_eq(coro_channel_length(NULL), 0);
	ck_assert_uint_eq(coro_channel_capacity(NULL), 0);

	make(1);
	ck_assert_int_eq(coro_channel_send(channel, NULL), -EINVAL);
	ck_assert_int_eq(coro_channel_try_send(channel, NULL), -EINVAL);
	ck_assert_uint_eq(coro_channel_length(channel), 0);
}
END_TEST

static int makes_and_uses(void *arg)
{
	struct coro_channel *made = NULL;
	int item = 1, r = coro_channel_create(sizeof(item), 3, &made);
	if (r == 0)
		r = coro_channel_send(made, &item);
	if (r == 0)
		r = coro_channel_receive(made, &item);
	coro_channel_destroy(made);
	return r;
}

START_TEST(allocation_that_fails_is_reported_and_leaves_nothing)
{
	fail_each_allocation(makes_and_uses);
}
END_TEST

static void waits_outside_tasks(void *arg)
{
	ck_assert_int_eq(letters_receive(channel, &(char){0}), -EPERM);
	put("x");
	ck_assert_int_eq(letters_send(channel, 'y'), -EPERM);
	ck_assert_int_eq(letters_try_send(channel, 'y'), -EAGAIN);
	ck_assert_str_eq(get_all(), "x");
	ck_assert_int_eq(letters_try_receive(channel, &(char){0}), -EAGAIN);
}

START_TEST(outside_a_task_only_what_need_not_wait_is_done)
{
	make(1);
	waits_outside_tasks(NULL);
	call_outside_tasks(waits_outside_tasks, NULL);
	ck_assert_int_eq(letters_send(channel, 'x'), 0);
	ck_assert_int_eq(letters_receive(channel, &(char){0}), 0);
	a = start(receives, "a");
	put("z");
	run();
	ck_assert_trace("az");
	assert_ended(a, 0);
}
END_TEST

static void *uses_in_another_thread(void *arg)
{
	char letter = '?';
	int *results = arg;
	results[0] = letters_try_send(channel, 'y');
	results[1] = letters_send(channel, 'y');
	results[2] = letters_try_receive(channel, &letter);
	results[3] = letters_receive(channel, &letter);
	results[4] = coro_channel_close(channel);
	results[5] = coro_channel_destroy(channel);
	results[6] = coro_channel_attach(channel, CORO_SEND);
	results[7] = coro_channel_detach(channel, CORO_SEND);
	results[8] = letter == '?';
	return NULL;
}

START_TEST(another_thread_is_refused)
{
	int results[9] = {0};
	make(2);
	ck_assert_int_eq(coro_channel_attach(channel, CORO_SEND), 0);
	put("x");
	in_thread(uses_in_another_thread, results);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(results[i], -EPERM);
	ck_assert(results[8]);
	ck_assert(!coro_channel_closed(channel));
	ck_assert_str_eq(get_all(), "x");
}
END_TEST

START_TEST(channel_that_somebody_waits_in_cannot_be_destroyed)
{
	make(0);
	a = start(receives, "a");
	ck_assert_int_eq(coro_channel_destroy(channel), -EBUSY);
	put("x");
	b = start(sends, "b");
	ck_assert_int_eq(coro_channel_destroy(channel), -EBUSY);
	close_it(channel);
	/* The woken task no longer needs it, though it has not run. */
	ck_assert_int_eq(coro_channel_destroy(channel), 0);
	channel = NULL;
	run();
	ck_assert_trace("ax b-closed");
	assert_ended(a, 0);
	assert_ended(b, -EPIPE);
}
END_TEST

START_TEST(channel_may_be_destroyed_with_items_inside)
{
	make(3);
	put("abc");
}
END_TEST

/* ---- items ---- */

START_TEST(items_of_any_size_come_out_as_they_went_in)
{
	static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 64, 1000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		enum { COUNT = 5 };
		unsigned char in[1000], out[1001];
		struct coro_channel *made;
		ck_assert_int_eq(coro_channel_create(sizes[i], COUNT, &made), 0);
		for (unsigned n = 0; n < 4 * COUNT; n++) {
			/* Round the end of the ring, with 1 to COUNT items inside. */
			for (unsigned k = 0; k <= n % COUNT; k++) {
				memset(in, (int)(n + k), sizes[i]);
				ck_assert_int_eq(coro_channel_try_send(made, in), 0);
			}
			ck_assert_uint_eq(coro_channel_length(made), n % COUNT + 1);
			for (unsigned k = 0; k <= n % COUNT; k++) {
				memset(in, (int)(n + k), sizes[i]);
				memset(out, 0xee, sizeof(out));
				ck_assert_int_eq(coro_channel_try_receive(made, out), 0);
				ck_assert_mem_eq(in, out, sizes[i]);
				ck_assert_uint_eq(out[sizes[i]], 0xee);
			}
		}
		ck_assert_int_eq(coro_channel_destroy(made), 0);
	}
}
END_TEST

static int receives_a_large_one(void *ret)
{
	return coro_channel_receive(channel, ret);
}

START_TEST(large_item_is_handed_over_whole)
{
	unsigned char in[3000], out[3000] = {0};
	memset(in, 0x5a, sizeof(in));
	ck_assert_int_eq(coro_channel_create(sizeof(in), 0, &channel), 0);
	a = start(receives_a_large_one, out);
	ck_assert_int_eq(coro_channel_try_send(channel, in), 0);
	ck_assert_mem_eq(in, out, sizeof(in)); /* before the receiver has run */
	run();
	assert_ended(a, 0);
}
END_TEST

static int sends_and_changes(void *arg)
{
	int item = 1;
	ck_assert_int_eq(coro_channel_send(channel, &item), 0);
	item = 2;
	ck_assert_int_eq(coro_channel_send(channel, &item), 0);
	item = 3;
	return 0;
}

START_TEST(item_is_copied_so_that_its_sender_may_change_it)
{
	int item = 0;
	ck_assert_int_eq(coro_channel_create(sizeof(item), 4, &channel), 0);
	ck_assert_int_eq(result_of(sends_and_changes, NULL), 0);
	ck_assert_int_eq(coro_channel_try_receive(channel, &item), 0);
	ck_assert_int_eq(item, 1);
	ck_assert_int_eq(coro_channel_try_receive(channel, &item), 0);
	ck_assert_int_eq(item, 2);
}
END_TEST

static int receives_nothing(void *word)
{
	int r = coro_channel_receive(channel, NULL);
	trace("%s%s", (const char *)word, mark(r));
	return r;
}

static int sends_nothing(void *word)
{
	int r = coro_channel_send(channel, NULL);
	trace("%s%s", (const char *)word, mark(r));
	return r;
}

START_TEST(signals_have_no_bytes_but_are_counted)
{
	ck_assert_int_eq(coro_channel_create(0, 2, &channel), 0);
	ck_assert_int_eq(coro_channel_try_send(channel, NULL), 0);
	ck_assert_int_eq(coro_channel_try_send(channel, "any"), 0);
	ck_assert_uint_eq(coro_channel_length(channel), 2);
	line_up(sends_nothing);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(coro_channel_try_receive(channel, NULL), 0);
	ck_assert_int_eq(coro_channel_try_receive(channel, NULL), -EAGAIN);
	run();
	ck_assert_trace("a b c");
	assert_line(0, 0, 0);
	line_up(receives_nothing);
	ck_assert_int_eq(coro_channel_try_send(channel, NULL), 0);
	close_it(channel);
	run();
	ck_assert_trace("a b-closed c-closed");
	assert_line(0, -EPIPE, -EPIPE);
}
END_TEST

START_TEST(item_is_dropped_where_nobody_wants_it)
{
	make(1);
	put("x");
	ck_assert_int_eq(coro_channel_try_receive(channel, NULL), 0);
	a = start(receives_nothing, "a");
	put("y");
	run();
	ck_assert_trace("a");
	assert_ended(a, 0);
	ck_assert_str_eq(get_all(), "");
}
END_TEST

/* ---- without a buffer ---- */

START_TEST(go_send_waits_until_somebody_receives)
{
	make(0);
	ck_assert_uint_eq(coro_channel_capacity(channel), 0);
	ck_assert_int_eq(letters_try_send(channel, 'x'), -EAGAIN);
	a = start(sends, "a");
	ck_assert(!coro_future_done(a));
	ck_assert_uint_eq(coro_channel_length(channel), 0);
	ck_assert_int_eq(get(), 'a');
	run();
	ck_assert_trace("a");
	assert_ended(a, 0);
}
END_TEST

START_TEST(go_receive_waits_until_somebody_sends)
{
	make(0);
	ck_assert_int_eq(letters_try_receive(channel, &(char){0}), -EAGAIN);
	a = start(receives, "a");
	ck_assert(!coro_future_done(a));
	put("x");
	run();
	ck_assert_trace("ax");
	assert_ended(a, 0);
}
END_TEST

static int sends_two(void *arg)
{
	trace("first%s", mark(letters_send(channel, '1')));
	trace("second%s", mark(letters_send(channel, '2')));
	return 0;
}

START_TEST(go_who_finds_the_other_side_waiting_does_not_wait)
{
	make(0);
	a = spawn(receives, "a");
	b = spawn(sends_two, NULL);
	run();
	ck_assert_trace("first a1");
	ck_assert_int_eq(get(), '2');
	run();
	ck_assert_trace("second");
	assert_ended(a, 0);
	assert_ended(b, 0);
}
END_TEST

START_TEST(receivers_are_served_in_the_order_they_came)
{
	make(0);
	line_up(receives);
	put("1");
	turn();
	ck_assert_trace("a1");
	put("23");
	ck_assert_int_eq(letters_try_send(channel, '4'), -EAGAIN);
	run();
	ck_assert_trace("b2 c3");
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(senders_are_served_in_the_order_they_came)
{
	make(0);
	line_up(sends);
	ck_assert_int_eq(get(), 'a');
	turn();
	ck_assert_trace("a");
	ck_assert_str_eq(get_all(), "bc");
	run();
	ck_assert_trace("b c");
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(who_was_served_cannot_be_overtaken_before_it_runs)
{
	make(3);
	a = start(receives, "a");
	put("12");
	ck_assert_int_eq(get(), '2'); /* 1 is a's, though it has not run */
	run();
	ck_assert_trace("a1");
	assert_ended(a, 0);
}
END_TEST

/* ---- with a buffer ---- */

START_TEST(go_send_waits_only_while_the_buffer_is_full)
{
	make(2);
	ck_assert_uint_eq(coro_channel_capacity(channel), 2);
	ck_assert_int_eq(result_of(sends, "1"), 0);
	ck_assert_int_eq(result_of(sends, "2"), 0);
	ck_assert_uint_eq(coro_channel_length(channel), 2);
	ck_assert_int_eq(letters_try_send(channel, 'x'), -EAGAIN);
	ck_assert_trace("1 2");
	line_up(sends);
	ck_assert_int_eq(get(), '1');
	ck_assert_uint_eq(coro_channel_length(channel), 2);
	turn();
	ck_assert_trace("a");
	ck_assert_str_eq(get_all(), "2abc");
	ck_assert_uint_eq(coro_channel_length(channel), 0);
	run();
	ck_assert_trace("b c");
	assert_line(0, 0, 0);
}
END_TEST

START_TEST(go_receive_waits_only_while_the_buffer_is_empty)
{
	make(2);
	put("12");
	ck_assert_int_eq(result_of(receives, ""), 0);
	ck_assert_int_eq(result_of(receives, ""), 0);
	ck_assert_trace("1 2");
	a = start(receives, "a");
	put("34");
	ck_assert_uint_eq(coro_channel_length(channel), 1);
	run();
	ck_assert_trace("a3");
	assert_ended(a, 0);
}
END_TEST

static int sends_and_receives(void *arg)
{
	char letter;
	ck_assert_int_eq(letters_send(channel, 'x'), 0);
	ck_assert_int_eq(letters_receive(channel, &letter), 0);
	trace("%c", letter);
	return 0;
}

START_TEST(what_is_there_is_had_without_letting_others_run)
{
	make(1);
	a = spawn(sends_and_receives, NULL);
	coro_future_unref(spawn(says, "other"));
	run();
	ck_assert_trace("x other");
	assert_ended(a, 0);
}
END_TEST

/* ---- close ---- */

START_TEST(go_what_is_inside_a_closed_channel_still_comes_out)
{
	char letter = '?';
	make(3);
	put("ab");
	ck_assert(!coro_channel_closed(channel));
	close_it(channel);
	ck_assert(coro_channel_closed(channel));
	ck_assert_uint_eq(coro_channel_length(channel), 2);
	ck_assert_str_eq(get_all(), "ab");
	ck_assert_int_eq(letters_try_receive(channel, &letter), -EPIPE);
	ck_assert_int_eq(letters_receive(channel, &letter), -EPIPE);
	ck_assert_int_eq(result_of(receives, ""), -EPIPE);
	ck_assert_int_eq(letter, '?');
	ck_assert_trace("-closed");
}
END_TEST

START_TEST(send_on_a_closed_channel_is_an_error_where_go_panics)
{
	make(3);
	close_it(channel);
	ck_assert_int_eq(letters_try_send(channel, 'x'), -EPIPE);
	ck_assert_int_eq(letters_send(channel, 'x'), -EPIPE);
	ck_assert_int_eq(result_of(sends, "x"), -EPIPE);
	ck_assert_uint_eq(coro_channel_length(channel), 0);
	ck_assert_trace("x-closed");
}
END_TEST

START_TEST(close_of_a_closed_channel_is_an_error_where_go_panics)
{
	make(0);
	close_it(channel);
	ck_assert_int_eq(coro_channel_close(channel), -EALREADY);
	ck_assert(coro_channel_closed(channel));
}
END_TEST

START_TEST(go_close_sends_away_all_who_wait_for_an_item)
{
	make(0);
	line_up(receives);
	close_it(channel);
	run();
	ck_assert_trace("a-closed b-closed c-closed");
	assert_line(-EPIPE, -EPIPE, -EPIPE);
}
END_TEST

START_TEST(close_refuses_all_senders_that_wait_and_drops_their_items)
{
	make(1);
	put("x");
	line_up(sends);
	close_it(channel);
	run();
	ck_assert_trace("a-closed b-closed c-closed");
	ck_assert_str_eq(get_all(), "x");
	assert_line(-EPIPE, -EPIPE, -EPIPE);
}
END_TEST

START_TEST(item_that_came_before_close_is_had_by_who_waited_for_it)
{
	make(0);
	line_up(receives);
	put("x");
	close_it(channel);
	run();
	ck_assert_trace("ax b-closed c-closed");
	assert_line(0, -EPIPE, -EPIPE);
}
END_TEST

/* ---- ends that are counted ---- */

static void attach(enum coro_direction direction)
{
	ck_assert_int_eq(coro_channel_attach(channel, direction), 0);
}

static void detach(enum coro_direction direction)
{
	ck_assert_int_eq(coro_channel_detach(channel, direction), 0);
}

START_TEST(the_last_sender_that_goes_closes_the_channel)
{
	make(2);
	attach(CORO_SEND);
	attach(CORO_SEND);
	put("x");
	a = start(receives, "a");
	b = start(receives, "b");
	detach(CORO_SEND);
	run();
	ck_assert_trace("ax");
	ck_assert(!coro_channel_closed(channel));
	put("yz");
	detach(CORO_SEND);
	run();
	ck_assert_trace("by");
	ck_assert(coro_channel_closed(channel));
	ck_assert_str_eq(get_all(), "z");
	ck_assert_int_eq(letters_receive(channel, &(char){0}), -EPIPE);
	assert_ended(a, 0);
	assert_ended(b, 0);
}
END_TEST

START_TEST(receivers_that_wait_learn_that_no_sender_is_left)
{
	make(0);
	attach(CORO_SEND);
	line_up(receives);
	detach(CORO_SEND);
	run();
	ck_assert_trace("a-closed b-closed c-closed");
	assert_line(-EPIPE, -EPIPE, -EPIPE);
}
END_TEST

START_TEST(senders_that_wait_learn_that_no_receiver_is_left)
{
	make(1);
	attach(CORO_RECEIVE);
	attach(CORO_SEND);
	put("x");
	line_up(sends);
	detach(CORO_RECEIVE);
	run();
	ck_assert_trace("a-closed b-closed c-closed");
	assert_line(-EPIPE, -EPIPE, -EPIPE);
	ck_assert_uint_eq(coro_channel_length(channel), 0);
	ck_assert_int_eq(letters_send(channel, 'y'), -EPIPE);
	detach(CORO_SEND);
}
END_TEST

START_TEST(ends_are_counted_by_who_attached_and_no_more)
{
	make(1);
	ck_assert_int_eq(coro_channel_detach(channel, CORO_SEND), -EINVAL);
	ck_assert_int_eq(coro_channel_attach(channel, (enum coro_direction)2), -EINVAL);
	ck_assert_int_eq(coro_channel_detach(channel, (enum coro_direction)2), -EINVAL);
	ck_assert_int_eq(coro_channel_attach(NULL, CORO_SEND), -EINVAL);
	ck_assert_int_eq(coro_channel_detach(NULL, CORO_SEND), -EINVAL);
	ck_assert(!coro_channel_closed(channel));
	attach(CORO_SEND);
	ck_assert_int_eq(coro_channel_close(channel), 0);
	ck_assert_int_eq(coro_channel_attach(channel, CORO_SEND), -EPIPE);
	detach(CORO_SEND);
	ck_assert_int_eq(coro_channel_detach(channel, CORO_SEND), -EINVAL);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_last_sender_that_goes_closes_the_channel);
	tcase_add_test(tests, receivers_that_wait_learn_that_no_sender_is_left);
	tcase_add_test(tests, senders_that_wait_learn_that_no_receiver_is_left);
	tcase_add_test(tests, ends_are_counted_by_who_attached_and_no_more);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, allocation_that_fails_is_reported_and_leaves_nothing);
	tcase_add_test(tests, outside_a_task_only_what_need_not_wait_is_done);
	tcase_add_test(tests, another_thread_is_refused);
	tcase_add_test(tests, channel_that_somebody_waits_in_cannot_be_destroyed);
	tcase_add_test(tests, channel_may_be_destroyed_with_items_inside);
	tcase_add_test(tests, items_of_any_size_come_out_as_they_went_in);
	tcase_add_test(tests, large_item_is_handed_over_whole);
	tcase_add_test(tests, item_is_copied_so_that_its_sender_may_change_it);
	tcase_add_test(tests, signals_have_no_bytes_but_are_counted);
	tcase_add_test(tests, item_is_dropped_where_nobody_wants_it);
	tcase_add_test(tests, go_send_waits_until_somebody_receives);
	tcase_add_test(tests, go_receive_waits_until_somebody_sends);
	tcase_add_test(tests, go_who_finds_the_other_side_waiting_does_not_wait);
	tcase_add_test(tests, receivers_are_served_in_the_order_they_came);
	tcase_add_test(tests, senders_are_served_in_the_order_they_came);
	tcase_add_test(tests, who_was_served_cannot_be_overtaken_before_it_runs);
	tcase_add_test(tests, go_send_waits_only_while_the_buffer_is_full);
	tcase_add_test(tests, go_receive_waits_only_while_the_buffer_is_empty);
	tcase_add_test(tests, what_is_there_is_had_without_letting_others_run);
	tcase_add_test(tests, go_what_is_inside_a_closed_channel_still_comes_out);
	tcase_add_test(tests, send_on_a_closed_channel_is_an_error_where_go_panics);
	tcase_add_test(tests, close_of_a_closed_channel_is_an_error_where_go_panics);
	tcase_add_test(tests, go_close_sends_away_all_who_wait_for_an_item);
	tcase_add_test(tests, close_refuses_all_senders_that_wait_and_drops_their_items);
	tcase_add_test(tests, item_that_came_before_close_is_had_by_who_waited_for_it);
}

TEST_MAIN("channel", add_tests)
