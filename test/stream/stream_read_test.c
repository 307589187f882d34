/* SPDX-License-Identifier: MIT */
/* Streams read: by lines, numbers and separators, and much at once. */
#include "io/io.h"
#include "stream/streams.h"

/* ---- tasks ---- */

static int reads_lines(void *arg)
{
	const char *line;
	ssize_t n;
	while ((n = coro_stream_readline(stream, &line)) > 0)
		tell(n, line);
	if (n < 0)
		tell(n, "");
	return (int)n;
}

static int reads_all(void *most)
{
	char *bytes;
	ssize_t n = coro_stream_read_all(stream, *(size_t *)most, &bytes);
	tell(n, n < 0 ? "" : bytes);
	if (n >= 0) {
		ck_assert_int_eq(bytes[n], '\0');
		free(bytes);
	}
	return n < 0 ? (int)n : 0;
}

/* ---- reading ---- */

START_TEST(lines_come_one_at_a_time)
{
	begin(_i, 0);
	put(pair.to, "one\ntwo\n\nthr");
	ck_assert_does(reads_line, NULL, "'one_'");
	ck_assert_does(reads_line, NULL, "'two_'");
	ck_assert_does(reads_line, NULL, "'_'");
	struct coro_future *task = start(reads_line, NULL);
	ck_assert_trace("");
	put(pair.to, "ee\nlast");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'three_'");
	ck_assert(!coro_stream_at_eof(stream));
	hang_up();
	ck_assert_does(reads_lines, NULL, "'last'");
	ck_assert(coro_stream_at_eof(stream));
	ck_assert_does(reads_line, NULL, "''");
	end();
}
END_TEST

static int counts_until(void *separator)
{
	const char *text;
	return (int)coro_stream_readuntil(stream, separator, 1, &text);
}

static int counts_what_is_there(void *arg)
{
	const char *text;
	return (int)coro_stream_peek(stream, 1, &text);
}

enum { PIECE = 10000, PIECES = 30 };

/* A task that reads up to a ";" while the pieces come, which have none. */
static struct coro_future *reads_long(int pieces)
{
	static char piece[PIECE + 1];
	memset(piece, 'a', PIECE);
	struct coro_future *task = start(counts_until, ";");
	for (int i = 0; i < pieces; i++) {
		put(pair.to, piece);
		turn();
	}
	return task;
}

/* Not at once to all that the limit allows, which is more than there is. */
START_TEST(the_buffer_grows_with_what_is_in_it)
{
	begin(_i, SIZE_MAX / 4);
	struct coro_future *task = reads_long(PIECES);
	put(pair.to, ";");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), PIECE * PIECES + 1);
	coro_future_unref(task);
	end();
}
END_TEST

START_TEST(the_buffer_does_not_grow_beyond_the_limit)
{
	enum { FIT = 10 };
	begin(_i, FIT * PIECE);
	struct coro_future *task = reads_long(FIT + 1);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EMSGSIZE);
	coro_future_unref(task);
	ck_assert_int_le(result_of(counts_what_is_there, NULL), FIT * PIECE + 1);
	end();
}
END_TEST

/* Reads a line and then all else in one of the ways, each of which must find it whole. */
static int reads_line_and_on(void *way)
{
	const char *line, *rest;
	char bytes[8] = "", *all = NULL;
	ck_assert_int_eq(coro_stream_readline(stream, &line), 3);
	ck_assert_str_eq(line, "ab\n");
	ssize_t n = -EINVAL;
	switch (*(int *)way) {
	case 0:
		n = coro_stream_read(stream, bytes, sizeof(bytes) - 1);
		break;
	case 1:
		n = coro_stream_readexactly(stream, bytes, 3);
		break;
	case 2:
		n = coro_stream_read_all(stream, 100, &all);
		memcpy(bytes, all, 3);
		free(all);
		break;
	case 3:
		n = coro_stream_readuntil(stream, "e", 1, &rest);
		ck_assert_str_eq(rest, "cde");
		memcpy(bytes, rest, 3);
		break;
	case 4:
		n = coro_stream_peek(stream, 3, &rest);
		memcpy(bytes, rest, 3);
		ck_assert_int_eq(coro_stream_consume(stream, 3), 0);
		break;
	default: /* the rest, which no newline ends */
		n = coro_stream_readline(stream, &rest);
		ck_assert_str_eq(rest, "cde");
		memcpy(bytes, rest, 3);
	}
	ck_assert_str_eq(bytes, "cde");
	return (int)n;
}

START_TEST(a_nul_stands_behind_a_line_and_hides_nothing)
{
	begin(0, 0);
	put(pair.to, "ab\ncde");
	hang_up();
	ck_assert_int_eq(result_of(reads_line_and_on, &_i), 3);
	end();
}
END_TEST

/* The last byte that fits is followed by one more. */
static int reads_a_full_block(void *arg)
{
	const char *line;
	ssize_t n = coro_stream_readline(stream, &line);
	ck_assert_int_eq(strlen(line), n);
	return (int)n;
}

START_TEST(a_nul_stands_behind_a_line_that_fills_the_buffer)
{
	static char bytes[BLOCK_SIZE];
	memset(bytes, 'x', sizeof(bytes));
	bytes[sizeof(bytes) - 1] = '\n';
	begin(0, 0);
	struct coro_future *task = start(reads_a_full_block, NULL);
	for (size_t at = 0; at < sizeof(bytes); turn()) {
		ssize_t n = write(pair.to, bytes + at, sizeof(bytes) - at);
		at += n > 0 ? (size_t)n : 0;
	}
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), BLOCK_SIZE);
	coro_future_unref(task);
	hang_up();
	end();
}
END_TEST

START_TEST(lines_are_put_together_byte_by_byte)
{
	begin(_i, 0);
	put(pair.to, "one\r\ntwo\r\n");
	shorten_transfers(1);
	ck_assert_does(reads_until, "\r\n", "'one\r_'");
	ck_assert_does(reads_line, NULL, "'two\r_'");
	fail_call_off();
	end();
}
END_TEST

START_TEST(a_separator_may_come_in_parts)
{
	begin(_i, 0);
	struct coro_future *task = start(reads_until, "=-=");
	const char *parts[] = {"a=-", "b=", "-", "=c=-=x"};
	for (int i = 0; i < 4; i++) {
		ck_assert(!coro_future_done(task));
		put(pair.to, parts[i]);
		turn();
		turn();
	}
	ck_assert_trace("'a=-b=-='");
	assert_ended(task, 0);
	ck_assert_does(reads_until, "=-=", "'c=-='");
	hang_up();
	ck_assert_does(reads_until, "=-=", "INCOMPLETE");
	ck_assert_does(reads_line, NULL, "'x'");
	end();
}
END_TEST

START_TEST(a_line_within_the_limit_is_read_and_a_longer_one_dropped)
{
	begin(UNIX, 4);
	put(pair.to, "1234\n12345\n1\n");
	ck_assert_does(reads_line, NULL, "'1234_'");
	ck_assert_does(reads_line, NULL, "EMSGSIZE");
	ck_assert_does(reads_line, NULL, "'1_'");
	put(pair.to, "123456");
	ck_assert_does(reads_line, NULL, "EMSGSIZE");
	put(pair.to, "7\n8\n");
	ck_assert_does(reads_line, NULL, "'7_'");
	ck_assert_does(reads_line, NULL, "'8_'");
	end();
}
END_TEST

START_TEST(what_is_beyond_the_limit_stays_for_another_way_to_read)
{
	begin(UNIX, 4);
	put(pair.to, "123456");
	ck_assert_does(reads_until, ";", "EMSGSIZE");
	put(pair.to, ";");
	ck_assert_does(reads_until, ";", "EMSGSIZE");
	ck_assert_does(reads_exactly, N(3), "'123'");
	ck_assert_does(reads_until, ";", "'456;'");
	end();
}
END_TEST

START_TEST(exactly_n_bytes_are_read_or_none)
{
	begin(_i, 4);
	put(pair.to, "12345");
	struct coro_future *task = start(reads_exactly, N(8));
	ck_assert_trace("");
	put(pair.to, "6789ab");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'12345678'");
	ck_assert_does(reads_exactly, N(0), "''");
	hang_up();
	ck_assert_does(reads_exactly, N(4), "INCOMPLETE");
	ck_assert_does(reads_exactly, N(3), "'9ab'");
	ck_assert_does(reads_exactly, N(1), "INCOMPLETE");
	end();
}
END_TEST

START_TEST(a_read_gives_what_there_is)
{
	begin(_i, 0);
	put(pair.to, "12345");
	ck_assert_does(reads_some, N(3), "'123'");
	ck_assert_does(reads_some, N(3), "'45'");
	ck_assert_does(reads_some, N(0), "''");
	struct coro_future *task = start(reads_some, N(3));
	put(pair.to, "6");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'6'");
	hang_up();
	ck_assert_does(reads_some, N(3), "''");
	end();
}
END_TEST

START_TEST(all_is_read_up_to_its_end)
{
	begin(_i, 4);
	put(pair.to, "12345");
	struct coro_future *task = start(reads_all, N(10));
	put(pair.to, "67890");
	turn();
	ck_assert_trace("");
	hang_up();
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'1234567890'");
	ck_assert_does(reads_all, N(0), "''");
	end();
}
END_TEST

START_TEST(all_may_be_too_much)
{
	begin(_i, 0);
	put(pair.to, "12345");
	hang_up();
	ck_assert_does(reads_all, N(4), "EMSGSIZE");
	ck_assert_does(reads_all, N(5), "'12345'");
	end();
}
END_TEST

static int writes_bytes(void *length)
{
	return coro_write(pair.to, plenty, *(size_t *)length) < 0 ? -EIO : 0;
}

/* In a task, so that the loop closes what it may have opened to write by. */
static int hangs_up(void *arg)
{
	int r = coro_fd_close(pair.to);
	pair.to = -1;
	return r;
}

/* Larger than a block, so that the buffer has the length that is asked for. */
START_TEST(one_byte_more_than_may_be_read_is_seen)
{
	enum { MOST = 100000 };
	begin(_i, 0);
	struct coro_future *writer = start(writes_bytes, N(MOST + 1));
	ck_assert_int_eq(result_of(reads_all, N(MOST)), -EMSGSIZE);
	ck_assert_int_eq(coro_run_until_complete(loop, writer, NULL), 0);
	coro_future_unref(writer);
	ck_assert_int_eq(result_of(hangs_up, NULL), 0);
	ck_assert_int_eq(result_of(reads_all, N(SIZE_MAX)), 0);
	end();
}
END_TEST

START_TEST(what_is_seen_stays_until_it_is_taken)
{
	begin(_i, 8);
	ck_assert_does(peeks, N(0), "''");
	put(pair.to, "12345");
	ck_assert_does(peeks, N(0), "''");
	ck_assert_does(peeks, N(1), "'12345'");
	ck_assert_int_eq(coro_stream_consume(stream, 6), -EINVAL);
	ck_assert_int_eq(coro_stream_consume(stream, 2), 0);
	ck_assert_does(peeks, N(1), "'345'");
	struct coro_future *task = start(peeks, N(5));
	put(pair.to, "67");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'34567'");
	ck_assert_does(peeks, N(9), "EMSGSIZE");
	hang_up();
	ck_assert_does(peeks, N(8), "'34567'");
	ck_assert_int_eq(coro_stream_consume(stream, 5), 0);
	ck_assert_does(peeks, N(1), "''");
	end();
}
END_TEST

START_TEST(a_cancelled_read_loses_nothing)
{
	begin(UNIX, 0);
	put(pair.to, "abc");
	struct coro_future *task = start(ways[_i].fn, ways[_i].arg);
	turn();
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_trace("ECANCELED");
	put(pair.to, "def\n");
	ck_assert_does(ways[_i].fn, ways[_i].arg, ways[_i].whole);
	end();
}
END_TEST

START_TEST(a_read_that_is_woken_and_cancelled_loses_nothing)
{
	begin(UNIX, 0);
	struct coro_future *task = start(ways[_i].fn, ways[_i].arg);
	put(pair.to, "abcdef\n");
	ck_assert_int_eq(coro_call_soon(loop, cancel_it, task, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_trace("ECANCELED");
	ck_assert_does(ways[_i].fn, ways[_i].arg, ways[_i].whole);
	end();
}
END_TEST

/* Reads what it has put there itself, and never waits for bytes. */
static int reads_on(void *count)
{
	char byte;
	ssize_t n = 1;
	while (n == 1) {
		put(pair.to, "x");
		n = coro_stream_read(stream, &byte, 1);
		*(int *)count += n == 1;
	}
	return (int)n;
}

START_TEST(a_read_that_gives_way_and_is_cancelled_loses_nothing)
{
	int count = 0;
	begin(UNIX, 0);
	struct coro_future *task = start(reads_on, &count);
	ck_assert(!coro_future_done(task));
	ck_assert_int_eq(count, IO_BUDGET);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_int_eq(count, IO_BUDGET);
	ck_assert_does(reads_some, N(9), "'x'");
	end();
}
END_TEST

static int reads_line_within_a_second(void *arg)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, CORO_SEC);
	return coro_timeout_end(&timeout, reads_line(arg));
}

START_TEST(a_read_ends_at_its_deadline)
{
	begin(UNIX, 0);
	put(pair.to, "abc");
	ck_assert_int_eq(result_of(reads_line_within_a_second, NULL), -ETIMEDOUT);
	put(pair.to, "\n");
	ck_assert_int_eq(result_of(reads_line_within_a_second, NULL), 0);
	ck_assert_trace("ECANCELED 'abc_'");
	end();
}
END_TEST

START_TEST(one_task_reads_at_a_time)
{
	begin(UNIX, 0);
	struct coro_future *task = start(reads_line, NULL);
	ck_assert_int_eq(result_of(reads_line, NULL), -EBUSY);
	trace_take();
	put(pair.to, "x\n");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'x_'");
	end();
}
END_TEST

static int consumes(void *length)
{
	return coro_stream_consume(stream, *(size_t *)length);
}

START_TEST(nobody_takes_what_another_task_is_reading)
{
	begin(UNIX, 0);
	put(pair.to, "x;");
	struct coro_future *task = start(reads_line, NULL);
	turn();
	ck_assert_int_eq(result_of(reads_until, ";"), -EBUSY);
	ck_assert_int_eq(result_of(reads_some, N(1)), -EBUSY);
	ck_assert_int_eq(result_of(reads_exactly, N(2)), -EBUSY);
	ck_assert_int_eq(result_of(reads_all, N(9)), -EBUSY);
	ck_assert_int_eq(result_of(peeks, N(0)), -EBUSY);
	ck_assert_int_eq(result_of(consumes, N(1)), -EBUSY);
	trace_take();
	put(pair.to, "y\n");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'x;y_'");
	end();
}
END_TEST

START_TEST(what_came_before_an_error_is_read_first)
{
	begin(TCP, 0);
	put(pair.to, "abc\nde");
	ck_assert_does(reads_line, NULL, "'abc_'");
	reset(pair.to);
	pair.to = -1;
	ck_assert_int_eq(result_of(reads_line, NULL), -ECONNRESET);
	trace_take();
	ck_assert_does(reads_exactly, N(2), "'de'");
	ck_assert_int_eq(result_of(reads_exactly, N(1)), -ECONNRESET);
	end();
}
END_TEST

static int writes_a_word(void *arg)
{
	return coro_stream_write(stream, "word", 4);
}

/* The system reports a reset once: if a write gets it, a reader must learn of it too. */
START_TEST(a_reset_that_the_writer_has_met_is_no_end_for_the_reader)
{
	begin(TCP, 0);
	put(pair.to, "abc");
	ck_assert_does(peeks, N(1), "'abc'");
	reset(pair.to);
	pair.to = -1;
	ck_assert_int_eq(result_of(writes_a_word, NULL), 0);
	turn();
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), -ECONNRESET);
	ck_assert_int_eq(result_of(reads_line, NULL), -ECONNRESET);
	trace_take();
	ck_assert(!coro_stream_at_eof(stream));
	ck_assert_does(reads_exactly, N(3), "'abc'");
	ck_assert_int_eq(result_of(reads_line, NULL), -ECONNRESET);
	end();
}
END_TEST

START_TEST(closing_ends_who_reads)
{
	begin(_i, 0);
	put(pair.to, "abc");
	struct coro_future *task = start(reads_exactly, N(4));
	turn();
	ck_assert_int_eq(coro_stream_close(stream), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), CORO_INCOMPLETE);
	coro_future_unref(task);
	ck_assert_trace("INCOMPLETE");
	ck_assert_does(reads_lines, NULL, "'abc'");
	ck_assert(coro_stream_at_eof(stream));
	end();
}
END_TEST

START_TEST(a_waiting_stream_holds_no_more_memory_than_it_has_bytes)
{
	begin(UNIX, 0);
	put(pair.to, "one\n");
	ck_assert_does(reads_line, NULL, "'one_'");
	struct coro_future *task = start(reads_line, NULL);
	ck_assert_ptr_null(stream->in);
	put(pair.to, "tw");
	turn();
	turn();
	ck_assert_uint_le(stream->in->size, 1024);
	put(pair.to, "o\n");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'two_'");
	end();
}
END_TEST

START_TEST(one_at_its_end_holds_no_more_either)
{
	begin(_i, 0);
	put(pair.to, "one\ntwo");
	ck_assert_does(reads_line, NULL, "'one_'");
	hang_up();
	ck_assert_int_eq(result_of(reads_exactly, N(4)), CORO_INCOMPLETE);
	ck_assert_trace("INCOMPLETE");
	ck_assert_uint_le(stream->in->size, 1024);
	ck_assert_does(reads_exactly, N(3), "'two'");
	ck_assert_int_eq(result_of(reads_exactly, N(1)), CORO_INCOMPLETE);
	ck_assert_trace("INCOMPLETE");
	end();
	begin(_i, 0);
	hang_up();
	ck_assert_int_eq(result_of(reads_exactly, N(1)), CORO_INCOMPLETE);
	ck_assert_trace("INCOMPLETE");
	ck_assert_ptr_null(stream->in);
	end();
}
END_TEST

/* ---- much ---- */

START_TEST(what_is_written_arrives)
{
	make_plenty();
	begin(_i, 0);
	writing = stream_on(pair.to, (struct coro_stream_options){0});
	pass_plenty();
	pair.to = -1;
	ck_assert_int_eq(coro_stream_destroy(writing), 0);
	end();
}
END_TEST

START_TEST(what_is_written_arrives_in_small_pieces)
{
	make_plenty();
	begin(_i, 0);
	writing = stream_on(pair.to, (struct coro_stream_options){.high_water = 5000});
	shorten_transfers(777);
	pass_plenty();
	fail_call_off();
	pair.to = -1;
	ck_assert_int_eq(coro_stream_destroy(writing), 0);
	end();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, one_byte_more_than_may_be_read_is_seen, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_nul_stands_behind_a_line_and_hides_nothing, 0, 6);
	tcase_add_test(tests, a_nul_stands_behind_a_line_that_fills_the_buffer);
	tcase_add_loop_test(tests, lines_come_one_at_a_time, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, the_buffer_grows_with_what_is_in_it, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, the_buffer_does_not_grow_beyond_the_limit, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, lines_are_put_together_byte_by_byte, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_separator_may_come_in_parts, 0, PAIR_KINDS);
	tcase_add_test(tests, a_line_within_the_limit_is_read_and_a_longer_one_dropped);
	tcase_add_test(tests, what_is_beyond_the_limit_stays_for_another_way_to_read);
	tcase_add_loop_test(tests, exactly_n_bytes_are_read_or_none, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_read_gives_what_there_is, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, all_is_read_up_to_its_end, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, all_may_be_too_much, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_is_seen_stays_until_it_is_taken, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_cancelled_read_loses_nothing, 0, 4);
	tcase_add_loop_test(tests, a_read_that_is_woken_and_cancelled_loses_nothing, 0, 4);
	tcase_add_test(tests, a_read_that_gives_way_and_is_cancelled_loses_nothing);
	tcase_add_test(tests, a_read_ends_at_its_deadline);
	tcase_add_test(tests, one_task_reads_at_a_time);
	tcase_add_test(tests, nobody_takes_what_another_task_is_reading);
	tcase_add_test(tests, what_came_before_an_error_is_read_first);
	tcase_add_test(tests, a_reset_that_the_writer_has_met_is_no_end_for_the_reader);
	tcase_add_loop_test(tests, closing_ends_who_reads, 0, PAIR_KINDS);
	tcase_add_test(tests, a_waiting_stream_holds_no_more_memory_than_it_has_bytes);
	tcase_add_loop_test(tests, one_at_its_end_holds_no_more_either, UNIX, TCP + 1);
	tcase_add_loop_test(tests, what_is_written_arrives, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_is_written_arrives_in_small_pieces, 0, PAIR_KINDS);
}

TEST_MAIN("stream_read", add_tests)
