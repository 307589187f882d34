/* SPDX-License-Identifier: MIT */
/* Transports over transports: one that is put under a stream, and holds back what it has taken. */
#include "stream/block.h"

#include "fds.h"

static struct pair pair; /* from: the test's own end */
static struct coro_stream *stream;

/* Writes a byte a turn of what it has taken, and says goodbye. */
struct slow {
	const struct coro_transport *below;
	void *arg;
	char held[64];
	size_t length;
	bool parted, closed;
	int error; /* what flushing comes to */
	int idle;  /* this many writes take nothing */
};

static ssize_t slow_read(void *arg, void *bytes, size_t length)
{
	const struct slow *slow = arg;
	return slow->below->read(slow->arg, bytes, length);
}

static ssize_t slow_write(void *arg, const struct iovec *vec, int count)
{
	struct slow *slow = arg;
	if (slow->idle > 0) {
		slow->idle--;
		return 0;
	}
	memcpy(slow->held + slow->length, vec->iov_base, vec->iov_len);
	slow->length += vec->iov_len;
	return (ssize_t)vec->iov_len;
}

static int slow_flush(void *arg, bool closing)
{
	struct slow *slow = arg;
	struct iovec vec = {slow->held, 1};
	if (slow->error)
		return slow->error;
	if (closing && !slow->parted) {
		slow->held[slow->length++] = '!';
		slow->parted = true;
	}
	if (slow->length == 0)
		return 0;
	ssize_t n = slow->below->write(slow->arg, &vec, 1);
	if (n < 0)
		return (int)n;
	memmove(slow->held, slow->held + 1, --slow->length);
	return slow->length > 0 ? -EAGAIN : 0;
}

static int slow_wait(void *arg, bool writing)
{
	const struct slow *slow = arg;
	return writing ? coro_sleep(CORO_SEC) : slow->below->wait(slow->arg, false);
}

static void slow_close(void *arg)
{
	struct slow *slow = arg;
	slow->closed = true;
	slow->below->close(slow->arg);
}

static const struct coro_transport slow_transport = {
	.read = slow_read,
	.write = slow_write,
	.wait = slow_wait,
	.close = slow_close,
	.flush = slow_flush,
};

static struct slow slow;

static int opens(void *arg)
{
	return coro_stream_open(pair.to, NULL, &stream);
}

static void begin(void)
{
	pair = make_pair(UNIX);
	ck_assert_int_eq(result_of(opens, NULL), 0);
	slow = (struct slow){0};
	slow.below = coro_stream_transport(stream, &slow.arg);
	ck_assert_ptr_nonnull(slow.below);
	ck_assert_int_eq(coro_stream_set_transport(stream, &slow_transport, &slow), 0);
}

static void end(void)
{
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	close(pair.from);
}

static int writes_and_flushes(void *arg)
{
	coro_stream_write(stream, "word", 4);
	return coro_stream_flush(stream);
}

static int waits_closed(void *arg)
{
	return coro_stream_wait_closed(stream);
}

static int reads(void *arg)
{
	char got[16] = {0};
	int r = (int)coro_stream_read(stream, got, sizeof(got) - 1);
	trace("%s", got);
	return r;
}

START_TEST(a_stream_goes_by_way_of_another_transport)
{
	void *arg;
	begin();
	ck_assert_ptr_eq(coro_stream_transport(stream, &arg), &slow_transport);
	ck_assert_ptr_eq(arg, &slow);
	ck_assert_ptr_eq(coro_stream_transport(stream, NULL), &slow_transport);
	put(pair.from, "word");
	ck_assert_int_eq(result_of(reads, NULL), 4);
	ck_assert_trace("word");
	coro_stream_abort(stream);
	ck_assert(slow.closed);
	ck_assert_ptr_null(coro_stream_transport(stream, &arg));
	end();
}
END_TEST

START_TEST(flush_waits_for_what_is_held_back)
{
	begin();
	struct coro_future *task = start(writes_and_flushes, NULL);
	turn();
	ck_assert(!coro_future_done(task));
	ck_assert_uint_eq(coro_stream_pending(stream), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
	ck_assert_uint_eq(slow.length, 0);
	expect(pair.from, "word");
	end();
}
END_TEST

START_TEST(one_that_takes_nothing_is_waited_for)
{
	begin();
	slow.idle = 3;
	ck_assert_int_eq(result_of(writes_and_flushes, NULL), 0);
	ck_assert_int_ge(coro_loop_time(loop), 6 * CORO_SEC);
	expect(pair.from, "word");
	end();
}
END_TEST

START_TEST(a_close_takes_its_leave_first)
{
	begin();
	coro_stream_write(stream, "word", 4);
	ck_assert_int_eq(coro_stream_close(stream), 0);
	ck_assert(!slow.closed);
	ck_assert_int_eq(result_of(waits_closed, NULL), 0);
	ck_assert(slow.closed);
	expect(pair.from, "word!");
	end();
}
END_TEST

START_TEST(an_abort_does_not)
{
	begin();
	coro_stream_write(stream, "word", 4);
	coro_stream_abort(stream);
	ck_assert(slow.closed);
	expect(pair.from, "");
	end();
}
END_TEST

START_TEST(an_error_in_flushing_loses_the_connection)
{
	begin();
	slow.error = -EPROTO;
	ck_assert_int_eq(result_of(writes_and_flushes, NULL), -EPROTO);
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), -EPROTO);
	coro_stream_close(stream);
	ck_assert(slow.closed);
	ck_assert_int_eq(result_of(waits_closed, NULL), -EPROTO);
	end();
}
END_TEST

START_TEST(one_that_holds_something_back_may_be_discarded)
{
	begin();
	coro_future_unref(start(writes_and_flushes, NULL));
	turn();
	loop_teardown();
	ck_assert(slow.closed);
	end();
	loop_setup();
}
END_TEST

START_TEST(a_stream_in_use_keeps_its_transport)
{
	static const struct coro_transport nothing;
	pair = make_pair(UNIX);
	ck_assert_int_eq(result_of(opens, NULL), 0);
	ck_assert_int_eq(coro_stream_set_transport(NULL, &slow_transport, &slow), -EINVAL);
	ck_assert_int_eq(coro_stream_set_transport(stream, NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_stream_set_transport(stream, &nothing, NULL), -EINVAL);
	ck_assert_ptr_null(coro_stream_transport(NULL, NULL));
	struct coro_future *task = start(reads, NULL);
	ck_assert_int_eq(coro_stream_set_transport(stream, &slow_transport, &slow), -EBUSY);
	cancel(task);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	coro_stream_write(stream, "word", 4);
	ck_assert_int_eq(coro_stream_set_transport(stream, &slow_transport, &slow), -EBUSY);
	coro_stream_close(stream);
	ck_assert_int_eq(coro_stream_set_transport(stream, &slow_transport, &slow), -EPIPE);
	end();
}
END_TEST

/* ---- how much is asked for ---- */

struct flowing {
	size_t left, calls;
};

/* Reads give all that is asked for. */
static ssize_t flowing_read(void *arg, void *bytes, size_t length)
{
	struct flowing *flowing = arg;
	size_t n = length < flowing->left ? length : flowing->left;
	memset(bytes, 'x', n);
	flowing->left -= n;
	flowing->calls++;
	return (ssize_t)n;
}

static ssize_t flowing_write(void *arg, const struct iovec *vec, int count)
{
	return -EPIPE;
}

static int flowing_wait(void *arg, bool writing)
{
	return -EIO;
}

static void flowing_close(void *arg)
{
}

static int peeks_for_more(void *arg)
{
	static const struct coro_transport transport = {
		.read = flowing_read,
		.write = flowing_write,
		.wait = flowing_wait,
		.close = flowing_close,
	};
	struct coro_stream_options options = {.limit = 1 << 20};
	const char *bytes;
	size_t had = 0;
	ssize_t n;
	int r = coro_stream_create(&transport, arg, &options, &stream);
	ck_assert_int_eq(r, 0);
	while ((n = coro_stream_peek(stream, had + 1, &bytes)) > (ssize_t)had)
		had = (size_t)n;
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	return (int)had;
}

/* As a parser does while a request is incomplete: not a byte at a time. */
START_TEST(peeking_for_one_byte_more_reads_many)
{
	struct flowing flowing = {.left = 1000000};
	ck_assert_int_eq(result_of(peeks_for_more, &flowing), 1000000);
	ck_assert_uint_lt(flowing.calls, 20);
}
END_TEST

/* ---- many pieces ---- */

enum { MUCH = 100 * 65536 };

/* Takes nothing while it is shut; then counts, and sees that no byte is missing. */
struct counter {
	bool shut;
	int most; /* pieces in a write */
	uint32_t taken, wrong;
};

static ssize_t counter_write(void *arg, const struct iovec *vec, int count)
{
	struct counter *counter = arg;
	size_t length = 0;
	if (counter->shut)
		return -EAGAIN;
	counter->most = count > counter->most ? count : counter->most;
	for (int i = 0; i < count; length += vec[i++].iov_len)
		for (size_t at = 0; at < vec[i].iov_len; at++)
			if (((const uint8_t *)vec[i].iov_base)[at] != counter->taken++ % 251)
				counter->wrong++;
	return (ssize_t)length;
}

static int counter_wait(void *arg, bool writing)
{
	return coro_sleep(1);
}

static void counter_close(void *arg)
{
}

static const struct coro_transport counting = {
	.read = slow_read,
	.write = counter_write,
	.wait = counter_wait,
	.close = counter_close,
};

static int writes_much(void *arg)
{
	static char bytes[1000];
	struct counter *counter = arg;
	uint32_t sent = 0;
	int r = coro_stream_create(&counting, counter, NULL, &stream);
	while (r == 0 && sent < MUCH) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)(sent++ % 251);
		r = coro_stream_write(stream, bytes, sizeof(bytes));
	}
	counter->shut = false;
	if (r == 0)
		r = coro_stream_flush(stream);
	ck_assert_uint_eq(counter->taken, sent);
	ck_assert_uint_eq(counter->wrong, 0);
	coro_stream_destroy(stream);
	return r < 0 ? r : coro_sleep(10);
}

START_TEST(write_of_many_blocks_has_64_pieces_at_most_and_leaves_none_allocated)
{
	size_t after_two = 0;
	for (int i = 0; i < 4; i++) {
		struct counter counter = {.shut = true};
		ck_assert_int_eq(result_of(writes_much, &counter), 0);
		ck_assert_int_eq(counter.most, 64);
		if (i <= 1)
			after_two = allocated();
	}
	ck_assert_uint_eq(allocated(), after_two);
}
END_TEST

/* Takes little at a time, but always something. */
static ssize_t sip(void *arg, const struct iovec *vec, int count)
{
	struct counter *counter = arg;
	size_t length = 0;
	for (int i = 0; i < count; i++)
		for (size_t at = 0; at < vec[i].iov_len && length < 777; at++, length++)
			if (((const uint8_t *)vec[i].iov_base)[at] != counter->taken++ % 251)
				counter->wrong++;
	return (ssize_t)length;
}

static const struct coro_transport sipping = {
	.read = slow_read,
	.write = sip,
	.wait = counter_wait,
	.close = counter_close,
};

/* All pieces are the same bytes: the numbers below 251, again and again. */
static void repeat(char *bytes, size_t each, struct iovec *vec, int count)
{
	for (size_t i = 0; i < each; i++)
		bytes[i] = (char)(i % 251);
	for (int i = 0; i < count; i++)
		vec[i] = (struct iovec){bytes, each};
}

static int writes_sips(void *arg)
{
	enum { COUNT = 40, EACH = 2008 }; /* a multiple of 251 */
	static char bytes[EACH];
	static struct iovec vec[COUNT];
	struct counter *counter = arg;
	repeat(bytes, EACH, vec, COUNT);
	int r = coro_stream_create(&sipping, counter, NULL, &stream);
	if (r == 0)
		r = coro_stream_writev(stream, vec, COUNT);
	ck_assert_uint_eq(coro_stream_pending(stream), 0); /* it was written and not buffered */
	ck_assert_uint_eq(counter->taken, COUNT * EACH);
	ck_assert_uint_eq(counter->wrong, 0);
	coro_stream_destroy(stream);
	return r;
}

START_TEST(vector_goes_in_sips_that_end_within_its_pieces)
{
	struct counter counter = {0};
	ck_assert_int_eq(result_of(writes_sips, &counter), 0);
}
END_TEST

static ssize_t broken_write(void *arg, const struct iovec *vec, int count)
{
	return -ECONNRESET;
}

static const struct coro_transport broken = {
	.read = slow_read,
	.write = broken_write,
	.wait = counter_wait,
	.close = counter_close,
};

START_TEST(without_a_loop_there_is_no_stream)
{
	struct coro_stream *none = NULL;
	ck_assert_int_eq(coro_stream_create(&broken, NULL, NULL, &none), -EPERM);
	ck_assert_ptr_null(none);
}
END_TEST

static int moves_a_broken_stream(void *arg)
{
	struct counter counter = {0};
	int r = coro_stream_create(&broken, NULL, NULL, &stream);
	if (r < 0)
		return r;
	ck_assert_int_eq(coro_stream_write(stream, "x", 1), 0);
	ck_assert_int_eq(coro_stream_flush(stream), -ECONNRESET);
	ck_assert_int_eq(coro_stream_set_transport(stream, &counting, &counter), -ECONNRESET);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	return 0;
}

START_TEST(a_broken_stream_keeps_its_transport)
{
	ck_assert_int_eq(result_of(moves_a_broken_stream, NULL), 0);
}
END_TEST

static int writes_many_pieces(void *arg)
{
	enum { COUNT = 500, EACH = 1004 }; /* a multiple of 251 */
	static char bytes[EACH];
	static struct iovec vec[COUNT];
	struct counter *counter = arg;
	repeat(bytes, EACH, vec, COUNT);
	int r = coro_stream_create(&counting, counter, NULL, &stream);
	if (r == 0)
		r = coro_stream_writev(stream, vec, COUNT);
	if (r == 0)
		r = coro_stream_flush(stream);
	ck_assert_uint_eq(counter->taken, COUNT * EACH);
	ck_assert_uint_eq(counter->wrong, 0);
	coro_stream_destroy(stream);
	return r;
}

START_TEST(vector_of_many_pieces_goes_64_at_a_time)
{
	struct counter counter = {0};
	ck_assert_int_eq(result_of(writes_many_pieces, &counter), 0);
	ck_assert_int_eq(counter.most, 64);
}
END_TEST

/* ---- parts of vectors ---- */

enum { LONG = 100001 };

/* Takes as many bytes as it was allowed, and sees that none is missing. */
struct taster {
	size_t allowed, taken;
	int wrong;
};

static ssize_t taster_write(void *arg, const struct iovec *vec, int count)
{
	struct taster *taster = arg;
	size_t before = taster->taken;
	for (int i = 0; i < count; i++)
		for (size_t at = 0; at < vec[i].iov_len && taster->allowed > 0; at++) {
			uint8_t expected = (uint8_t)(taster->taken++ % 251);
			taster->wrong += ((const uint8_t *)vec[i].iov_base)[at] != expected;
			taster->allowed--;
		}
	return taster->taken > before ? (ssize_t)(taster->taken - before) : -EAGAIN;
}

static const struct coro_transport tasting = {
	.read = slow_read,
	.write = taster_write,
	.wait = counter_wait,
	.close = counter_close,
};

/* Writes some bytes, and then five pieces with the bytes that follow. */
static int writes_pieces(struct taster *taster, size_t first)
{
	static char bytes[LONG];
	for (size_t i = 0; i < LONG; i++)
		bytes[i] = (char)(i % 251);
	struct iovec vec[] = {
		{bytes + first, 30000},
		{bytes, 0},
		{bytes + first + 30000, 50000},
		{bytes + first + 80000, 1},
		{bytes + first + 80001, LONG - 80001 - first},
	};
	int r = coro_stream_create(&tasting, taster, NULL, &stream);
	if (r == 0)
		r = coro_stream_write(stream, bytes, first);
	if (r == 0)
		r = coro_stream_writev(stream, vec, 5);
	taster->allowed = SIZE_MAX;
	if (r == 0)
		r = coro_stream_flush(stream);
	coro_stream_destroy(stream);
	return r;
}

static int writes_parts(void *arg)
{
	static const size_t parts[] = {0,     1,     29999, 30000, 30001,  79999,
				       80000, 80001, 80002, 99999, 100000, LONG};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (size_t first = 0; first <= 2000; first += 1000) {
			struct taster taster = {.allowed = parts[i]};
			ck_assert_int_eq(writes_pieces(&taster, first), 0);
			ck_assert_uint_eq(taster.taken, LONG);
			ck_assert_int_eq(taster.wrong, 0);
		}
	return 0;
}

START_TEST(vector_of_which_a_part_is_taken_comes_whole_and_in_order)
{
	ck_assert_int_eq(result_of(writes_parts, NULL), 0);
}
END_TEST

/* ---- so many bytes ---- */

/* Takes as many bytes as it was allowed, and drops them. */
static size_t allowed;

static ssize_t meter_write(void *arg, const struct iovec *vec, int count)
{
	size_t left = allowed;
	for (int i = 0; i < count && allowed > 0; i++)
		allowed -= vec[i].iov_len < allowed ? vec[i].iov_len : allowed;
	return left > allowed ? (ssize_t)(left - allowed) : -EAGAIN;
}

static const struct coro_transport metered = {
	.read = slow_read,
	.write = meter_write,
	.wait = counter_wait,
	.close = counter_close,
};

static int opens_metered(void *arg)
{
	struct coro_stream_options options = {.high_water = 1000, .low_water = 400};
	allowed = 0;
	return coro_stream_create(&metered, NULL, &options, &stream);
}

static int drains(void *arg)
{
	int r = coro_stream_drain(stream);
	trace("drained:%zu", coro_stream_pending(stream));
	return r;
}

static int flushes(void *arg)
{
	int r = coro_stream_flush(stream);
	trace("flushed:%zu", coro_stream_pending(stream));
	return r;
}

static int sleeps_a_while(void *arg)
{
	return coro_sleep(20);
}

/* Two tasks that wait, while so many bytes are taken, some of 1,200. */
static void assert_waiters(coro_fn *fn, size_t length, size_t taken, const char *expected)
{
	static const char bytes[1200];
	ck_assert_int_eq(result_of(opens_metered, NULL), 0);
	ck_assert_int_eq(coro_stream_write(stream, bytes, length), 0);
	struct coro_future *one = start(fn, NULL), *other = start(fn, NULL);
	allowed = taken;
	ck_assert_int_eq(result_of(sleeps_a_while, NULL), 0);
	ck_assert_trace(expected);
	allowed = SIZE_MAX;
	run();
	trace_take();
	assert_ended(one, 0);
	assert_ended(other, 0);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
	run();
}

START_TEST(all_who_drain_go_on_when_no_more_than_the_low_water_is_left)
{
	assert_waiters(drains, 1200, 799, "");
	assert_waiters(drains, 1200, 800, "drained:400 drained:400");
	assert_waiters(drains, 1200, 900, "drained:300 drained:300");
}
END_TEST

START_TEST(all_who_flush_go_on_when_nothing_is_left)
{
	assert_waiters(flushes, 300, 299, "");
	assert_waiters(flushes, 300, 300, "flushed:0 flushed:0");
	assert_waiters(flushes, 1200, 1199, "");
	assert_waiters(flushes, 1200, 1200, "flushed:0 flushed:0");
}
END_TEST

/* Writes that end where a block does. */
static int fills_blocks(void *arg)
{
	static const char bytes[BLOCK_SIZE];
	struct coro_stream_options options = {.high_water = 100 * BLOCK_SIZE};
	allowed = 0;
	int r = coro_stream_create(&metered, NULL, &options, &stream);
	for (int i = 0; i < 40 && r == 0; i++) {
		r = coro_stream_write(stream, bytes, sizeof(bytes) / 2);
		if (r == 0)
			r = coro_stream_write(stream, bytes, sizeof(bytes) - sizeof(bytes) / 2);
	}
	allowed = SIZE_MAX;
	if (r == 0)
		r = coro_stream_flush(stream);
	coro_stream_destroy(stream);
	return r < 0 ? r : coro_sleep(10);
}

START_TEST(writes_that_fill_blocks_leave_none_allocated)
{
	size_t after_two = 0;
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(result_of(fills_blocks, NULL), 0);
		if (i <= 1)
			after_two = allocated();
	}
	ck_assert_uint_eq(allocated(), after_two);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, without_a_loop_there_is_no_stream);
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, a_stream_goes_by_way_of_another_transport);
	tcase_add_test(tests, flush_waits_for_what_is_held_back);
	tcase_add_test(tests, one_that_takes_nothing_is_waited_for);
	tcase_add_test(tests, a_close_takes_its_leave_first);
	tcase_add_test(tests, an_abort_does_not);
	tcase_add_test(tests, an_error_in_flushing_loses_the_connection);
	tcase_add_test(tests, one_that_holds_something_back_may_be_discarded);
	tcase_add_test(tests, a_stream_in_use_keeps_its_transport);
	tcase_add_test(tests, peeking_for_one_byte_more_reads_many);
	tcase_add_test(tests, write_of_many_blocks_has_64_pieces_at_most_and_leaves_none_allocated);
	tcase_add_test(tests, vector_goes_in_sips_that_end_within_its_pieces);
	tcase_add_test(tests, a_broken_stream_keeps_its_transport);
	tcase_add_test(tests, vector_of_many_pieces_goes_64_at_a_time);
	tcase_add_test(tests, all_who_drain_go_on_when_no_more_than_the_low_water_is_left);
	tcase_add_test(tests, all_who_flush_go_on_when_nothing_is_left);
	tcase_add_test(tests, writes_that_fill_blocks_leave_none_allocated);
	tcase_add_test(tests, vector_of_which_a_part_is_taken_comes_whole_and_in_order);
}

TEST_MAIN("transport", add)
