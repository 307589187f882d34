/* SPDX-License-Identifier: MIT */
/* demo/http_server.c with clients that are slow, silent, gone, greedy or abrupt. */
#define main server_main
#include "../../demo/http_server.c"
#undef main

#include "hostile.h"

#define FIELDS " HTTP/1.1\r\nHost: x\r\n"
#define GREETING \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"

static void begin(void)
{
	begin_server(serve, 0);
}

/* It serves others as if nothing was. */
static void assert_it_serves(void)
{
	size_t before = connections();
	int fd = accepted_client();
	say(fd, "GET /" FIELDS "\r\n");
	until_answered(fd, GREETING);
	close(fd);
	until_connections(before);
}

/* ---- slow and silent ---- */

static const struct {
	const char *text;
	const char *trickle; /* again and again */
} slow[] = {
	{"", "G"},
	{"GET /" FIELDS "X-Long: ", "x"},
	{"GET /" FIELDS, "A: b\r\n"},
	{"POST /echo" FIELDS "Content-Length: 1000000\r\n\r\n", "x"},
	{"POST /" FIELDS "Content-Length: 1000000\r\n\r\n", "x"},
	{"POST /echo" FIELDS "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
	{"POST /echo" FIELDS "Transfer-Encoding: chunked\r\n\r\n", "0"},
	{"POST /" FIELDS "Transfer-Encoding: chunked\r\n\r\n0\r\n", "x"},
};

START_TEST(a_client_that_sends_a_little_at_a_time_is_let_go)
{
	begin();
	int fd = accepted_client(), seconds = 0;
	say(fd, slow[_i].text);
	while (connections() > 0) {
		ck_assert_int_le(seconds++, 2 * IDLE_TIMEOUT);
		send_some(fd, slow[_i].trickle, strlen(slow[_i].trickle));
		pass(CORO_SEC);
		if (seconds % 4 == 0)
			assert_it_serves();
	}
	ck_assert_int_ge(seconds, IDLE_TIMEOUT - 1);
	close(fd);
	end_server();
}
END_TEST

START_TEST(a_body_that_comes_slowly_but_steadily_is_taken)
{
	static char part[BODY_PART];
	begin();
	int fd = accepted_client();
	memset(part, 'x', sizeof(part));
	say(fd, "POST /echo" FIELDS "Content-Length: 20480\r\n\r\n");
	for (int i = 0; i < 20; i++) {
		pass((IDLE_TIMEOUT - 1) * CORO_SEC);
		ck_assert(send_some(fd, part, sizeof(part)));
	}
	shutdown(fd, SHUT_WR);
	ck_assert_uint_gt(read_to_the_end(fd), 20480);
	close(fd);
	end_server();
}
END_TEST

START_TEST(a_client_that_says_nothing_is_let_go)
{
	begin();
	int fd = accepted_client();
	if (_i) {
		say(fd, "GET /" FIELDS "\r\n");
		until_answered(fd, GREETING);
	}
	pass((IDLE_TIMEOUT - 1) * CORO_SEC);
	ck_assert_uint_eq(connections(), 1);
	pass(CORO_SEC);
	until_answered(fd, "");
	ck_assert_uint_eq(connections(), 0);
	close(fd);
	end_server();
}
END_TEST

/* ---- gone ---- */

static const char *const stages[] = {
	"",
	"GET /",
	"POST /echo" FIELDS "Content-Length: 100\r\n\r\nsome",
	"GET /count/100000000" FIELDS "\r\n",
	"GET / HTTP/9.9\r\n\r\n",
};

enum { STAGES = sizeof(stages) / sizeof(stages[0]) };

START_TEST(a_client_that_vanishes_is_let_go)
{
	begin();
	int fd = accepted_client();
	say(fd, stages[_i]);
	for (int i = 0; i < 10; i++)
		turn();
	if (!vanish_client(fd))
		printf("TCP_REPAIR is not allowed: it closes\n");
	pass((IDLE_TIMEOUT + 2) * CORO_SEC);
	ck_assert_uint_eq(connections(), 0);
	assert_it_serves();
	end_server();
}
END_TEST

START_TEST(a_client_may_be_reset_at_any_point_of_a_request)
{
	const char *text =
		"POST /echo" FIELDS "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n0\r\n\r\nGET /" FIELDS "\r\n";
	begin();
	for (size_t length = 0; length <= strlen(text); length++) {
		int fd = accepted_client();
		ck_assert(send_some(fd, text, length));
		for (int i = 0; i < _i; i++)
			turn();
		reset_client(fd);
		until_connections(0);
	}
	assert_it_serves();
	end_server();
}
END_TEST

START_TEST(a_client_may_be_reset_in_the_middle_of_its_answer)
{
	begin();
	for (int turns = 0; turns < 40; turns++) {
		int fd = accepted_client();
		say(fd, "GET /count/18446744073709551615" FIELDS "\r\n");
		for (int i = 0; i < turns; i++)
			turn();
		if (turns % 2)
			read(fd, (char[100]){0}, 100);
		reset_client(fd);
		until_connections(0);
	}
	assert_it_serves();
	end_server();
}
END_TEST

static void resets_many(void)
{
	reset_many(many(1000, 200), false);
	reset_many(many(1000, 200), true);
}

START_TEST(thousands_may_be_reset_at_once)
{
	begin();
	in_the_same_memory(resets_many);
	assert_it_serves();
	end_server();
}
END_TEST

/* ---- greedy ---- */

static const char *const asked_for[] = {
	"GET /count/18446744073709551615" FIELDS "\r\n",
	"GET /" FIELDS "\r\n",
	"HEAD /nothing" FIELDS "\r\n",
	"POST /echo" FIELDS "Content-Length: 16\r\n\r\n0123456789abcdef",
	"GET /count/100" FIELDS "\r\n",
};

START_TEST(a_client_that_never_reads_is_let_go_and_costs_little)
{
	begin();
	int fd = accepted_client();
	flood(fd, asked_for[_i]);
	ck_assert_uint_eq(connections(), 1);
	ck_assert_uint_le(coro_stream_pending(newest_stream()), 2 * 65536);
	ck_assert_uint_le(newest_stream()->in ? newest_stream()->in->size : 0, 2 * 65536);
	for (int i = 0; i < IDLE_TIMEOUT; i++) {
		send_some(fd, "x", 1);
		pass(CORO_SEC);
	}
	assert_it_serves();
	pass(CORO_SEC);
	ck_assert_uint_eq(connections(), 0);
	close(fd);
	end_server();
}
END_TEST

enum { MUCH = 300 << 10 };

/* A file for the server to send; the directory is its root. */
static void make_root(char *directory)
{
	char path[64];
	static char bytes[MUCH];
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/much", directory);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, MUCH, file), MUCH);
	ck_assert_int_eq(fclose(file), 0);
	root = directory;
}

static void remove_root(const char *directory)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/much", directory);
	unlink(path);
	rmdir(directory);
}

START_TEST(a_client_that_reads_slowly_but_steadily_gets_all)
{
	enum { A_SECOND = 3000 };
	char directory[] = "/tmp/coro-http-XXXXXX";
	make_root(directory);
	begin();
	int fd = accepted_client_with(4096);
	say(fd, _i ? "GET /count/1000000" FIELDS "\r\n" : "GET /much" FIELDS "\r\n");
	size_t got = read_slowly(fd, A_SECOND, MUCH);
	remove_root(directory);
	ck_assert_uint_ge(got, MUCH);
	reset_client(fd);
	until_connections(0);
	end_server();
}
END_TEST

START_TEST(a_server_tells_what_methods_it_has)
{
	begin();
	int fd = accepted_client();
	say(fd, "OPTIONS *" FIELDS "\r\n");
	until_answered(fd, "HTTP/1.1 204 No Content\r\nAllow: GET, HEAD, POST, OPTIONS\r\n\r\n");
	say(fd, "OPTIONS /" FIELDS "\r\n");
	until_answered(fd, "HTTP/1.1 204 ");
	say(fd, "GET *" FIELDS "\r\n");
	until_answered(fd, "HTTP/1.1 400 ");
	close(fd);
	until_connections(0);
	fd = accepted_client();
	say(fd, "POST /" FIELDS "\r\n");
	until_answered(fd, "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\n"
			   "Content-Length: 23\r\nAllow: GET, HEAD, POST, OPTIONS\r\n");
	close(fd);
	until_connections(0);
	end_server();
}
END_TEST

START_TEST(a_target_may_name_the_server_too)
{
	begin();
	int fd = accepted_client();
	say(fd, "GET http://x/" FIELDS "\r\n");
	until_answered(fd, GREETING);
	close(fd);
	until_connections(0);
	end_server();
}
END_TEST

static const char *const bad_trailers[] = {
	"X: y\rContent-Length: 5\r\n\r\n",
	"X: y\n\r\n",
	"GET /x HTTP/1.1\r\n\r\n",
};

START_TEST(a_trailer_that_is_no_field_is_refused)
{
	char text[200];
	begin();
	int fd = accepted_client();
	snprintf(text, sizeof(text), "POST /" FIELDS "Transfer-Encoding: chunked\r\n\r\n0\r\n%s",
		 bad_trailers[_i]);
	say(fd, text);
	until_answered(fd, "HTTP/1.1 400 ");
	close(fd);
	until_connections(0);
	end_server();
}
END_TEST

START_TEST(what_a_refused_client_does_not_read_is_dropped)
{
	begin();
	int fd = accepted_client();
	flood(fd, asked_for[1]);
	pass(CORO_SEC);
	shutdown(fd, SHUT_WR);
	pass((IDLE_TIMEOUT + 2) * CORO_SEC);
	ck_assert_uint_eq(connections(), 0);
	close(fd);
	end_server();
}
END_TEST

START_TEST(an_endless_head_is_refused)
{
	begin();
	int fd = accepted_client();
	say(fd, "GET /" FIELDS "X: ");
	for (int i = 0; i < 40; i++) {
		say(fd, "0123456789012345678901234567890123456789012345678901234567890123456789"
			"0123456789012345678901234567890123456789012345678901234567890123456789"
			"0123456789012345678901234567890123456789012345678901234567890123456789"
			"0123456789012345678901234567890123456789012345678901234567890123456789"
			"0123456789012345678901234567890123456789012345678901234567890123456789"
			"0123456789012345678901234567890123456789012345678901234567890123456789");
		turn();
	}
	until_answered(fd, "HTTP/1.1 431 ");
	until_answered(fd, "");
	close(fd);
	until_connections(0);
	end_server();
}
END_TEST

/* It sends for as long as it can. */
START_TEST(an_endless_body_is_refused)
{
	static char chunk[65536 + 9];
	size_t sent = 0;
	begin();
	int fd = accepted_client();
	memset(chunk, 'x', sizeof(chunk));
	memcpy(chunk, "10000\r\n", 7);
	memcpy(chunk + sizeof(chunk) - 2, "\r\n", 2);
	say(fd, "POST /" FIELDS "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t at = 0;;) {
		ssize_t n = send(fd, chunk + at, sizeof(chunk) - at, MSG_NOSIGNAL);
		char first;
		if (n < 0 && errno == EAGAIN)
			turn();
		if (n > 0) {
			at = (at + (size_t)n) % sizeof(chunk);
			sent += (size_t)n;
		}
		if (recv(fd, &first, 1, MSG_PEEK) == 1)
			break;
		ck_assert_uint_lt(sent, 2 * MAX_BODY);
	}
	until_answered(fd, "HTTP/1.1 413 ");
	pass(2 * CORO_SEC);
	ck_assert_uint_eq(connections(), 0);
	close(fd);
	end_server();
}
END_TEST

START_TEST(many_requests_at_once_are_all_answered)
{
	enum { REQUESTS = 5000 };
	const char *text = "GET /" FIELDS "\r\n";
	size_t length = strlen(text), at = 0, got = 0;
	static char bytes[65536];
	char *all = malloc(REQUESTS * length);
	for (size_t i = 0; i < REQUESTS; i++)
		memcpy(all + i * length, text, length);
	begin();
	int fd = accepted_client();
	while (got < REQUESTS * strlen(GREETING)) {
		ssize_t n = send(fd, all + at, REQUESTS * length - at, MSG_NOSIGNAL);
		at += n > 0 ? (size_t)n : 0;
		turn();
		n = recv(fd, bytes, sizeof(bytes), 0);
		ck_assert(n > 0 || (n < 0 && errno == EAGAIN));
		got += n > 0 ? (size_t)n : 0;
	}
	ck_assert_uint_eq(got, REQUESTS * strlen(GREETING));
	free(all);
	close(fd);
	end_server();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, a_client_that_sends_a_little_at_a_time_is_let_go, 0,
			    sizeof(slow) / sizeof(slow[0]));
	tcase_add_test(tests, a_body_that_comes_slowly_but_steadily_is_taken);
	tcase_add_loop_test(tests, a_client_that_says_nothing_is_let_go, 0, 2);
	tcase_add_loop_test(tests, a_client_that_vanishes_is_let_go, 0, STAGES);
	tcase_add_loop_test(tests, a_client_may_be_reset_at_any_point_of_a_request, 0, 5);
	tcase_add_test(tests, a_client_may_be_reset_in_the_middle_of_its_answer);
	tcase_add_test(tests, thousands_may_be_reset_at_once);
	tcase_add_loop_test(tests, a_client_that_never_reads_is_let_go_and_costs_little, 0,
			    sizeof(asked_for) / sizeof(asked_for[0]));
	tcase_add_loop_test(tests, a_client_that_reads_slowly_but_steadily_gets_all, 0, 2);
	tcase_add_test(tests, a_server_tells_what_methods_it_has);
	tcase_add_test(tests, a_target_may_name_the_server_too);
	tcase_add_loop_test(tests, a_trailer_that_is_no_field_is_refused, 0,
			    sizeof(bad_trailers) / sizeof(bad_trailers[0]));
	tcase_add_test(tests, what_a_refused_client_does_not_read_is_dropped);
	tcase_add_test(tests, an_endless_head_is_refused);
	tcase_add_test(tests, an_endless_body_is_refused);
	tcase_add_test(tests, many_requests_at_once_are_all_answered);
}

TEST_MAIN("http_server", add_tests)
