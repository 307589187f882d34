/* SPDX-License-Identifier: MIT */
/* demo/resp_server.c with clients that are slow, silent, gone, greedy or abrupt. */
#define main server_main
#include "../../demo/resp_server.c"
#undef main

#include "hostile.h"

#include <poll.h>

#define REQUEST "PING\r\n"
#define ANSWER "+PONG\r\n"

static void keep_much(void)
{
	static char value[100000];
	struct text name = {"much", 4}, text = {value, sizeof(value)};
	ck_assert(store_set(&store, name, text, 0));
}

static void begin(void)
{
	ck_assert(store_init(&store, 42));
	keep_much();
	begin_server(serve, RESP_COMMAND);
}

static void end(void)
{
	end_server();
	store_clear(&store);
	free(store.buckets);
}

static const struct {
	const char *text;
	const char *trickle; /* again and again */
} slow[] = {
	{"", "x"},
	{"PING\r\n", "x"},
	{"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$100000\r\n", "x"},
	{"*1000\r\n", "$1\r\nx\r\n"},
};

static const char steps[] =
	"*3\r\n$3\r\nSET\r\n$5\r\nfruit\r\n$5\r\napple\r\nGET fruit\r\n*1\r\n$x";

static void ask_for_much(int fd)
{
	for (int i = 0; i < 20; i++)
		say(fd, "MGET much much much much\r\n");
}

static const char *const asked_for[] = {
	"GET much\r\n",
	"PING\r\nPING\r\nPING\r\nPING\r\nPING\r\nPING\r\nPING\r\nPING\r\nPING\r\nPING\r\n",
	"*1\r\n$4\r\nPING\r\n",
};

static void assert_costs_little(struct coro_stream *stream)
{
	ck_assert_uint_le(coro_stream_pending(stream), FULL + 200000);
}

enum { MANY = 50000 };

#include "demo/server_tests.h"

/* ---- slow and silent ---- */

START_TEST(a_command_that_comes_slowly_but_steadily_is_taken)
{
	static char part[PART];
	begin();
	int fd = accepted_client();
	memset(part, 'x', sizeof(part));
	say(fd, "*2\r\n$4\r\nECHO\r\n$40960\r\n");
	for (int i = 0; i < 10; i++) {
		pass((IDLE_TIMEOUT - 1) * CORO_SEC);
		ck_assert(send_some(fd, part, sizeof(part)));
	}
	say(fd, "\r\n");
	shutdown(fd, SHUT_WR);
	ck_assert_uint_eq(read_to_the_end(fd), strlen("$40960\r\n\r\n") + 40960);
	close(fd);
	end();
}
END_TEST

START_TEST(a_client_may_be_silent_between_commands)
{
	begin();
	int fd = accepted_client();
	for (int i = 0; i < 5; i++) {
		pass(24 * 3600 * CORO_SEC);
		say(fd, "PI");
		pass((IDLE_TIMEOUT - 1) * CORO_SEC);
		say(fd, "NG\r\n");
		until_answered(fd, "+PONG\r\n");
	}
	close(fd);
	end();
}
END_TEST

START_TEST(a_store_that_is_full_still_answers)
{
	begin();
	int fd = accepted_client();
	size_t kept = store.bytes;
	store.bytes = STORE_MAX;
	say(fd, "SET a b\r\n");
	until_answered(fd, "-OOM ");
	say(fd, "INCR a\r\n");
	until_answered(fd, "-OOM ");
	say(fd, "MSET a b c d\r\n");
	until_answered(fd, "-OOM ");
	say(fd, "GET a\r\n");
	until_answered(fd, "$-1");
	store.bytes = kept;
	say(fd, "SET a b\r\n");
	until_answered(fd, "+OK");
	close(fd);
	end();
}
END_TEST

/* ---- gone ---- */

START_TEST(a_client_that_vanishes_in_a_command_is_let_go)
{
	begin();
	int fd = accepted_client();
	say(fd, "*2\r\n$3\r\nGET\r\n$1");
	for (int i = 0; i < 10; i++)
		turn();
	if (!vanish_client(fd))
		printf("TCP_REPAIR is not allowed: it closes\n");
	pass((IDLE_TIMEOUT + 1) * CORO_SEC);
	ck_assert_uint_eq(connections(), 0);
	assert_it_serves();
	end();
}
END_TEST

/* The only thing here that takes its time: the system asks whether the client is there. */
START_TEST(a_client_that_vanishes_between_commands_is_noticed)
{
	begin();
	int fd = accepted_client(), peer = coro_stream_fd(newest_stream()), alive = 0;
	socklen_t length = sizeof(alive);
	ck_assert_int_eq(getsockopt(peer, SOL_SOCKET, SO_KEEPALIVE, &alive, &length), 0);
	ck_assert(alive);
#ifdef TCP_KEEPIDLE
	setsockopt(peer, IPPROTO_TCP, TCP_KEEPIDLE, &(int){1}, sizeof(int));
#endif
	if (vanish_client(fd)) {
		struct pollfd gone = {.fd = peer, .events = POLLIN};
		pass(24 * 3600 * CORO_SEC);
		ck_assert_uint_eq(connections(), 1);
		ck_assert_int_eq(poll(&gone, 1, -1), 1);
	}
	until_connections(0);
	end();
}
END_TEST

/* ---- greedy ---- */

START_TEST(a_client_that_reads_slowly_but_steadily_gets_all)
{
	enum { A_SECOND = 3000, LEAST = 200000 };
	begin();
	int fd = accepted_client_with(4096);
	say(fd, "MGET much much much much\r\nQUIT\r\n");
	ck_assert_uint_ge(read_slowly(fd, A_SECOND, LEAST), LEAST);
	reset_client(fd);
	until_connections(0);
	end();
}
END_TEST

static const char *const contradictions[] = {
	"SET a 1 EX 10 PX 10\r\n", "SET a 1 EX 10 EX 20\r\n", "SET a 1 PX 10 NX EX 20\r\n",
	"SET a 1 NX XX\r\n",       "SET a 1 EX\r\n",
};

START_TEST(options_that_contradict_each_other_are_refused)
{
	begin();
	int fd = accepted_client();
	say(fd, contradictions[_i]);
	until_answered(fd, "-ERR syntax error\r\n");
	say(fd, "EXISTS a\r\n");
	until_answered(fd, ":0\r\n");
	close(fd);
	until_connections(0);
	end();
}
END_TEST

/* What an endless command is told; much of a finite one is taken. */
START_TEST(a_command_has_room_for_several_large_words)
{
	static char value[RESP_LENGTH + 2];
	char header[64];
	begin();
	int fd = accepted_client();
	memset(value, 'v', RESP_LENGTH);
	memcpy(value + RESP_LENGTH, "\r\n", 2);
	say(fd, "*7\r\n$4\r\nMSET\r\n");
	for (int i = 0; i < 3; i++) {
		snprintf(header, sizeof(header), "$1\r\n%d\r\n$%d\r\n", i, RESP_LENGTH);
		say(fd, header);
		for (size_t at = 0; at < sizeof(value); turn()) {
			ssize_t n = send(fd, value + at, sizeof(value) - at, MSG_NOSIGNAL);
			at += n > 0 ? (size_t)n : 0;
		}
	}
	until_answered(fd, "+OK\r\n");
	close(fd);
	until_connections(0);
	end();
}
END_TEST

START_TEST(what_a_client_that_is_gone_does_not_read_is_dropped)
{
	begin();
	int fd = accepted_client();
	say(fd, _i ? "MGET much much much much\r\nQUIT\r\n" : "MGET much much much much\r\n");
	for (int i = 0; i < 10; i++)
		turn();
	shutdown(fd, SHUT_WR);
	pass((IDLE_TIMEOUT - 1) * CORO_SEC);
	ck_assert_uint_eq(connections(), 1);
	until_let_go();
	close(fd);
	end();
}
END_TEST

START_TEST(an_endless_command_is_refused)
{
	static char bytes[65536];
	size_t sent = 0;
	begin();
	int fd = accepted_client();
	memset(bytes, 'x', sizeof(bytes));
	if (_i)
		say(fd, "*1024\r\n");
	char answer[64] = "";
	while (recv(fd, answer, sizeof(answer) - 1, MSG_PEEK) < 0 && errno == EAGAIN) {
		const char *word = "$4000\r\n";
		if (_i) {
			memcpy(bytes, word, strlen(word));
			memcpy(bytes + strlen(word) + 4000, "\r\n", 2);
		}
		ssize_t n = send(fd, bytes, _i ? strlen(word) + 4002 : sizeof(bytes), MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		ck_assert_uint_lt(sent, 2 * RESP_COMMAND);
		turn();
	}
	ck_assert_msg(strncmp(answer, "-ERR Protocol error: too big a ", 31) == 0, "%s", answer);
	close(fd);
	end();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	add_server_tests(tests);
	tcase_add_test(tests, a_command_that_comes_slowly_but_steadily_is_taken);
	tcase_add_test(tests, a_client_may_be_silent_between_commands);
	tcase_add_test(tests, a_client_that_vanishes_in_a_command_is_let_go);
	tcase_add_test(tests, a_client_that_vanishes_between_commands_is_noticed);
	tcase_add_test(tests, a_client_that_reads_slowly_but_steadily_gets_all);
	tcase_add_loop_test(tests, options_that_contradict_each_other_are_refused, 0,
			    count_of(contradictions));
	tcase_add_test(tests, a_command_has_room_for_several_large_words);
	tcase_add_loop_test(tests, what_a_client_that_is_gone_does_not_read_is_dropped, 0, 2);
	tcase_add_loop_test(tests, an_endless_command_is_refused, 0, 2);
	tcase_add_test(tests, a_store_that_is_full_still_answers);
}

TEST_MAIN("resp_server", add_tests)
