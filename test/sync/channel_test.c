/* SPDX-License-Identifier: MIT */
/*
 * Channels: Go's semantics, where a test's name says so; no item is lost or comes twice, whichever
 * task waits, is cancelled, or is discarded.
 */
#include "line.h"

CORO_CHANNEL(letters, char);

static struct coro_channel *channel;

static void setup(void)
{
	loop_setup();
	channel = NULL;
}

static void teardown(void)
{
	ck_assert_int_eq(coro_channel_destroy(channel), 0);
	loop_teardown();
}

/* A test's channel: of letters. */
static void make(size_t capacity)
{
	ck_assert_int_eq(letters_create(capacity, &channel), 0);
}

/* Puts in the letters of a text without waiting, or takes one or all out again. */
static void put(const char *text)
{
	for (; *text; text++)
		ck_assert_int_eq(letters_try_send(channel, *text), 0);
}

static char get(void)
{
	char letter = '?';
	ck_assert_int_eq(letters_try_receive(channel, &letter), 0);
	return letter;
}

static const char *get_all(void)
{
	static char text[64];
	size_t count = 0;
	while (letters_try_receive(channel, &text[count]) == 0)
		count++;
	text[count] = '\0';
	return text;
}

static void close_it(void *closed)
{
	ck_assert_int_eq(coro_channel_close(closed), 0);
}

static const char *mark(int r)
{
	return r == 0 ? "" : r == -ECANCELED ? "!" : r == -EPIPE ? "-closed" : "?";
}

/* Receives one, and says which. */
static int receives(void *word)
{
	char letter = '?';
	int r = letters_receive(channel, &letter);
	ck_assert(r == 0 || letter == '?');
	if (r == 0)
		trace("%s%c", (const char *)word, letter);
	else
		trace("%s%s", (const char *)word, mark(r));
	return r;
}

/* Sends the first letter of its word, and says so. */
static int sends(void *word)
{
	int r = letters_send(channel, *(const char *)word);
	trace("%s%s", (const char *)word, mark(r));
	return r;
}

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

static void add(TCase *tests)
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

TEST_MAIN("channel", add)
