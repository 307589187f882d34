/* SPDX-License-Identifier: MIT */
/* How demo/https_get.c reads a response, over a connection without TLS. */
#define main client_main
#include "../../demo/https_get.c"
#undef main

#include "answers.h"

#define OK "HTTP/1.0 200 OK\r\n"

static const struct answer_case cases[] = {
	{OK "\r\nto the end", "to the end", 0},
	{OK "Content-Length: 5\r\n\r\nhello", "hello", 0},
	{OK "Content-Length: 0\r\n\r\n", "", 0},
	{OK "content-length:6\r\n\r\nhello", "hello", CORO_INCOMPLETE},
	{OK "Content-Length: 5\r\n\r\n", "", CORO_INCOMPLETE},
	{OK "Content-Length: five\r\n\r\nhello", "", -EPROTO},
	{OK "Content-Length: 5\r\n", "", CORO_INCOMPLETE},
	{"HTTP/1.0 2", "", CORO_INCOMPLETE},
	{"", "", CORO_INCOMPLETE},
};

static int gets_plainly(void *arg)
{
	const struct url url = {.host = "example.org", .target = "/"};
	struct coro_stream *stream;
	(void)arg;
	int r = coro_open_connection(answering_address, NULL, NULL, &stream);
	if (r < 0)
		return r;
	r = print_page(stream, &url);
	coro_stream_destroy(stream);
	return r;
}

START_TEST(a_page_that_was_cut_is_an_error)
{
	const struct client_run run = {.fn = gets_plainly};
	run_cases(&run, cases, sizeof(cases) / sizeof(*cases), _i);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, a_page_that_was_cut_is_an_error, 0, 2);
}

TEST_MAIN("https_get", add_tests)
