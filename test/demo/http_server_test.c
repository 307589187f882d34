/* SPDX-License-Identifier: MIT */
/* demo/http_server.c with clients that are slow, silent, gone, greedy or abrupt. */
#define main server_main
#include "../../demo/http_server.c"
#undef main

#include "hostile.h"

#define FIELDS " HTTP/1.1\r\nHost: x\r\n"
#define REQUEST "GET /" FIELDS "\r\n"
#define ANSWER \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"

static void begin(void)
{
	begin_server(serve, 0);
}

static void end(void)
{
	end_server();
}

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

static const char steps[] =
	"POST /echo" FIELDS "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
	"5\r\nhello\r\n0\r\n\r\n" REQUEST;

static void ask_for_much(int fd)
{
	say(fd, "GET /count/18446744073709551615" FIELDS "\r\n");
}

static const char *const asked_for[] = {
	"GET /count/18446744073709551615" FIELDS "\r\n",
	"GET /" FIELDS "\r\n",
	"HEAD /nothing" FIELDS "\r\n",
	"POST /echo" FIELDS "Content-Length: 16\r\n\r\n0123456789abcdef",
	"GET /count/100" FIELDS "\r\n",
};

static void assert_costs_little(struct coro_stream *stream)
{
	ck_assert_uint_le(coro_stream_pending(stream), 2 * 65536);
	ck_assert_uint_le(stream->in ? stream->in->size : 0, 2 * 65536);
}

enum { MANY = 5000 };

#include "demo/server_tests.h"

/* ---- slow and silent ---- */

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
	end();
}
END_TEST

START_TEST(a_client_that_says_nothing_is_let_go)
{
	begin();
	int fd = accepted_client();
	if (_i) {
		say(fd, REQUEST);
		until_answered(fd, ANSWER);
	}
	pass((IDLE_TIMEOUT - 1) * CORO_SEC);
	ck_assert_uint_eq(connections(), 1);
	pass(CORO_SEC);
	until_answered(fd, "");
	ck_assert_uint_eq(connections(), 0);
	close(fd);
	end();
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
	end();
}
END_TEST

/* ---- greedy ---- */

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
	end();
}
END_TEST

/* ---- links ---- */

static void assert_gets(const char *path, const char *answer)
{
	char request[128];
	int fd = accepted_client();
	snprintf(request, sizeof(request), "GET %s" FIELDS "\r\n", path);
	say(fd, request);
	until_answered(fd, answer);
	reset_client(fd);
	until_connections(0);
}

START_TEST(a_symbolic_link_does_not_lead_out_of_root)
{
	char directory[] = "/tmp/coro-http-XXXXXX", file[64], folder[64];
	make_root(directory);
	snprintf(file, sizeof(file), "%s/file", directory);
	snprintf(folder, sizeof(folder), "%s/folder", directory);
	ck_assert_int_eq(symlink("/etc/passwd", file), 0);
	ck_assert_int_eq(symlink("/etc", folder), 0);
	begin();
	assert_gets("/much", "HTTP/1.1 200 ");
	assert_gets("/file", "HTTP/1.1 404 ");
	assert_gets("/folder/passwd", "HTTP/1.1 404 ");
	assert_gets("/much/more", "HTTP/1.1 404 ");
	end();
	unlink(file);
	unlink(folder);
	remove_root(directory);
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
	end();
}
END_TEST

START_TEST(a_target_may_name_the_server_too)
{
	begin();
	int fd = accepted_client();
	say(fd, "GET http://x/" FIELDS "\r\n");
	until_answered(fd, ANSWER);
	close(fd);
	until_connections(0);
	end();
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
	end();
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
	end();
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
	end();
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
	end();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	add_server_tests(tests);
	tcase_add_test(tests, a_body_that_comes_slowly_but_steadily_is_taken);
	tcase_add_loop_test(tests, a_client_that_says_nothing_is_let_go, 0, 2);
	tcase_add_loop_test(tests, a_client_that_vanishes_is_let_go, 0, STAGES);
	tcase_add_loop_test(tests, a_client_that_reads_slowly_but_steadily_gets_all, 0, 2);
	tcase_add_test(tests, a_symbolic_link_does_not_lead_out_of_root);
	tcase_add_test(tests, a_server_tells_what_methods_it_has);
	tcase_add_test(tests, a_target_may_name_the_server_too);
	tcase_add_loop_test(tests, a_trailer_that_is_no_field_is_refused, 0,
			    count_of(bad_trailers));
	tcase_add_test(tests, what_a_refused_client_does_not_read_is_dropped);
	tcase_add_test(tests, an_endless_head_is_refused);
	tcase_add_test(tests, an_endless_body_is_refused);
}

TEST_MAIN("http_server", add_tests)
