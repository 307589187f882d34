/* SPDX-License-Identifier: MIT */
/* Streams: reading by lines, numbers and separators; writing, its marks and its end. */
#include "stream/stream.h"

#include "fds.h"
#include "threads.h"

static struct pair pair; /* from: what the stream reads; to: the test's own end */
static struct coro_stream *stream;

/* Streams are made where a loop runs. */
struct opening {
	int fd;
	struct coro_stream_options options;
	struct coro_stream **ret;
};

static int opens(void *arg)
{
	const struct opening *opening = arg;
	return coro_stream_open(opening->fd, &opening->options, opening->ret);
}

static struct coro_stream *stream_on(int fd, struct coro_stream_options options)
{
	struct coro_stream *made;
	ck_assert_int_eq(result_of(opens, &(struct opening){fd, options, &made}), 0);
	return made;
}

/* A stream that reads what the test puts into pair.to. */
static void begin(int kind, size_t limit)
{
	pair = make_pair(kind);
	stream = stream_on(pair.from, (struct coro_stream_options){.limit = limit});
}

static void end(void)
{
	if (pair.to >= 0)
		close(pair.to);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
}

static void hang_up(void)
{
	close(pair.to);
	pair.to = -1;
}

/* Closes so that the peer gets an error. */
static void reset(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	close(fd);
}

/* ---- tasks ---- */

/* Traces what came, "word" or "error", with _ for the ends of lines. */
static void tell(ssize_t n, const char *bytes)
{
	char text[64];
	if (n < 0) {
		trace("%s", n == CORO_INCOMPLETE ? "INCOMPLETE"
			    : n == -EMSGSIZE     ? "EMSGSIZE"
			    : n == -ECANCELED    ? "ECANCELED"
						 : coro_strerror((int)n));
		return;
	}
	if (n >= (ssize_t)sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, bytes, (size_t)n);
	text[n] = '\0';
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = '_';
	trace("'%s'", text);
}

static int reads_line(void *arg)
{
	const char *line;
	ssize_t n = coro_stream_readline(stream, &line);
	tell(n, line);
	return n < 0 ? (int)n : 0;
}

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

static int reads_some(void *length)
{
	char bytes[64];
	ssize_t n = coro_stream_read(stream, bytes, *(size_t *)length);
	tell(n, bytes);
	return n < 0 ? (int)n : 0;
}

static int reads_exactly(void *length)
{
	char bytes[64];
	ssize_t n = coro_stream_readexactly(stream, bytes, *(size_t *)length);
	tell(n, bytes);
	return n < 0 ? (int)n : 0;
}

static int reads_until(void *separator)
{
	const char *bytes;
	ssize_t n = coro_stream_readuntil(stream, separator, strlen(separator), &bytes);
	tell(n, bytes);
	return n < 0 ? (int)n : 0;
}

static int peeks(void *least)
{
	const char *bytes;
	ssize_t n = coro_stream_peek(stream, *(size_t *)least, &bytes);
	tell(n, bytes);
	return n < 0 ? (int)n : 0;
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

#define N(n) (&(size_t){n})

/* Does what a task does, and compares what it traced. */
#define ck_assert_does(fn, arg, expected)  \
	do {                               \
		spawn_and_forget(fn, arg); \
		ck_assert_trace(expected); \
	} while (0)

static void spawn_and_forget(coro_fn *fn, void *arg)
{
	(void)result_of(fn, arg);
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

/* The last byte that there is room for is followed by one. */
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

START_TEST(so_many_bytes_are_read_or_none)
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

static const struct {
	coro_fn *fn;
	void *arg;
	const char *whole;
} ways[] = {
	{reads_line, NULL, "'abcdef_'"},
	{reads_until, (void *)"f\n", "'abcdef_'"},
	{reads_exactly, (size_t[]){7}, "'abcdef_'"},
	{peeks, (size_t[]){7}, "'abcdef_'"},
};

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

/* The system tells of a reset once: who learns of it by writing may not have the reader miss it. */
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

enum { PLENTY = 1000003 };

static char plenty[PLENTY], arrived[PLENTY];

static void make_plenty(void)
{
	for (size_t i = 0; i < PLENTY; i++)
		plenty[i] = (char)(i * 2654435761u >> 13);
}

static struct coro_stream *writing;

static int writes_plenty(void *arg)
{
	size_t length = 1;
	for (size_t at = 0; at < PLENTY; at += length, length = length * 3 / 2 + 1) {
		if (length > PLENTY - at)
			length = PLENTY - at;
		int r = coro_stream_write(writing, plenty + at, length);
		if (r == 0)
			r = coro_stream_drain(writing);
		if (r < 0)
			return r;
	}
	coro_stream_close(writing);
	return coro_stream_wait_closed(writing);
}

static int reads_plenty(void *arg)
{
	size_t at = 0, length = 1;
	while (at < PLENTY) {
		ssize_t n = length % 2
				    ? coro_stream_read(stream, arrived + at, PLENTY - at)
				    : coro_stream_readexactly(stream, arrived + at,
							      length < PLENTY - at ? length
										   : PLENTY - at);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		at += (size_t)n;
		length = length * 5 / 4 + 1;
	}
	char more;
	return (int)coro_stream_read(stream, &more, 1);
}

static void pass_plenty(void)
{
	struct coro_future *writer = spawn(writes_plenty, NULL);
	ck_assert_int_eq(result_of(reads_plenty, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, writer, NULL), 0);
	coro_future_unref(writer);
	ck_assert_int_eq(memcmp(plenty, arrived, PLENTY), 0);
}

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

static int writes_much(void *length)
{
	size_t n = *(size_t *)length;
	char *bytes = calloc(n, 1);
	int r = coro_stream_write(stream, bytes, n);
	free(bytes);
	return r;
}

static int drains(void *arg)
{
	int r = coro_stream_drain(stream);
	trace("drained:%d", r);
	return r;
}

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

START_TEST(drain_waits_above_the_high_mark_until_the_low_one)
{
	enum { MUCH = 2000000, HIGH = 400000, LOW = 100000 };
	begin_writing(_i, HIGH, LOW);
	ck_assert_int_eq(result_of(writes_much, N(MUCH)), 0);
	ck_assert_uint_gt(coro_stream_pending(stream), HIGH);
	struct coro_future *task = start(drains, NULL);
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

/* Such as terminals. */
START_TEST(what_has_no_end_of_writing_goes_on)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	stream = stream_on(fd, (struct coro_stream_options){0});
	ck_assert_int_eq(coro_stream_write_eof(stream), -EOPNOTSUPP);
	ck_assert(!coro_stream_is_closing(stream));
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), 0);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
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

static int waits_closed(void *arg)
{
	int r = coro_stream_wait_closed(stream);
	trace("closed:%d", r);
	return r;
}

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

START_TEST(what_is_left_goes_out_though_the_stream_was_given_back)
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

/* Else a task that writes and drains, and ignores what write says, would never end. */
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

START_TEST(a_lost_connection_is_told_to_who_writes)
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

START_TEST(a_lost_connection_is_closing_and_who_waits_for_that_is_told)
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

/* ---- ends ---- */

START_TEST(a_loop_closes_its_streams)
{
	pair = make_pair(UNIX);
	struct pair second = make_pair(TCP);
	stream = stream_on(pair.to, (struct coro_stream_options){0});
	struct coro_stream *other = stream_on(second.to, (struct coro_stream_options){0});
	coro_future_unref(start(reads_line, NULL));
	ck_assert_int_eq(result_of(writes_much, N(2000000)), 0);
	coro_future_unref(start(drains, NULL));
	coro_future_unref(start(waits_closed, NULL));
	ck_assert_int_eq(coro_stream_destroy(stream), -EBUSY);
	ck_assert_int_eq(coro_stream_write(other, "x", 1), 0);
	loop_teardown();
	ck_assert_int_eq(fcntl(pair.to, F_GETFD), -1);
	ck_assert_int_eq(fcntl(second.to, F_GETFD), -1);
	ck_assert_int_eq(coro_stream_write(other, "x", 1), -EPIPE);
	ck_assert_int_eq(coro_stream_close(other), 0);
	ck_assert(coro_stream_is_closing(other));
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	ck_assert_int_eq(coro_stream_destroy(other), 0);
	close(pair.from);
	close(second.from);
	loop_setup();
}
END_TEST

static void gives_stream_back(void *arg)
{
	trace("%d", coro_stream_destroy(stream));
}

static int reads_and_gives_back(void *arg)
{
	const char *line;
	coro_defer(gives_stream_back, NULL);
	return (int)coro_stream_readline(stream, &line);
}

START_TEST(a_task_that_is_discarded_may_give_its_stream_back)
{
	pair = make_pair(UNIX);
	stream = stream_on(pair.to, (struct coro_stream_options){0});
	coro_future_unref(start(reads_and_gives_back, NULL));
	loop_teardown();
	ck_assert_trace("0");
	ck_assert_int_eq(fcntl(pair.to, F_GETFD), -1);
	close(pair.from);
	loop_setup();
}
END_TEST

static struct gate gate = GATE;

static int is_never_run(void *arg)
{
	return 0;
}

static int submits_two(void *executor)
{
	struct coro_future *future;
	ck_assert_int_eq(coro_executor_submit(executor, passes, &gate, NULL, &future), 0);
	coro_future_unref(future);
	gate_await(&gate, 1);
	ck_assert_int_eq(
		coro_executor_submit(executor, is_never_run, NULL, gives_stream_back, &future), 0);
	coro_future_unref(future);
	return 0;
}

START_TEST(a_job_discarded_with_the_loop_may_destroy_a_stream)
{
	struct coro_executor *executor;
	struct coro_executor_options one = {.max_threads = 1};
	pair = make_pair(UNIX);
	stream = stream_on(pair.to, (struct coro_stream_options){0});
	ck_assert_int_eq(coro_executor_create(&one, &executor), 0);
	ck_assert_int_eq(result_of(submits_two, executor), 0);
	loop_teardown();
	ck_assert_trace("0");
	gate_open(&gate);
	ck_assert_int_eq(coro_executor_destroy(executor), 0);
	ck_assert_int_eq(fcntl(pair.to, F_GETFD), -1);
	close(pair.from);
	loop_setup();
}
END_TEST

START_TEST(a_stream_that_waits_is_not_given_back)
{
	begin(UNIX, 0);
	struct coro_future *task = start(reads_line, NULL);
	ck_assert_int_eq(coro_stream_destroy(stream), -EBUSY);
	hang_up();
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	end();
}
END_TEST

static int misuses(void *arg)
{
	struct coro_stream *made;
	struct coro_stream_options marks = {.high_water = 1, .low_water = 2};
	char byte;
	const char *bytes;
	char *all;
	ck_assert_int_eq(coro_stream_open(pair.to, &marks, &made), -EINVAL);
	ck_assert_int_eq(coro_stream_open(pair.to, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_open(-1, NULL, &made), -EBADF);
	ck_assert_int_eq(coro_stream_create(NULL, NULL, NULL, &made), -EINVAL);
	ck_assert_int_eq(coro_open_connection(":1", NULL, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_open_unix(NULL, NULL, &made), -EINVAL);
	ck_assert_int_eq(coro_stream_read(NULL, &byte, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_read(stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_readexactly(stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_readexactly(stream, &byte, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(coro_stream_read_all(NULL, 1, &all), -EINVAL);
	ck_assert_int_eq(coro_stream_readuntil(stream, "", 0, &bytes), -EINVAL);
	ck_assert_int_eq(coro_stream_readuntil(stream, "x", 1, NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_readline(NULL, &bytes), -EINVAL);
	ck_assert_int_eq(coro_stream_peek(NULL, 1, &bytes), -EINVAL);
	ck_assert_int_eq(coro_stream_consume(NULL, 0), -EINVAL);
	ck_assert_int_eq(coro_stream_write(NULL, "x", 1), -EINVAL);
	ck_assert_int_eq(coro_stream_write(stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_writev(stream, NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_writev(stream, NULL, -1), -EINVAL);
	ck_assert_int_eq(coro_stream_printf(NULL, "x"), -EINVAL);
	ck_assert_int_eq(coro_stream_drain(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_flush(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_write_eof(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_copy(stream, NULL, 1, NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_close(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_abort(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_wait_closed(NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_destroy(NULL), 0);
	ck_assert_int_eq(coro_stream_fd(NULL), -1);
	ck_assert(coro_stream_is_closing(NULL));
	ck_assert(!coro_stream_at_eof(NULL));
	ck_assert_uint_eq(coro_stream_pending(NULL), 0);
	return 0;
}

static void *uses_elsewhere(void *arg)
{
	const char *bytes;
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), -EPERM);
	ck_assert_int_eq(coro_stream_printf(stream, "x"), -EPERM);
	ck_assert_int_eq(coro_stream_write_eof(stream), -EPERM);
	ck_assert_int_eq(coro_stream_drain(stream), -EPERM);
	ck_assert_int_eq(coro_stream_flush(stream), -EPERM);
	ck_assert_int_eq(coro_stream_peek(stream, 0, &bytes), -EPERM);
	ck_assert_int_eq(coro_stream_peek(stream, 1, &bytes), -EPERM);
	ck_assert_int_eq(coro_stream_consume(stream, 1), -EPERM);
	ck_assert_int_eq(coro_stream_set_transport(stream, coro_stream_transport(stream, NULL),
						   NULL),
			 -EPERM);
	ck_assert_int_eq(coro_stream_close(stream), -EPERM);
	ck_assert_int_eq(coro_stream_abort(stream), -EPERM);
	ck_assert_int_eq(coro_stream_wait_closed(stream), -EPERM);
	ck_assert_int_eq(coro_stream_destroy(stream), -EPERM);
	return NULL;
}

static int peeks_one(void *arg)
{
	const char *bytes;
	return (int)coro_stream_peek(stream, 1, &bytes);
}

START_TEST(a_stream_is_for_its_thread)
{
	begin(UNIX, 0);
	put(pair.to, "y");
	ck_assert_int_eq(result_of(peeks_one, NULL), 1);
	in_thread(uses_elsewhere, NULL);
	ck_assert(!coro_stream_is_closing(stream));
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	ck_assert_int_eq(coro_stream_consume(stream, 1), 0);
	end();
}
END_TEST

static int writes_what_cannot_be(void *arg)
{
	char bytes[2] = "x";
	struct iovec none = {NULL, 1};
	struct iovec all[] = {{bytes, 1}, {bytes, SIZE_MAX}};
	ck_assert_int_eq(coro_stream_write(stream, bytes, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(coro_stream_write(stream, bytes, SIZE_MAX / 2 + 1), -EINVAL);
	ck_assert_int_eq(coro_stream_writev(stream, &none, 1), -EINVAL);
	ck_assert_int_eq(coro_stream_writev(stream, all, 2), -EINVAL);
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	return coro_stream_write(stream, "x", 1);
}

START_TEST(writing_what_cannot_be_leaves_the_connection_alone)
{
	begin(UNIX, 0);
	ck_assert_int_eq(result_of(writes_what_cannot_be, NULL), 0);
	end();
}
END_TEST

static int yields(void *arg)
{
	return coro_task_yield();
}

static void opens_in_a_callback(void *ret)
{
	struct coro_stream *made;
	*(int *)ret = coro_open_connection("127.0.0.1:1", NULL, NULL, &made);
}

START_TEST(a_connection_is_opened_in_a_task)
{
	struct coro_stream *made;
	int r = 0;
	ck_assert_int_eq(coro_open_connection("127.0.0.1:1", NULL, NULL, &made), -EPERM);
	ck_assert_int_eq(coro_open_unix("/nowhere", NULL, &made), -EPERM);
	coro_call_soon(loop, opens_in_a_callback, &r, NULL);
	ck_assert_int_eq(result_of(yields, NULL), 0);
	ck_assert_int_eq(r, -EPERM);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	begin(UNIX, 0);
	ck_assert_int_eq(result_of(misuses, NULL), 0);
	ck_assert_int_eq(coro_stream_fd(stream), pair.from);
	struct coro_stream *made;
	char byte;
	ck_assert_int_eq(coro_stream_open(pair.to, NULL, &made), -EPERM);
	ck_assert_int_eq(coro_stream_read(stream, &byte, 1), -EPERM);
	end();
}
END_TEST

/* ---- copying ---- */

struct copying {
	struct coro_stream *from, *to;
	uint64_t length, copied;
};

static int copies(void *arg)
{
	struct copying *copying = arg;
	int r = coro_stream_copy(copying->from, copying->to, copying->length, &copying->copied);
	coro_stream_close(copying->to);
	return r;
}

START_TEST(a_copy_goes_from_one_stream_to_another)
{
	make_plenty();
	struct pair in = make_pair(_i), out = make_pair(_i);
	writing = stream_on(in.to, (struct coro_stream_options){0});
	stream = stream_on(out.from, (struct coro_stream_options){0});
	struct copying copying = {
		stream_on(in.from, (struct coro_stream_options){0}),
		stream_on(out.to, (struct coro_stream_options){0}),
		UINT64_MAX,
	};
	struct coro_future *task = spawn(copies, &copying);
	pass_plenty();
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_uint_eq(copying.copied, PLENTY);
	ck_assert_int_eq(coro_stream_destroy(copying.from), 0);
	ck_assert_int_eq(coro_stream_destroy(copying.to), 0);
	ck_assert_int_eq(coro_stream_destroy(writing), 0);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
}
END_TEST

START_TEST(a_copy_takes_no_more_than_it_is_to)
{
	struct pair out = make_pair(UNIX);
	begin(UNIX, 0);
	struct copying copying = {stream, stream_on(out.to, (struct coro_stream_options){0}), 4};
	put(pair.to, "123456");
	ck_assert_int_eq(result_of(copies, &copying), 0);
	ck_assert_uint_eq(copying.copied, 4);
	turn();
	expect(out.from, "1234");
	ck_assert_does(reads_some, N(9), "'56'");
	ck_assert_int_eq(coro_stream_destroy(copying.to), 0);
	close(out.from);
	end();
}
END_TEST

START_TEST(a_cancelled_copy_leaves_what_it_has_not_copied)
{
	struct pair out = make_pair(UNIX);
	begin(UNIX, 0);
	struct copying copying = {stream, stream_on(out.to, (struct coro_stream_options){0}), 99};
	struct coro_future *task = start(copies, &copying);
	put(pair.to, "123");
	turn();
	turn();
	cancel(task);
	put(pair.to, "456");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_uint_eq(copying.copied, 3);
	expect(out.from, "123");
	ck_assert_does(reads_some, N(9), "'456'");
	ck_assert_int_eq(coro_stream_destroy(copying.to), 0);
	close(out.from);
	end();
}
END_TEST

/* ---- other transports ---- */

/* Turns letters over on their way; the end of writing it does not know. */
struct turning {
	int fd;
	bool closed;
};

static ssize_t turning_read(void *arg, void *bytes, size_t length)
{
	const struct turning *turning = arg;
	ssize_t n = recv(turning->fd, bytes, length, MSG_DONTWAIT);
	for (ssize_t i = 0; i < n; i++)
		((char *)bytes)[i] ^= 0x20;
	return n < 0 ? -errno : n;
}

static ssize_t turning_write(void *arg, const struct iovec *vec, int count)
{
	const struct turning *turning = arg;
	char byte = (char)(*(char *)vec->iov_base ^ 0x20);
	ssize_t n = send(turning->fd, &byte, 1, MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

static int turning_wait(void *arg, bool writable)
{
	const struct turning *turning = arg;
	return writable ? coro_writable(turning->fd) : coro_readable(turning->fd);
}

static void turning_close(void *arg)
{
	struct turning *turning = arg;
	turning->closed = true;
	coro_fd_close(turning->fd);
}

static const struct coro_transport turning_over = {
	.read = turning_read,
	.write = turning_write,
	.wait = turning_wait,
	.close = turning_close,
};

static int turns_over(void *arg)
{
	ck_assert_int_eq(coro_stream_create(&turning_over, arg, NULL, &stream), 0);
	ck_assert_int_eq(coro_stream_fd(stream), -1);
	ck_assert_int_eq(coro_stream_write_eof(stream), -EOPNOTSUPP);
	coro_stream_write(stream, "word", 4);
	return reads_exactly(N(4));
}

static int closes(void *arg)
{
	return coro_stream_close(stream);
}

START_TEST(something_may_lie_between_a_stream_and_its_fd)
{
	pair = make_pair(UNIX);
	struct turning turning = {pair.to};
	struct coro_future *task = start(turns_over, &turning);
	expect(pair.from, "WORD");
	put(pair.from, "BACK");
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_trace("'back'");
	task = start(reads_line, NULL);
	ck_assert_int_eq(result_of(closes, NULL), 0);
	ck_assert(turning.closed);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	close(pair.from);
}
END_TEST

/* ---- failures ---- */

static int echoes(void *arg)
{
	struct coro_stream *echo = arg;
	int r = coro_stream_copy(echo, echo, 300000, NULL);
	coro_stream_close(echo);
	return r;
}

/* The other end may have found no memory to begin with, and be silent. */
static int reads_back(struct coro_stream *from, char *back, size_t length)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_SEC);
	if (r < 0)
		return r;
	return coro_timeout_end(&timeout, (int)coro_stream_readexactly(from, back, length));
}

/* Sends much over a socket pair, has it come back. */
static int talks_to_itself(void *arg)
{
	int fds[2];
	struct coro_stream *one, *two;
	struct coro_future *task = NULL;
	static char there[300000], back[300000];
	memset(there, 'x', sizeof(there));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	int r = coro_stream_open(fds[0], NULL, &one);
	if (r < 0) {
		coro_fd_close(fds[0]);
		coro_fd_close(fds[1]);
		return r;
	}
	r = coro_stream_open(fds[1], NULL, &two);
	if (r < 0) {
		coro_fd_close(fds[1]);
		coro_stream_destroy(one);
		return r;
	}
	r = coro_spawn(echoes, two, &task);
	if (r == 0)
		r = coro_stream_write(one, there, sizeof(there));
	if (r == 0)
		r = reads_back(one, back, sizeof(back));
	coro_stream_abort(one);
	coro_stream_destroy(one);
	int echoed = task ? coro_await(task, NULL) : 0;
	coro_future_unref(task);
	coro_stream_abort(two);
	coro_stream_destroy(two);
	if (r == (int)sizeof(back) && memcmp(there, back, sizeof(back)) != 0)
		return -EIO;
	/* Where one end failed, the other saw an end. */
	if (echoed < 0 &&
	    (r >= 0 || r == CORO_INCOMPLETE || r == -EPIPE || r == -ECONNRESET || r == -ETIMEDOUT))
		return echoed;
	return r < 0 ? r : 0;
}

static int ends_and_reads(void *arg)
{
	char got[64] = {0};
	trace("%d", coro_stream_write_eof(stream));
	ssize_t n = coro_stream_read(stream, got, sizeof(got) - 1);
	trace("%d:%s", (int)n, got);
	return 0;
}

START_TEST(what_came_before_a_reset_is_read_after_write_eof_too)
{
	begin(TCP, 0);
	put(pair.to, "last");
	reset(pair.to);
	pair.to = -1;
	ck_assert_int_eq(result_of(ends_and_reads, NULL), 0);
	const char *got = trace_take();
	ck_assert_msg(strstr(got, ":last"), "%s", got);
	end();
}
END_TEST

START_TEST(any_allocation_may_fail)
{
	fail_each_allocation(talks_to_itself);
}
END_TEST

START_TEST(any_system_call_may_fail)
{
	const int errors[] = {EIO, ENOMEM, ETIMEDOUT};
	bool failed = true;
	for (unsigned long n = 1; failed; n++) {
		fail_call(NULL, n, errors[_i]);
		int r = result_of(talks_to_itself, NULL);
		failed = fail_call_off();
		ck_assert_msg(r == 0 || (failed && (r == -errors[_i] || r == CORO_INCOMPLETE ||
						    r == -EPIPE || r == -ECONNRESET)),
			      "call %lu, %s: %s", n, failed_call() ? failed_call() : "none",
			      coro_strerror(r));
		ck_assert_uint_lt(n, 2000);
	}
}
END_TEST

START_TEST(an_interrupted_call_is_made_again)
{
	bool failed = true;
	for (unsigned long n = 1; failed; n++) {
		fail_call(NULL, n, EINTR);
		const char *name;
		int r = result_of(talks_to_itself, NULL);
		failed = fail_call_off();
		name = failed_call();
		/* Those that no signal interrupts are not made again. */
		if (name && (strstr(name, "recv") || strstr(name, "send")))
			ck_assert_int_eq(r, 0);
		ck_assert_uint_lt(n, 2000);
	}
}
END_TEST

static int echoes_lines(void *arg)
{
	const char *line;
	ssize_t n;
	while ((n = coro_stream_readline(stream, &line)) > 0) {
		coro_stream_write(stream, line, (size_t)n);
		coro_stream_drain(stream);
	}
	return (int)n;
}

START_TEST(reading_and_writing_small_things_allocates_nothing)
{
	begin(UNIX, 0);
	struct coro_future *task = start(echoes_lines, NULL);
	for (int i = 0; i < 20; i++) {
		put(pair.to, "some words\n");
		fail_nth(0);
		for (int turns = 0; turns < 2; turns++) {
			coro_loop_stop(loop);
			coro_run_forever(loop);
		}
		fail_off();
		if (i >= 10 && !SANITIZED)
			ck_assert_uint_eq(fail_count(), 0);
		expect(pair.to, "some words\n");
	}
	hang_up();
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	end();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, a_nul_stands_behind_a_line_and_hides_nothing, 0, 6);
	tcase_add_test(tests, a_nul_stands_behind_a_line_that_fills_the_buffer);
	tcase_add_loop_test(tests, lines_come_one_at_a_time, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, lines_are_put_together_byte_by_byte, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_separator_may_come_in_parts, 0, PAIR_KINDS);
	tcase_add_test(tests, a_line_within_the_limit_is_read_and_a_longer_one_dropped);
	tcase_add_test(tests, what_is_beyond_the_limit_stays_for_another_way_to_read);
	tcase_add_loop_test(tests, so_many_bytes_are_read_or_none, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_read_gives_what_there_is, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, all_is_read_up_to_its_end, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, all_may_be_too_much, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, what_is_seen_stays_until_it_is_taken, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_cancelled_read_loses_nothing, 0, 4);
	tcase_add_loop_test(tests, a_read_that_is_woken_and_cancelled_loses_nothing, 0, 4);
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
	tcase_add_test(tests, what_has_no_end_of_writing_goes_on);
	tcase_add_test(tests, ending_a_connection_that_was_reset_is_writing_to_nobody);
	tcase_add_loop_test(tests, closing_writes_what_is_left_first, 0, PAIR_KINDS);
	tcase_add_test(tests, nothing_more_is_read_while_a_stream_is_being_closed);
	tcase_add_loop_test(tests, once_a_stream_is_closed_drain_says_so, 0, PAIR_KINDS);
	tcase_add_test(tests, of_several_that_write_and_drain_each_has_its_turn);
	tcase_add_loop_test(tests, what_is_left_goes_out_though_the_stream_was_given_back, 0,
			    PAIR_KINDS);
	tcase_add_test(tests, an_abort_drops_what_is_left);
	tcase_add_loop_test(tests, a_lost_connection_is_told_to_who_writes, 0, PAIR_KINDS);
	tcase_add_loop_test(tests, a_lost_connection_is_closing_and_who_waits_for_that_is_told, 0,
			    2);
	tcase_add_test(tests, a_long_text_is_written_whole);
	tcase_add_test(tests, a_loop_closes_its_streams);
	tcase_add_test(tests, a_task_that_is_discarded_may_give_its_stream_back);
	tcase_add_test(tests, a_job_discarded_with_the_loop_may_destroy_a_stream);
	tcase_add_test(tests, a_stream_that_waits_is_not_given_back);
	tcase_add_test(tests, what_cannot_be_is_refused);
	tcase_add_test(tests, a_stream_is_for_its_thread);
	tcase_add_test(tests, writing_what_cannot_be_leaves_the_connection_alone);
	tcase_add_test(tests, a_connection_is_opened_in_a_task);
	tcase_add_loop_test(tests, a_copy_goes_from_one_stream_to_another, 0, PAIR_KINDS);
	tcase_add_test(tests, a_copy_takes_no_more_than_it_is_to);
	tcase_add_test(tests, a_cancelled_copy_leaves_what_it_has_not_copied);
	tcase_add_test(tests, something_may_lie_between_a_stream_and_its_fd);
	tcase_add_test(tests, what_came_before_a_reset_is_read_after_write_eof_too);
	tcase_add_test(tests, any_allocation_may_fail);
	tcase_add_loop_test(tests, any_system_call_may_fail, 0, 3);
	tcase_add_test(tests, an_interrupted_call_is_made_again);
	tcase_add_test(tests, reading_and_writing_small_things_allocates_nothing);
}

TEST_MAIN("stream", add)
