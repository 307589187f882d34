/* SPDX-License-Identifier: MIT */
/* Peers that are broken, slow, or mean harm. */
#include "tls.h"

#include "tls/connection.h"

#include <openssl/err.h>

#define OPTIONS(...) (&(struct coro_tls_options){__VA_ARGS__})

static const int version_numbers[] = {CORO_TLS_1_2, CORO_TLS_1_3};

/* ---- what lies in between ---- */

/* Below the TLS of one end: what comes may end, or have a wrong byte, at some place. */
struct between {
	const struct coro_transport *below;
	void *arg;
	size_t read;       /* so far */
	size_t end;        /* where it ends */
	size_t wrong;      /* where a byte is another */
	const char *extra; /* comes instead, NULL for none */
	size_t extra_length;
	bool deaf; /* takes nothing that is to be written */
};

static ssize_t read_extra(struct between *between, void *bytes, size_t length)
{
	length = length < between->extra_length ? length : between->extra_length;
	memcpy(bytes, between->extra, length);
	between->extra += length;
	between->extra_length -= length;
	return length > 0 ? (ssize_t)length : -EAGAIN;
}

static ssize_t between_read(void *arg, void *bytes, size_t length)
{
	struct between *between = arg;
	if (between->extra)
		return read_extra(between, bytes, length);
	if (length > between->end - between->read)
		length = between->end - between->read;
	if (length == 0)
		return 0;
	ssize_t n = between->below->read(between->arg, bytes, length);
	if (n <= 0)
		return n;
	if (between->wrong - between->read < (size_t)n)
		((char *)bytes)[between->wrong - between->read] ^= 1 << between->wrong % 8;
	between->read += (size_t)n;
	return n;
}

static ssize_t between_write(void *arg, const struct iovec *vec, int count)
{
	const struct between *between = arg;
	return between->deaf ? -EAGAIN : between->below->write(between->arg, vec, count);
}

static int between_wait(void *arg, bool writing)
{
	const struct between *between = arg;
	return between->below->wait(between->arg, writing);
}

static void between_close(void *arg)
{
	const struct between *between = arg;
	between->below->close(between->arg);
}

static const struct coro_transport between_transport = {
	.read = between_read,
	.write = between_write,
	.wait = between_wait,
	.close = between_close,
};

static struct between between;

/* Puts it below a stream that is to become TLS. */
static void come_between(struct coro_stream *stream)
{
	between = (struct between){.end = SIZE_MAX, .wrong = SIZE_MAX};
	between.below = coro_stream_transport(stream, &between.arg);
	ck_assert_int_eq(coro_stream_set_transport(stream, &between_transport, &between), 0);
}

/* A client and a server whose bytes one of them gets by way of that; again after destroy_pair. */
static void open_between(int version, bool at_server)
{
	open_pair(UNIX);
	if (!client_context)
		make_contexts(OPTIONS(.max_version = version), NULL);
	come_between(at_server ? server : client);
}

static int reads(void *stream)
{
	char got[64] = {0};
	ssize_t n = coro_stream_read(stream, got, sizeof(got) - 1);
	trace("%s", n > 0 ? got : n == 0 ? "end" : coro_message((int)n));
	return (int)n;
}

static int says_it(void *stream)
{
	int r = coro_stream_write(stream, "word", 4);
	return r < 0 ? r : coro_stream_flush(stream);
}

static bool is_failure(int r)
{
	return r == -EPROTO || r == CORO_UNTRUSTED || r == -EPIPE || r == -ECONNRESET;
}

/* ---- bytes that do not come, or are others ---- */

START_TEST(a_handshake_may_be_cut_at_any_byte)
{
	bool at_server = _i / 2;
	for (size_t end = 0;; end += (size_t)many(1, 97)) {
		open_between(version_numbers[_i % 2], at_server);
		between.end = end;
		shake("localhost");
		const struct shaking *cut = at_server ? &server_shaking : &client_shaking;
		const struct shaking *other = at_server ? &client_shaking : &server_shaking;
		bool whole = cut->result == 0;
		if (!whole) {
			ck_assert_msg(cut->result == -EPROTO, "%zu: %d", end, cut->result);
			ck_assert_str_eq(cut->words, "TLS: the connection was cut");
			ck_assert(other->result == 0 || is_failure(other->result));
		}
		ck_assert_uint_eq(ERR_peek_error(), 0);
		destroy_pair();
		if (whole)
			break;
		ck_assert_uint_lt(end, 10000);
	}
}
END_TEST

START_TEST(any_byte_of_a_handshake_may_be_wrong)
{
	bool at_server = _i / 2;
	for (size_t wrong = 0;; wrong += (size_t)many(1, 97)) {
		open_between(version_numbers[_i % 2], at_server);
		between.wrong = wrong;
		shake("localhost");
		const struct shaking *hit = at_server ? &server_shaking : &client_shaking;
		bool reached = between.read > wrong;
		/* If the length is too large, it waits for what does not come. */
		if (reached && hit->result != 0)
			ck_assert_msg(is_failure(hit->result) || hit->result == -ETIMEDOUT,
				      "%zu: %d", wrong, hit->result);
		ck_assert_uint_eq(ERR_peek_error(), 0);
		destroy_pair();
		if (!reached)
			break;
		ck_assert_uint_lt(wrong, 10000);
	}
}
END_TEST

START_TEST(a_record_may_be_cut_at_any_byte)
{
	for (size_t rest = 0, whole = 0; !whole; rest++) {
		open_between(version_numbers[_i], true);
		shake("localhost");
		ck_assert_int_eq(server_shaking.result, 0);
		between.end = between.read + rest;
		ck_assert_int_eq(result_of(says_it, client), 0);
		int r = result_of(reads, server);
		whole = r == 4;
		/* A part of a record is not taken for the whole. */
		ck_assert(whole || r == -EPROTO);
		ck_assert_int_eq(result_of(reads, server), -EPROTO);
		ck_assert_uint_eq(ERR_peek_error(), 0);
		destroy_pair();
		trace_take();
		ck_assert_uint_lt(rest, 100);
	}
}
END_TEST

START_TEST(a_record_with_any_byte_wrong_is_an_error)
{
	for (size_t at = 0; at < 26; at++) {
		open_between(version_numbers[_i], true);
		shake("localhost");
		ck_assert_int_eq(server_shaking.result, 0);
		between.wrong = between.read + at;
		ck_assert_int_eq(result_of(says_it, client), 0);
		struct coro_future *task = spawn(reads, server);
		for (int i = 0; i < 5; i++)
			turn();
		/* One that claims to be longer goes on with what comes next. */
		if (!coro_future_done(task))
			coro_stream_close(client);
		ck_assert(is_failure(coro_run_until_complete(loop, task, NULL)));
		coro_future_unref(task);
		ck_assert_uint_eq(ERR_peek_error(), 0);
		destroy_pair();
		trace_take();
	}
}
END_TEST

/* ---- floods ---- */

/* Input of a client that renews its keys n times, and asks the server to do so. */
static struct buffer renewals(int count)
{
	struct connection *connection = connection_of(client);
	for (int i = 0; i < count; i++) {
		ck_assert_int_eq(SSL_key_update(connection->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		ck_assert_int_eq(SSL_do_handshake(connection->ssl), 1);
	}
	struct buffer flood = connection->out;
	connection->out = (struct buffer){0};
	return flood;
}

START_TEST(a_flood_that_brings_nothing_does_not_hold_the_loop)
{
	open_between(CORO_TLS_1_3, true);
	shake("localhost");
	struct buffer flood = renewals(8000);
	between.extra = flood.bytes + flood.begin;
	between.extra_length = buffer_length(&flood);
	struct coro_future *reading = spawn(reads, server), *task;
	struct coro_future *draining = spawn(reads, client);
	for (int turns = 0; between.extra_length > 0; turns++) {
		size_t before = between.extra_length;
		turn();
		ck_assert_uint_le(before - between.extra_length, 1 << 17);
		ck_assert_int_lt(turns, 1000);
	}
	between.extra = NULL;
	buffer_finish(&flood);
	task = spawn(says_it, client);
	finish(task, 0);
	finish(reading, 4);
	cancel(draining);
	finish(draining, -ECANCELED);
}
END_TEST

START_TEST(answers_that_the_peer_does_not_take_do_not_pile_up)
{
	open_between(CORO_TLS_1_3, true);
	shake("localhost");
	struct buffer flood = renewals(8000);
	between.extra = flood.bytes + flood.begin;
	between.extra_length = buffer_length(&flood);
	between.deaf = true;
	struct coro_future *reading = spawn(reads, server);
	for (int i = 0; i < 20; i++)
		turn();
	const struct buffer *out = &connection_of(server)->out;
	ck_assert_uint_lt(buffer_length(out), 1 << 17);
	ck_assert_uint_gt(buffer_length(out), 1 << 16);
	/* It has stopped to read. */
	ck_assert_uint_gt(between.extra_length, 0);
	between.deaf = false;
	struct coro_future *draining = spawn(reads, client);
	while (between.extra_length > 0) {
		turn();
		ck_assert_uint_lt(out->size, 1 << 18);
	}
	between.extra = NULL;
	buffer_finish(&flood);
	finish(spawn(says_it, client), 0);
	finish(reading, 4);
	cancel(draining);
	finish(draining, -ECANCELED);
}
END_TEST

START_TEST(a_buffer_that_is_never_empty_does_not_grow)
{
	struct buffer buffer = {0};
	char bytes[100] = {0}, next = 0, expected = 0;
	bool good = true;
	for (int i = 0; i < 100000; i++) {
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = next++;
		ck_assert_int_eq(buffer_add(&buffer, bytes, sizeof(bytes)), 0);
		size_t part = i < 10 ? 0 : sizeof(bytes);
		for (size_t k = 0; k < part; k++)
			good &= buffer.bytes[buffer.begin + k] == expected++;
		buffer_drop(&buffer, part);
	}
	ck_assert(good);
	ck_assert_uint_eq(buffer_length(&buffer), 1000);
	ck_assert_uint_lt(buffer.size, 10000);
	buffer_finish(&buffer);
}
END_TEST

/* ---- two at once ---- */

START_TEST(two_handshakes_at_once_are_misuse)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	struct shaking second = {.host = "localhost"};
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *tasks[] = {spawn(connects, &client_shaking), spawn(connects, &second)};
	finish(tasks[0], 0);
	finish(tasks[1], 0);
	ck_assert_int_eq(client_shaking.result, -EPIPE);
	ck_assert_int_eq(second.result, -EBUSY);
	ck_assert(coro_stream_is_closing(client));
}
END_TEST

static int destroys_client(void *arg)
{
	int r = coro_stream_destroy(client);
	client = NULL;
	return r;
}

START_TEST(a_stream_may_be_destroyed_in_its_handshake)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *task = start(connects, &client_shaking);
	ck_assert_int_eq(result_of(destroys_client, NULL), 0);
	finish(task, 0);
	ck_assert_int_eq(client_shaking.result, -EPIPE);
}
END_TEST

START_TEST(one_that_was_aborted_may_be_discarded)
{
	open_pair(UNIX);
	make_contexts(NULL, NULL);
	client_shaking = (struct shaking){.host = "localhost"};
	struct coro_future *task = start(connects, &client_shaking);
	coro_stream_abort(client);
	loop_teardown();
	coro_future_unref(task);
	destroy_streams();
	loop_setup();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, tls_setup, tls_teardown);
	tcase_add_loop_test(tests, a_handshake_may_be_cut_at_any_byte, 0, 4);
	tcase_add_loop_test(tests, any_byte_of_a_handshake_may_be_wrong, 0, 4);
	tcase_add_loop_test(tests, a_record_may_be_cut_at_any_byte, 0, 2);
	tcase_add_loop_test(tests, a_record_with_any_byte_wrong_is_an_error, 0, 2);
	tcase_add_test(tests, a_flood_that_brings_nothing_does_not_hold_the_loop);
	tcase_add_test(tests, answers_that_the_peer_does_not_take_do_not_pile_up);
	tcase_add_test(tests, a_buffer_that_is_never_empty_does_not_grow);
	tcase_add_test(tests, two_handshakes_at_once_are_misuse);
	tcase_add_test(tests, a_stream_may_be_destroyed_in_its_handshake);
	tcase_add_test(tests, one_that_was_aborted_may_be_discarded);
}

TEST_MAIN("peer", add)
