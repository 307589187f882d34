/* SPDX-License-Identifier: MIT */
/* Streams written: the buffer, its marks, drain, and files. */
#include "stream/streams.h"

#include <wchar.h>

/* ---- writing ---- */

/* A stream that writes to what the test reads from pair.from. */
static void begin_writing(int kind, size_t high, size_t low)
{
	pair = make_pair(kind);
	stream = stream_on(pair.to,
			   (struct coro_stream_options){.high_water = high, .low_water = low});
}

static void end_writing(void)
{
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	turn();
	turn();
	if (pair.from >= 0)
		close(pair.from);
}

static int writes_words(void *arg)
{
	ck_assert_int_eq(coro_stream_write(stream, "one ", 4), 0);
	ck_assert_int_eq(coro_stream_printf(stream, "%s %d ", "two", 2), 0);
	struct iovec vec[] = {{"thr", 3}, {NULL, 0}, {"ee", 2}};
	ck_assert_int_eq(coro_stream_writev(stream, vec, 3), 0);
	ck_assert_int_eq(coro_stream_drain(stream), 0);
	ck_assert_uint_eq(coro_stream_pending(stream), 15);
	return 0;
}

START_TEST(small_writes_go_out_together_in_the_next_turn)
{
	begin_writing(_i, 0, 0);
	/* The first write may find out what the kernel does not know. */
	ck_assert_int_eq(coro_stream_write(stream, "zero", 4), 0);
	turn();
	expect(pair.from, "zero");
	fail_call(NULL, 0, 0);
	struct coro_future *task = start(writes_words, NULL);
	assert_ended(task, 0);
	turn();
	unsigned long calls =
		calls_of("send") + calls_of("sendmsg") + calls_of("write") + calls_of("pwritev2");
	fail_call_off();
	ck_assert_uint_eq(calls, 1);
	expect(pair.from, "one two 2 three");
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	end_writing();
}
END_TEST

static int writes_and_reads(void *arg)
{
	coro_stream_write(stream, "question\n", 9);
	return reads_line(arg);
}

START_TEST(what_was_written_goes_out_before_a_read_waits)
{
	pair = make_pair(UNIX);
	stream = stream_on(pair.to, (struct coro_stream_options){0});
	struct coro_future *task = start(writes_and_reads, NULL);
	expect(pair.from, "question\n");
	put(pair.from, "answer\n");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'answer_'");
	end_writing();
}
END_TEST

/* Reads by the system's own call until there is nothing more for now. */
static size_t take_all(void)
{
	static char bytes[65536];
	size_t length = 0;
	ssize_t n;
	fcntl(pair.from, F_SETFL, fcntl(pair.from, F_GETFL) | O_NONBLOCK);
	while ((n = read(pair.from, bytes, sizeof(bytes))) > 0)
		length += (size_t)n;
	return length;
}

static void assert_waits_to_be_written(const struct coro_future *task)
{
	char text[96], expected[96];
	snprintf(expected, sizeof(expected), "a stream, to be written, %zu bytes left, fd %d",
		 coro_stream_pending(stream), coro_stream_fd(stream));
	ck_assert_int_ge(coro_task_waiting(task, text, sizeof(text)), 0);
	ck_assert_str_eq(text, expected);
}

START_TEST(drain_waits_above_the_high_mark_until_the_low_one)
{
	enum { MUCH = 2000000, HIGH = 400000, LOW = 100000 };
	begin_writing(_i, HIGH, LOW);
	ck_assert_int_eq(result_of(writes_much, N(MUCH)), 0);
	ck_assert_uint_gt(coro_stream_pending(stream), HIGH);
	struct coro_future *task = start(drains, NULL);
	assert_waits_to_be_written(task);
	size_t taken = 0;
	while (!coro_future_done(task)) {
		ck_assert_uint_gt(coro_stream_pending(stream), LOW);
		taken += take_all();
		turn();
		turn();
	}
	ck_assert_trace("drained:0");
	ck_assert_uint_le(coro_stream_pending(stream), LOW);
	coro_future_unref(task);
	ck_assert_does(drains, NULL, "drained:0");
	while (coro_stream_pending(stream) > 0) {
		taken += take_all();
		turn();
	}
	taken += take_all();
	ck_assert_uint_eq(taken, MUCH);
	end_writing();
}
END_TEST

static int flushes(void *arg)
{
	int r = coro_stream_flush(stream);
	trace("flushed:%d", r);
	return r;
}

START_TEST(flush_waits_until_all_has_gone)
{
	begin_writing(UNIX, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(500000)), 0);
	struct coro_future *task = start(flushes, NULL);
	while (!coro_future_done(task)) {
		ck_assert_uint_gt(coro_stream_pending(stream), 0);
		take_all();
		turn();
		turn();
	}
	ck_assert_trace("flushed:0");
	assert_ended(task, 0);
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	ck_assert_does(flushes, NULL, "flushed:0");
	end_writing();
}
END_TEST

START_TEST(a_cancelled_drain_loses_nothing)
{
	enum { MUCH = 2000000 };
	begin_writing(UNIX, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(MUCH)), 0);
	for (int i = 0; i < 2; i++) {
		struct coro_future *task = start(i ? flushes : drains, NULL);
		cancel(task);
		ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
		coro_future_unref(task);
	}
	size_t taken = 0;
	while (coro_stream_pending(stream) > 0) {
		taken += take_all();
		turn();
	}
	taken += take_all();
	ck_assert_uint_eq(taken, MUCH);
	end_writing();
}
END_TEST

START_TEST(after_the_end_of_writing_the_peer_reads_it_and_may_answer)
{
	pair = make_pair(_i);
	stream = stream_on(pair.to, (struct coro_stream_options){0});
	ck_assert_int_eq(coro_stream_write(stream, "last", 4), 0);
	ck_assert_int_eq(coro_stream_write_eof(stream), 0);
	ck_assert_int_eq(coro_stream_write_eof(stream), 0);
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), -EPIPE);
	expect(pair.from, "last");
	expect(pair.from, "");
	put(pair.from, "answer\n");
	ck_assert_does(reads_line, NULL, "'answer_'");
	end_writing();
}
END_TEST

START_TEST(the_end_of_writing_comes_after_what_waits)
{
	enum { MUCH = 500000 };
	begin_writing(TCP, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(MUCH)), 0);
	ck_assert_int_eq(coro_stream_write_eof(stream), 0);
	ck_assert_uint_gt(coro_stream_pending(stream), 0);
	size_t taken = 0;
	while (coro_stream_pending(stream) > 0) {
		taken += take_all();
		turn();
	}
	turn();
	turn();
	taken += take_all();
	ck_assert_uint_eq(taken, MUCH);
	expect(pair.from, "");
	end_writing();
}
END_TEST

START_TEST(a_pipe_has_no_end_of_writing_but_its_close)
{
	enum { MUCH = 500000 };
	begin_writing(PIPE, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(MUCH)), 0);
	ck_assert_int_eq(coro_stream_write_eof(stream), 0);
	ck_assert(coro_stream_is_closing(stream));
	ck_assert_int_eq(coro_stream_write_eof(stream), 0);
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), -EPIPE);
	size_t taken = 0;
	while (coro_stream_fd(stream) >= 0) {
		taken += take_all();
		turn();
	}
	taken += take_all();
	ck_assert_uint_eq(taken, MUCH);
	expect(pair.from, "");
	end_writing();
}
END_TEST

/* Such as terminals. On some kernels a thread writes to them. */
START_TEST(what_has_no_end_of_writing_goes_on)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (_i)
		fail_calls_from("pwritev2", 1, EOPNOTSUPP);
	stream = stream_on(fd, (struct coro_stream_options){0});
	ck_assert_int_eq(coro_stream_write_eof(stream), -EOPNOTSUPP);
	ck_assert(!coro_stream_is_closing(stream));
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), 0);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	fail_call_off();
}
END_TEST

START_TEST(ending_a_connection_that_was_reset_is_writing_to_nobody)
{
	begin(TCP, 0);
	put(pair.to, "abc");
	reset(pair.to);
	pair.to = -1;
	ck_assert_int_eq(coro_stream_write_eof(stream), -EPIPE);
	ck_assert_does(reads_exactly, N(3), "'abc'");
	end();
}
END_TEST

START_TEST(closing_writes_what_is_left_first)
{
	enum { MUCH = 500000 };
	begin_writing(_i, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(MUCH)), 0);
	ck_assert(!coro_stream_is_closing(stream));
	ck_assert_int_eq(coro_stream_close(stream), 0);
	ck_assert_int_eq(coro_stream_close(stream), 0);
	ck_assert(coro_stream_is_closing(stream));
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), -EPIPE);
	struct coro_future *task = start(waits_closed, NULL);
	size_t taken = 0;
	while (!coro_future_done(task)) {
		taken += take_all();
		turn();
	}
	ck_assert_trace("closed:0");
	coro_future_unref(task);
	taken += take_all();
	ck_assert_uint_eq(taken, MUCH);
	expect(pair.from, "");
	ck_assert_does(waits_closed, NULL, "closed:0");
	end_writing();
}
END_TEST

START_TEST(nothing_more_is_read_while_a_stream_is_being_closed)
{
	enum { MUCH = 500000 };
	begin_writing(UNIX, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(MUCH)), 0);
	put(pair.from, "abc");
	ck_assert_does(peeks, N(1), "'abc'");
	struct coro_future *task = start(reads_line, NULL);
	ck_assert_int_eq(coro_stream_close(stream), 0);
	put(pair.from, "d\n");
	turn();
	turn();
	ck_assert(!coro_future_done(task));
	while (!coro_future_done(task)) {
		take_all();
		turn();
	}
	assert_ended(task, 0);
	ck_assert_trace("'abc'");
	end_writing();
}
END_TEST

START_TEST(what_is_left_goes_out_though_the_stream_was_destroyed)
{
	enum { MUCH = 500000 };
	begin_writing(_i, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(MUCH)), 0);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	size_t taken = 0;
	for (int i = 0; i < 1000 && taken < MUCH; i++) {
		taken += take_all();
		turn();
	}
	ck_assert_uint_eq(taken, MUCH);
	turn();
	expect(pair.from, "");
	close(pair.from);
}
END_TEST

/* Else a task that writes and drains, and ignores write's result, would never end. */
START_TEST(once_a_stream_is_closed_drain_says_so)
{
	begin_writing(_i, 0, 0);
	ck_assert_int_eq(coro_stream_close(stream), 0);
	ck_assert_int_eq(coro_stream_fd(stream), -1);
	ck_assert_does(drains, NULL, "drained:-32");
	end_writing();
}
END_TEST

struct rival {
	const char *name;
	int rounds;
};

static int writes_and_drains(void *arg)
{
	struct rival *rival = arg;
	int r = 0;
	while (r == 0) {
		r = writes_much(N(200000));
		if (r == 0)
			r = coro_stream_drain(stream);
		rival->rounds++;
	}
	return r;
}

START_TEST(of_several_that_write_and_drain_each_has_its_turn)
{
	struct rival rivals[3] = {0};
	begin_writing(UNIX, 0, 0);
	for (int i = 0; i < 3; i++)
		coro_future_unref(start(writes_and_drains, &rivals[i]));
	while (rivals[0].rounds < 20) {
		take_all();
		turn();
	}
	for (int i = 1; i < 3; i++)
		ck_assert_int_ge(rivals[i].rounds, 18);
	ck_assert_int_eq(coro_stream_abort(stream), 0);
	turn();
	turn();
	end_writing();
}
END_TEST

START_TEST(an_abort_drops_what_is_left)
{
	begin_writing(UNIX, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(2000000)), 0);
	struct coro_future *task = start(drains, NULL), *closed = start(waits_closed, NULL);
	ck_assert_int_eq(coro_stream_abort(stream), 0);
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	turn();
	ck_assert_trace("drained:0 closed:0");
	assert_ended(task, 0);
	assert_ended(closed, 0);
	ck_assert_uint_lt(take_all(), 2000000);
	expect(pair.from, "");
	end_writing();
}
END_TEST

START_TEST(a_lost_connection_fails_the_next_write)
{
	begin_writing(_i, 0, 0);
	ck_assert_int_eq(result_of(writes_much, N(2000000)), 0);
	struct coro_future *task = start(drains, NULL), *flush = start(flushes, NULL);
	close(pair.from);
	pair.from = -1;
	int r = coro_run_until_complete(loop, task, NULL);
	ck_assert_msg(r == -EPIPE || r == -ECONNRESET, "%s", coro_strerror(r));
	ck_assert_int_eq(coro_run_until_complete(loop, flush, NULL), r);
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), r);
	ck_assert_int_eq(result_of(drains, NULL), r);
	ck_assert_int_eq(coro_stream_close(stream), 0);
	ck_assert_int_eq(result_of(waits_closed, NULL), r);
	coro_future_unref(task);
	coro_future_unref(flush);
	end_writing();
}
END_TEST

START_TEST(a_lost_connection_is_closing_and_wakes_its_waiter)
{
	begin_writing(TCP, 0, 0);
	struct coro_future *closed = start(waits_closed, NULL);
	reset(pair.from);
	pair.from = -1;
	ck_assert_int_eq(_i ? result_of(reads_line, NULL) : result_of(writes_much, N(200000)),
			 -ECONNRESET);
	turn();
	assert_ended(closed, -ECONNRESET);
	ck_assert(coro_stream_is_closing(stream));
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), -ECONNRESET);
	ck_assert_int_eq(result_of(drains, NULL), -ECONNRESET);
	ck_assert_int_eq(coro_stream_write_eof(stream), -ECONNRESET);
	ck_assert_int_ge(coro_stream_fd(stream), 0);
	ck_assert_int_eq(coro_stream_close(stream), 0);
	ck_assert_int_eq(coro_stream_fd(stream), -1);
	ck_assert_int_eq(result_of(waits_closed, NULL), -ECONNRESET);
	end_writing();
}
END_TEST

/* In the C locale there is no such character. */
START_TEST(a_text_that_cannot_be_formatted_is_refused)
{
	begin_writing(UNIX, 0, 0);
	ck_assert_int_eq(coro_stream_printf(stream, "%lc", (wint_t)0x20ac), -EINVAL);
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	end_writing();
}
END_TEST

START_TEST(a_long_text_is_written_whole)
{
	begin_writing(UNIX, 0, 0);
	ck_assert_int_eq(coro_stream_printf(stream, "%5000d", 7), 0);
	ck_assert_uint_eq(coro_stream_pending(stream), 5000);
	turn();
	ck_assert_uint_eq(take_all(), 5000);
	end_writing();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, small_writes_go_out_together_in_the_next_turn, 0, PAIR_KINDS);
	tcase_add_test(tests, what_was_written_goes_out_before_a_read_waits);
	tcase_add_loop_test(tests, drain_waits_above_the_high_mark_until_the_low_one, 0,
			    PAIR_KINDS);
	tcase_add_test(tests, flush_waits_until_all_has_gone);
	tcase_add_test(tests, a_cancelled_drain_loses_nothing);
	tcase_add_loop_test(tests, after_the_end_of_writing_the_peer_reads_it_and_may_answer, UNIX,
			    PAIR_KINDS);
	tcase_add_test(tests, the_end_of_writing_comes_after_what_waits);
	tcase_add_test(tests, a_pipe_has_no_end_of_writing_but_its_close);
	tcase_add_loop_test(tests, what_has_no_end_of_writing_goes_on, 0, 2);
	tcase_add_test(tests, ending_a_connection_that_was_reset_is_writing_to_nobody);
	tcase_add_loop_test(tests, closing_writes_what_is_left_first, 0, PAIR_KINDS);
	tcase_add_test(tests, nothing_more_is_read_while_a_stream_is_being_closed);
	tcase_add_loop_test(tests, once_a_stream_is_closed_drain_says_so, 0, PAIR_KINDS);
	tcase_add_test(tests, of_several_that_write_and_drain_each_has_its_turn);
	tcase_add_loop_test(tests, what_is_left_goes_out_though_the_stream_was_destroyed, 0,
			    PAIR_KINDS);
	tcase_add_test(tests, an_abort_drops_what_is_left);
	tcase_add_loop_test(tests, a_lost_connection_fails_the_next_write, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_lost_connection_is_closing_and_wakes_its_waiter, 0, 2);
	tcase_add_test(tests, a_long_text_is_written_whole);
	tcase_add_test(tests, a_text_that_cannot_be_formatted_is_refused);
}

TEST_MAIN("stream_write", add_tests)
