/* SPDX-License-Identifier: MIT */
/* Data over TLS, in both directions; ends, clean or not. */
#include "tls.h"

#define OPTIONS(...) (&(struct coro_tls_options){__VA_ARGS__})

enum { MUCH = 600000 };

/* What a task reads or writes. */
struct moving {
	struct coro_stream *stream;
	const char *word; /* or NULL: much of it */
	size_t chunk;     /* at a time; 0 for all */
	size_t most;      /* to be read; 0 for MUCH */
	bool closes;
};

static char byte_at(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static int reads(void *arg)
{
	char got[64] = {0};
	ssize_t n = coro_stream_read(arg, got, sizeof(got) - 1);
	if (n > 0)
		trace("%s", got);
	else
		trace("%s", n == 0 ? "end" : coro_message((int)n));
	return (int)n;
}

static int writes(void *arg)
{
	const struct moving *moving = arg;
	return coro_stream_write(moving->stream, moving->word, strlen(moving->word));
}

static void say(struct coro_stream *stream, const char *word)
{
	ck_assert_int_eq(result_of(writes, &(struct moving){stream, word}), 0);
}

static int flushes(void *stream)
{
	return coro_stream_flush(stream);
}

static int writes_and_flushes(void *stream)
{
	int r = coro_stream_write(stream, "more", 4);
	return r < 0 ? r : coro_stream_flush(stream);
}

static int writes_end(void *stream)
{
	return coro_stream_write_eof(stream);
}

static int writes_much(void *arg)
{
	const struct moving *moving = arg;
	size_t chunk = moving->chunk ? moving->chunk : MUCH;
	static char all[MUCH];
	int r = 0;
	for (size_t i = 0; i < MUCH; i++)
		all[i] = byte_at(i);
	for (size_t at = 0; at < MUCH && r == 0; at += chunk) {
		size_t part = chunk < MUCH - at ? chunk : MUCH - at;
		struct iovec vec[] = {{all + at, part / 3}, {all + at + part / 3, part - part / 3}};
		r = coro_stream_writev(moving->stream, vec, 2);
		if (r == 0 && !moving->closes)
			r = coro_stream_drain(moving->stream);
	}
	if (r == 0 && moving->closes)
		r = coro_stream_close(moving->stream);
	return r;
}

static int reads_much(void *arg)
{
	const struct moving *moving = arg;
	char got[10000];
	size_t done = 0, most = moving->most ? moving->most : MUCH;
	ssize_t n = 1;
	while (done < most && n > 0) {
		n = coro_stream_read(moving->stream, got, moving->chunk);
		for (ssize_t i = 0; i < n; i++)
			if (got[i] != byte_at(done++))
				return -EIO;
	}
	return n < 0 ? (int)n : (int)done;
}

/* ---- there and back ---- */

START_TEST(what_is_written_is_read)
{
	begin(UNIX, NULL, NULL);
	say(client, "there");
	ck_assert_int_eq(result_of(reads, server), 5);
	say(server, "back");
	ck_assert_int_eq(result_of(reads, client), 4);
	ck_assert_trace("there back");
}
END_TEST

static int reads_by_pieces(void *arg)
{
	const char *text;
	char bytes[4];
	coro_stream_printf(client, "line %d\nrest of it|%s", 1, "1234");
	ck_assert_int_eq(coro_stream_readline(server, &text), 7);
	ck_assert_mem_eq(text, "line 1\n", 7);
	ck_assert_int_eq(coro_stream_readuntil(server, "|", 1, &text), 11);
	ck_assert_int_eq(coro_stream_peek(server, 4, &text), 4);
	ck_assert_int_eq(coro_stream_readexactly(server, bytes, 4), 4);
	ck_assert_mem_eq(bytes, "1234", 4);
	return 0;
}

START_TEST(all_calls_of_streams_work)
{
	begin(UNIX, NULL, NULL);
	ck_assert_int_eq(result_of(reads_by_pieces, NULL), 0);
}
END_TEST

static const struct {
	int version;
	size_t chunk, shortened;
} ways[] = {
	{CORO_TLS_1_3, 0, 0},      {CORO_TLS_1_2, 0, 0},     {CORO_TLS_1_3, 100000, 0},
	{CORO_TLS_1_3, 16384, 0},  {CORO_TLS_1_3, 16385, 0}, {CORO_TLS_1_2, 5000, 0},
	{CORO_TLS_1_3, 100, 0},    {CORO_TLS_1_3, 0, 1000},  {CORO_TLS_1_2, 0, 1000},
	{CORO_TLS_1_3, 5000, 333},
};

START_TEST(much_goes_both_ways_at_once)
{
	begin(_i % 2 ? UNIX : TCP, OPTIONS(.max_version = ways[_i].version), NULL);
	shorten_transfers(ways[_i].shortened);
	struct moving to_server = {client, .chunk = ways[_i].chunk};
	struct moving to_client = {server, .chunk = ways[_i].chunk};
	struct coro_future *tasks[] = {
		spawn(writes_much, &to_server),
		spawn(writes_much, &to_client),
		spawn(reads_much, &(struct moving){server, .chunk = 10000}),
		spawn(reads_much, &(struct moving){client, .chunk = 777}),
	};
	finish(tasks[0], 0);
	finish(tasks[1], 0);
	finish(tasks[2], MUCH);
	finish(tasks[3], MUCH);
	shorten_transfers(0);
}
END_TEST

START_TEST(a_little_goes_a_byte_at_a_time)
{
	begin(UNIX, OPTIONS(.max_version = ways[_i].version), NULL);
	shorten_transfers(1);
	struct moving out = {client, .chunk = 500};
	struct coro_future *task = spawn(writes_much, &out);
	ck_assert_int_ge(result_of(reads_much, &(struct moving){server, NULL, 100, 3000}), 3000);
	cancel(task);
	finish(task, -ECANCELED);
	shorten_transfers(0);
}
END_TEST

/* Has the peer take new keys, and asks for the same, while both write. */
static int renews_keys(void *arg)
{
	for (int i = 0; i < 20; i++) {
		SSL_key_update(coro_tls_ssl(client), SSL_KEY_UPDATE_REQUESTED);
		SSL_key_update(coro_tls_ssl(server), SSL_KEY_UPDATE_REQUESTED);
		int r = coro_task_yield();
		if (r < 0)
			return r;
	}
	return 0;
}

START_TEST(keys_may_be_renewed_meanwhile)
{
	begin(UNIX, NULL, NULL);
	struct coro_future *tasks[] = {
		spawn(writes_much, &(struct moving){client, .chunk = 3000}),
		spawn(writes_much, &(struct moving){server, .chunk = 3000}),
		spawn(reads_much, &(struct moving){server, .chunk = 1000}),
		spawn(reads_much, &(struct moving){client, .chunk = 1000}),
		spawn(renews_keys, NULL),
	};
	finish(tasks[0], 0);
	finish(tasks[1], 0);
	finish(tasks[2], MUCH);
	finish(tasks[3], MUCH);
	finish(tasks[4], 0);
}
END_TEST

START_TEST(flush_waits_until_the_last_byte_is_handed_over)
{
	begin(TCP, NULL, NULL);
	struct coro_future *task = spawn(writes_much, &(struct moving){client});
	for (int i = 0; i < 5; i++)
		turn();
	struct coro_future *flushing = spawn(flushes, client);
	for (int i = 0; i < 5; i++)
		turn();
	ck_assert(!coro_future_done(flushing));
	ck_assert_int_eq(result_of(reads_much, &(struct moving){server, NULL, 10000, 0}), MUCH);
	finish(flushing, 0);
	finish(task, 0);
	ck_assert_uint_eq(coro_stream_pending(client), 0);
}
END_TEST

/* ---- messages of TLS itself that come in pieces ---- */

/* Lets the client read at most n bytes from below. */
struct gate {
	const struct coro_transport *below;
	void *arg;
	size_t allowed;
	int refused; /* so often there was nothing */
	bool cut;    /* there is nothing more, without a notice */
};

static ssize_t gate_read(void *arg, void *bytes, size_t length)
{
	struct gate *gate = arg;
	if (gate->cut)
		return 0;
	length = length < gate->allowed ? length : gate->allowed;
	gate->refused += length == 0;
	if (length == 0)
		return -EAGAIN;
	ssize_t n = gate->below->read(gate->arg, bytes, length);
	gate->allowed -= n > 0 ? (size_t)n : 0;
	return n;
}

static ssize_t gate_write(void *arg, const struct iovec *vec, int count)
{
	const struct gate *gate = arg;
	return gate->below->write(gate->arg, vec, count);
}

static int gate_wait(void *arg, bool writing)
{
	const struct gate *gate = arg;
	if (!writing && gate->allowed == 0)
		return coro_sleep(CORO_SEC);
	return gate->below->wait(gate->arg, writing);
}

static void gate_close(void *arg)
{
	const struct gate *gate = arg;
	gate->below->close(gate->arg);
}

static const struct coro_transport gate_transport = {
	.read = gate_read,
	.write = gate_write,
	.wait = gate_wait,
	.close = gate_close,
};

/* The server's tickets hold the client's certificate, and need several of such small records. */
static void begin_with_large_tickets(struct gate *gate, unsigned flags)
{
	struct identity me = make_identity("me", "email:me@example.org", &authority, A_DAY);
	open_pair(UNIX);
	make_contexts(OPTIONS(.certificate = me.certificate, .key = me.key, .flags = flags),
		      OPTIONS(.flags = CORO_TLS_REQUIRE_CLIENT, .ca = authority.certificate));
	SSL_CTX_set_max_send_fragment(coro_tls_context_ssl(server_context), 512);
	*gate = (struct gate){.allowed = SIZE_MAX};
	gate->below = coro_stream_transport(client, &gate->arg);
	ck_assert_int_eq(coro_stream_set_transport(client, &gate_transport, gate), 0);
	shake("localhost");
	ck_assert_int_eq(client_shaking.result, 0);
	ck_assert_int_eq(server_shaking.result, 0);
	identity_finish(&me);
}

START_TEST(a_message_of_TLS_in_pieces_holds_nobody_up)
{
	bool another_reads = _i;
	for (size_t allowed = 500; allowed < 1300; allowed += 30) {
		struct gate gate;
		begin_with_large_tickets(&gate, 0);
		gate.allowed = allowed;
		struct coro_future *reading = start(reads, client);
		turn(); /* it has what there is */
		if (!another_reads) {
			cancel(reading);
			turn();
		}
		struct coro_future *answering = spawn(reads, server);
		say(client, "question");
		for (int i = 0; i < 5; i++)
			turn();
		gate.allowed = SIZE_MAX;
		finish(answering, 8);
		say(server, "answer");
		finish(reading, another_reads ? 6 : -ECANCELED);
		ck_assert_trace(another_reads ? "question answer" : "Operation canceled question");
		destroy_streams();
	}
}
END_TEST

static int sleeps_a_second(void *arg)
{
	return coro_sleep(CORO_SEC);
}

START_TEST(a_message_of_TLS_that_does_not_come_costs_little)
{
	int amid = 0;
	for (size_t allowed = 500; allowed < 1300; allowed += 30) {
		struct gate gate;
		begin_with_large_tickets(&gate, 0);
		gate.allowed = allowed;
		struct coro_future *reading = start(reads, client);
		turn(); /* it has what there is */
		cancel(reading);
		turn();
		finish(reading, -ECANCELED);
		gate.refused = 0;
		struct coro_future *answering = spawn(reads, server);
		say(client, "question");
		ck_assert_int_eq(result_of(sleeps_a_second, NULL), 0);
		ck_assert_int_lt(gate.refused, 40);
		amid += gate.refused > 5;
		gate.allowed = SIZE_MAX;
		finish(answering, 8);
		destroy_streams();
		trace_take();
	}
	ck_assert_int_gt(amid, 0);
}
END_TEST

/* ---- ends ---- */

START_TEST(an_end_is_reported)
{
	begin(UNIX, OPTIONS(.max_version = _i ? CORO_TLS_1_2 : CORO_TLS_1_3), NULL);
	say(client, "last");
	ck_assert_int_eq(coro_stream_close(client), 0);
	ck_assert_int_eq(result_of(reads, server), 4);
	ck_assert_int_eq(result_of(reads, server), 0);
	ck_assert(coro_stream_at_eof(server));
	ck_assert_trace("last end");
	ck_assert_ptr_null(coro_tls_version(client));
	ck_assert_int_eq(coro_stream_fd(client), -1);
}
END_TEST

static int reads_all_late(void *length)
{
	static char bytes[65536];
	ssize_t n;
	coro_sleep(CORO_SEC);
	while ((n = coro_stream_read(server, bytes, sizeof(bytes))) > 0)
		*(size_t *)length += (size_t)n;
	return (int)n;
}

/* The session tickets of TLS 1.3 are what nobody has read. */
START_TEST(unread_tickets_take_nothing_away)
{
	static char much[3 << 20];
	size_t length = 0;
	begin(TCP, OPTIONS(.max_version = _i ? CORO_TLS_1_2 : CORO_TLS_1_3), NULL);
	ck_assert_int_eq(coro_stream_write(client, much, sizeof(much)), 0);
	ck_assert_int_eq(coro_stream_close(client), 0);
	ck_assert_int_eq(result_of(reads_all_late, &length), 0);
	ck_assert_uint_eq(length, sizeof(much));
}
END_TEST

START_TEST(one_direction_may_end_before_the_other)
{
	begin(UNIX, OPTIONS(.max_version = _i ? CORO_TLS_1_2 : CORO_TLS_1_3), NULL);
	say(client, "question");
	ck_assert_int_eq(result_of(writes_end, client), 0);
	ck_assert_int_eq(result_of(reads, server), 8);
	ck_assert_int_eq(result_of(reads, server), 0);
	say(server, "answer");
	ck_assert_int_eq(result_of(reads, client), 6);
	ck_assert_int_eq(coro_stream_write(client, "more", 4), -EPIPE);
	ck_assert_int_eq(coro_stream_close(server), 0);
	ck_assert_int_eq(result_of(reads, client), 0);
	ck_assert_trace("question end answer end");
}
END_TEST

START_TEST(keys_may_be_renewed_after_an_end)
{
	begin(UNIX, NULL, NULL);
	ck_assert_int_eq(result_of(writes_end, client), 0);
	ck_assert_int_eq(result_of(reads, server), 0);
	for (int i = 0; i < 3; i++) {
		SSL_key_update(coro_tls_ssl(server), SSL_KEY_UPDATE_REQUESTED);
		say(server, "more");
		ck_assert_int_eq(result_of(reads, client), 4);
	}
	coro_stream_close(server);
	ck_assert_int_eq(result_of(reads, client), 0);
	ck_assert_trace("end more more more end");
}
END_TEST

START_TEST(an_end_amid_a_message_of_TLS_is_told_after_it)
{
	int amid = 0;
	for (size_t allowed = 500; allowed < 1300; allowed += 30) {
		struct gate gate;
		begin_with_large_tickets(&gate, 0);
		gate.allowed = allowed;
		struct coro_future *reading = start(reads, client);
		for (int i = 0; i < 5; i++)
			turn();
		amid += SSL_in_init(coro_tls_ssl(client));
		ck_assert_int_eq(result_of(writes_end, client), 0);
		struct coro_future *ending = start(reads, server);
		gate.allowed = SIZE_MAX;
		finish(ending, 0);
		say(server, "answer");
		finish(reading, 6);
		ck_assert_trace("end answer");
		destroy_streams();
	}
	ck_assert_int_gt(amid, 0);
}
END_TEST

START_TEST(an_end_without_a_notice_is_an_error)
{
	begin(TCP, OPTIONS(.max_version = _i ? CORO_TLS_1_2 : CORO_TLS_1_3), NULL);
	say(client, "last");
	ck_assert_int_eq(result_of(flushes, client), 0);
	/* As if by an attacker: without a close_notify. */
	ck_assert_int_eq(shutdown(line.to, SHUT_WR), 0);
	ck_assert_int_eq(result_of(reads, server), 4);
	ck_assert_int_eq(result_of(reads, server), -EPROTO);
	ck_assert_int_eq(result_of(reads, server), -EPROTO);
	ck_assert_trace("last TLS: the connection was cut TLS: the connection was cut");
}
END_TEST

START_TEST(it_may_be_taken_for_one)
{
	begin(TCP, OPTIONS(.max_version = _i ? CORO_TLS_1_2 : CORO_TLS_1_3),
	      OPTIONS(.flags = CORO_TLS_RAGGED_END));
	say(client, "last");
	ck_assert_int_eq(result_of(flushes, client), 0);
	ck_assert_int_eq(shutdown(line.to, SHUT_WR), 0);
	ck_assert_int_eq(result_of(reads, server), 4);
	ck_assert_int_eq(result_of(reads, server), 0);
	ck_assert_trace("last end");
}
END_TEST

/* OpenSSL reads the rest of it before it writes. */
START_TEST(a_write_amid_a_message_of_TLS_that_is_cut_fails)
{
	int amid = 0;
	for (size_t allowed = 500; allowed < 1300; allowed += 30) {
		struct gate gate;
		begin_with_large_tickets(&gate, _i ? CORO_TLS_RAGGED_END : 0);
		gate.allowed = allowed;
		struct coro_future *reading = start(reads, client);
		turn(); /* it has what there is */
		cancel(reading);
		finish(reading, -ECANCELED);
		if (SSL_in_init(coro_tls_ssl(client))) {
			amid++;
			gate.cut = true;
			ck_assert_int_eq(result_of(writes_and_flushes, client),
					 _i ? -EPIPE : -EPROTO);
		}
		destroy_streams();
		trace_take();
	}
	ck_assert_int_gt(amid, 0);
}
END_TEST

struct failing {
	unsigned long n; /* the allocation that is to fail */
	bool failed;
};

static int writes_without_memory(void *arg)
{
	struct failing *failing = arg;
	fail_nth(failing->n);
	int r = writes_and_flushes(server);
	failing->failed = fail_off();
	return r;
}

/* It is no end, nor what comes of one. */
START_TEST(a_write_without_memory_after_an_end_says_so)
{
	struct failing failing = {.failed = true};
	int failures = 0;
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	while (failing.failed) {
		begin(TCP, NULL, OPTIONS(.flags = _i ? CORO_TLS_RAGGED_END : 0));
		if (_i)
			ck_assert_int_eq(shutdown(line.to, SHUT_WR), 0);
		else
			ck_assert_int_eq(result_of(writes_end, client), 0);
		ck_assert_int_eq(result_of(reads, server), 0);
		failing.n++;
		int r = result_of(writes_without_memory, &failing);
		ck_assert_msg(r == 0 || (failing.failed && r == -ENOMEM), "%lu: %s", failing.n,
			      coro_strerror(r));
		failures += r < 0;
		destroy_streams();
		trace_take();
	}
	ck_assert_int_gt(failures, 0);
}
END_TEST

START_TEST(an_abort_says_nothing)
{
	begin(UNIX, NULL, NULL);
	ck_assert_int_eq(coro_stream_abort(client), 0);
	ck_assert_int_lt(result_of(reads, server), 0);
}
END_TEST

START_TEST(all_that_was_written_arrives_before_the_end)
{
	begin(_i % 2 ? UNIX : TCP, NULL, NULL);
	shorten_transfers(_i < 2 ? 0 : 500);
	struct moving out = {client, .closes = true};
	finish(spawn(writes_much, &out), 0);
	struct moving in = {server, NULL, 5000, 2 * MUCH};
	ck_assert_int_eq(result_of(reads_much, &in), MUCH);
	ck_assert(coro_stream_at_eof(server));
	shorten_transfers(0);
}
END_TEST

static int waits_closed(void *stream)
{
	return coro_stream_wait_closed(stream);
}

START_TEST(closed_means_that_the_goodbye_is_out)
{
	begin(UNIX, NULL, NULL);
	struct moving out = {client, .closes = true};
	finish(spawn(writes_much, &out), 0);
	struct coro_future *task = start(waits_closed, client);
	ck_assert(!coro_future_done(task));
	struct moving in = {server, NULL, 5000, MUCH / 2};
	ck_assert_int_ge(result_of(reads_much, &in), MUCH / 2);
	/* Reads the rest by the system's own calls, as nobody reads it otherwise. */
	char drop[4096];
	while (!coro_future_done(task)) {
		while (recv(line.from, drop, sizeof(drop), MSG_DONTWAIT) > 0)
			;
		turn();
	}
	finish(task, 0);
}
END_TEST

START_TEST(a_goodbye_that_nobody_hears_is_no_error)
{
	begin(TCP, NULL, NULL);
	coro_stream_close(server);
	turn();
	ck_assert_int_eq(result_of(reads, client), 0);
	fail_calls_from("send", 1, EPIPE);
	coro_stream_close(client);
	fail_call_off();
	ck_assert_int_eq(result_of(waits_closed, client), 0);
}
END_TEST

/* ---- failures ---- */

START_TEST(bytes_that_are_wrong_are_an_error)
{
	static const char wrong[] = "\x17\x03\x03\x00\x27"
				    "this is no MAC that would do for these.";
	begin(TCP, OPTIONS(.max_version = _i ? CORO_TLS_1_2 : CORO_TLS_1_3), NULL);
	ck_assert_int_eq(send(line.to, wrong, sizeof(wrong) - 1, 0), (ssize_t)sizeof(wrong) - 1);
	ck_assert_int_eq(result_of(reads, server), -EPROTO);
	ck_assert_says(trace_take(), "bad record mac");
	/* Neither side can write any more, and the peer knows why. */
	say(server, "x");
	ck_assert_int_eq(result_of(flushes, server), -EPROTO);
	ck_assert_int_eq(result_of(reads, client), -EPROTO);
	ck_assert_says(trace_take(), "alert bad record mac");
}
END_TEST

START_TEST(errors_from_below_are_passed_on)
{
	begin(TCP, NULL, NULL);
	say(client, "x");
	ck_assert_int_eq(result_of(flushes, client), 0);
	fail_call("recv", 1, ECONNRESET);
	ck_assert_int_eq(result_of(reads, server), -ECONNRESET);
	fail_call("send", 1, ETIMEDOUT);
	say(client, "x");
	ck_assert_int_eq(result_of(flushes, client), -ETIMEDOUT);
	fail_call_off();
}
END_TEST

START_TEST(a_cancelled_read_takes_nothing)
{
	begin(UNIX, NULL, NULL);
	struct coro_future *task = start(reads, server);
	turn();
	cancel(task);
	say(client, "word");
	finish(task, -ECANCELED);
	ck_assert_int_eq(result_of(reads, server), 4);
	ck_assert_trace("Operation canceled word");
}
END_TEST

START_TEST(a_read_cut_short_in_a_record_goes_on_there)
{
	begin(UNIX, NULL, NULL);
	shorten_transfers(5);
	say(client, "a rather long word");
	struct coro_future *task = spawn(reads, server);
	for (int i = 0; i < 3; i++)
		turn();
	if (!coro_future_done(task)) {
		cancel(task);
		finish(task, -ECANCELED);
		task = spawn(reads, server);
	}
	finish(task, 18);
	ck_assert_says(trace_take(), "a rather long word");
	shorten_transfers(0);
}
END_TEST

START_TEST(a_task_that_reads_learns_that_another_closes)
{
	begin(UNIX, NULL, NULL);
	struct coro_future *task = start(reads, server);
	coro_stream_close(server);
	finish(task, 0);
	ck_assert_trace("end");
}
END_TEST

static int writes_all_of_it(void *arg)
{
	int r = writes_much(&(struct moving){client});
	return r < 0 ? r : coro_stream_flush(client);
}

/* The loop's are smaller than TLS needs; the stream has a task of its own for the rest. */
START_TEST(a_stream_writes_by_itself_whatever_the_stacks_of_its_loop)
{
	static const struct coro_options large = {.stack_size = 131072};
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK,
					    .stack_size = coro_stack_min()};
	struct coro_future *tasks[3];
	loop_teardown();
	ck_assert_int_eq(coro_loop_create(&options, &loop), 0);
	line = make_pair(TCP);
	ck_assert_int_eq(coro_loop_spawn(loop, &large, opens_streams, NULL, &tasks[0]), 0);
	finish(tasks[0], 0);
	make_contexts(NULL, NULL);
	client_shaking = (struct shaking){.host = "localhost"};
	coro_loop_spawn(loop, &large, connects, &client_shaking, &tasks[0]);
	coro_loop_spawn(loop, &large, accepts, &server_shaking, &tasks[1]);
	finish(tasks[0], 0);
	finish(tasks[1], 0);
	coro_loop_spawn(loop, &large, writes_all_of_it, NULL, &tasks[0]);
	coro_loop_spawn(loop, &large, reads_much, &(struct moving){server, .chunk = 10000},
			&tasks[1]);
	finish(tasks[0], 0);
	finish(tasks[1], MUCH);
}
END_TEST

START_TEST(it_may_be_discarded_with_its_loop)
{
	begin(TCP, NULL, NULL);
	struct coro_future *tasks[] = {spawn(writes_much, &(struct moving){client, .chunk = 5000}),
				       spawn(reads, client)};
	for (int i = 0; i < 4; i++)
		turn();
	loop_teardown();
	coro_future_unref(tasks[0]);
	coro_future_unref(tasks[1]);
	destroy_streams();
	loop_setup();
}
END_TEST

START_TEST(many_connections_leave_nothing_behind)
{
	for (int i = 0; i < 20; i++) {
		begin(UNIX, NULL, NULL);
		say(client, "x");
		ck_assert_int_eq(result_of(reads, server), 1);
		destroy_streams();
	}
}
END_TEST

/* ---- memory ---- */

static int talks(struct coro_stream *one, struct coro_stream *two)
{
	char got[2000];
	int r = coro_tls_connect(one, client_context, "localhost");
	if (r == 0)
		r = coro_stream_write(one, got, sizeof(got));
	if (r == 0)
		r = coro_stream_flush(one);
	(void)two;
	return r;
}

static int answers(void *stream)
{
	char got[2000];
	int r = coro_tls_accept(stream, server_context);
	if (r == 0)
		r = (int)coro_stream_readexactly(stream, got, sizeof(got));
	coro_stream_close(stream);
	return r < 0 ? r : 0;
}

/* A whole connection, in which any allocation may fail. */
static int connects_and_talks(void *arg)
{
	struct coro_stream *one = NULL, *two = NULL;
	struct coro_future *task = NULL;
	int fds[2];
	if (new_socketpair(AF_UNIX, SOCK_STREAM, O_NONBLOCK, fds) < 0)
		return -errno;
	int r = coro_stream_open(fds[0], NULL, &one);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	r = coro_stream_open(fds[1], NULL, &two);
	if (r < 0)
		close(fds[1]);
	if (r == 0)
		r = coro_spawn(answers, two, &task);
	if (r == 0)
		r = talks(one, two);
	coro_stream_abort(one);
	int answered = task ? coro_await(task, NULL) : 0;
	coro_future_unref(task);
	coro_stream_abort(two);
	coro_stream_destroy(one);
	coro_stream_destroy(two);
	return answered < 0 && (r == 0 || r == -EPROTO) ? answered : r;
}

/* OpenSSL keeps some for the next time, so it is not asserted that all is given back. */
START_TEST(allocations_may_fail)
{
	unsigned long step = (unsigned long)many(13, 211);
	bool failed = true;
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	make_contexts(NULL, NULL);
	ck_assert_int_eq(coro_run(connects_and_talks, NULL), 0);
	for (unsigned long n = 1; failed; n += step) {
		fail_nth(n);
		int r = coro_run(connects_and_talks, NULL);
		failed = fail_off();
		/* Where OpenSSL does without, all is well; where it does not, one end says so. */
		ck_assert_msg(r <= 0, "%lu: %d", n, r);
		ck_assert_msg(failed || r == 0, "%lu: %s", n, coro_strerror(r));
		ck_assert_msg(r != -EIO && r != -EINVAL, "%lu: %s", n, coro_strerror(r));
	}
	ck_assert_int_eq(coro_run(connects_and_talks, NULL), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, tls_setup, tls_teardown);
	tcase_add_test(tests, what_is_written_is_read);
	tcase_add_test(tests, all_calls_of_streams_work);
	tcase_add_loop_test(tests, much_goes_both_ways_at_once, 0, sizeof(ways) / sizeof(ways[0]));
	tcase_add_loop_test(tests, a_little_goes_a_byte_at_a_time, 0, 2);
	tcase_add_test(tests, keys_may_be_renewed_meanwhile);
	tcase_add_test(tests, flush_waits_until_the_last_byte_is_handed_over);
	tcase_add_loop_test(tests, a_message_of_TLS_in_pieces_holds_nobody_up, 0, 2);
	tcase_add_test(tests, a_message_of_TLS_that_does_not_come_costs_little);
	tcase_add_loop_test(tests, an_end_is_reported, 0, 2);
	tcase_add_loop_test(tests, one_direction_may_end_before_the_other, 0, 2);
	tcase_add_test(tests, keys_may_be_renewed_after_an_end);
	tcase_add_test(tests, an_end_amid_a_message_of_TLS_is_told_after_it);
	tcase_add_loop_test(tests, an_end_without_a_notice_is_an_error, 0, 2);
	tcase_add_loop_test(tests, it_may_be_taken_for_one, 0, 2);
	tcase_add_loop_test(tests, a_write_amid_a_message_of_TLS_that_is_cut_fails, 0, 2);
	tcase_add_loop_test(tests, a_write_without_memory_after_an_end_says_so, 0, 2);
	tcase_add_test(tests, an_abort_says_nothing);
	tcase_add_loop_test(tests, all_that_was_written_arrives_before_the_end, 0, 4);
	tcase_add_loop_test(tests, unread_tickets_take_nothing_away, 0, 2);
	tcase_add_test(tests, closed_means_that_the_goodbye_is_out);
	tcase_add_test(tests, a_goodbye_that_nobody_hears_is_no_error);
	tcase_add_loop_test(tests, bytes_that_are_wrong_are_an_error, 0, 2);
	tcase_add_test(tests, errors_from_below_are_passed_on);
	tcase_add_test(tests, a_cancelled_read_takes_nothing);
	tcase_add_test(tests, a_read_cut_short_in_a_record_goes_on_there);
	tcase_add_test(tests, a_task_that_reads_learns_that_another_closes);
	tcase_add_test(tests, a_stream_writes_by_itself_whatever_the_stacks_of_its_loop);
	tcase_add_test(tests, it_may_be_discarded_with_its_loop);
	tcase_add_test(tests, many_connections_leave_nothing_behind);
	tcase_add_test(tests, allocations_may_fail);
}

TEST_MAIN("stream", add)
