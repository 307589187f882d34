/* SPDX-License-Identifier: MIT */
/* demo/http_client.c with servers that answer well, or badly; and how demo/url.h parses. */
#define main client_main
#include "../../demo/http_client.c"
#undef main

#include "answers.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
	const char *text, *printed;
	int result;
} cases[] = {
	{OK "Content-Length: 5\r\n\r\nhello", "hello", 0},
	{OK "content-length:5\r\n\r\nhello and more", "hello", 0},
	{OK "Content-Length: 0\r\n\r\n", "", 0},
	{OK "\r\nto the end", "to the end", 0},
	{"HTTP/1.0 404 Not Found\nX: y\n\nlines end with LF alone", "lines end with LF alone", 0},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK "\r\nhello",
	 "hello", 0},
	{CHUNKED "5\r\nhello\r\n1;extension\r\n!\r\n0\r\n\r\n", "hello!", 0},
	{OK "TRANSFER-ENCODING:  Chunked\r\n\r\n0\r\n\r\n", "", 0},
	{"", "", CORO_INCOMPLETE},
	{"HTTP/1.1 200", "", CORO_INCOMPLETE},
	{OK "Content-Length: 5\r\n", "", CORO_INCOMPLETE},
	{OK "Content-Length: 6\r\n\r\nhello", "", CORO_INCOMPLETE},
	{OK "Content-Length: 5\r\nContent-Length: 5 \r\n\r\nhello", "hello", 0},
	{OK "Content-Length: -1\r\n\r\nhello", "", -EPROTO},
	{OK "Content-Length: five\r\n\r\nhello", "", -EPROTO},
	{OK "Content-Length: 5x\r\n\r\nhello", "", -EPROTO},
	{OK "Content-Length:\r\n\r\nhello", "", -EPROTO},
	{OK "Content-Length: 2\r\nContent-Length: 5\r\n\r\nhello", "", -EPROTO},
	{OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "", -EPROTO},
	{OK "Transfer-Encoding: chunkedly\r\n\r\n0\r\n\r\n", "", -EPROTO},
	{"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "", 0},
	{"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", 0},
	{"HTTP/1.1 101 Switching Protocols\r\n\r\n", "", -EPROTO},
	{"HTTP/1.1 OK\r\n\r\nhello", "", -EPROTO},
	{"HTTP/1.1 2000 OK\r\n\r\nhello", "", -EPROTO},
	{CHUNKED "5\r\nhello\r\n0\r\nX: y\r\nZ: a\r\n\r\n", "hello", 0},
	{CHUNKED "5\r\nhel", "", CORO_INCOMPLETE},
	{CHUNKED "5\r\nhello\r\n", "hello", CORO_INCOMPLETE},
	{CHUNKED "0\r\nX: y\r\n", "", CORO_INCOMPLETE},
	{CHUNKED "fffffffffffffff\r\nhello", "", CORO_INCOMPLETE},
	{CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n", "", -EPROTO},
	{CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", "", -EPROTO},
	{CHUNKED "5 5\r\nhello\r\n0\r\n\r\n", "", -EPROTO},
	{CHUNKED "5\r\nhello, and more\r\n0\r\n\r\n", "hello", -EPROTO},
	{CHUNKED "-1\r\nhello\r\n", "", -EPROTO},
	{CHUNKED "\r\n", "", -EPROTO},
	{"SSH-2.0-OpenSSH\r\n", "", -EPROTO},
};

static char url[CORO_ADDRESS_SIZE + 20];

static void make_url(void)
{
	snprintf(url, sizeof(url), "http://%s/page", answering_address);
}

static void try_case(size_t i, bool slowly)
{
	const struct client_run run = {.fn = get_in_time, .prepare = make_url, .arg = url};
	char printed[200];
	answer(cases[i].text, slowly);
	int r = run_client(&run, printed, sizeof(printed));
	ck_assert_msg(r == cases[i].result, "%s: %d", cases[i].text, r);
	ck_assert_str_eq(printed, cases[i].printed);
}

START_TEST(answers_are_printed_or_refused)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		try_case(i, _i);
}
END_TEST

START_TEST(a_field_that_never_ends_is_refused)
{
	const struct client_run run = {.fn = get_in_time, .prepare = make_url, .arg = url};
	char printed[200];
	static char text[100000] = OK "X: ";
	memset(text + strlen(text), 'x', sizeof(text) - strlen(text));
	answer_of_server.text = text;
	answer_of_server.length = sizeof(text);
	ck_assert_int_eq(run_client(&run, printed, sizeof(printed)), -EMSGSIZE);
}
END_TEST

/* ---- URLs ---- */

static const struct {
	const char *text, *host, *address, *target;
} urls[] = {
	{"http://example.org/", "example.org", "example.org:http", "/"},
	{"http://example.org", "example.org", "example.org:http", "/"},
	{"http://example.org:8080/a/b?c=d", "example.org:8080", "example.org:8080", "/a/b?c=d"},
	{"http://example.org?q", "example.org", "example.org:http", "/?q"},
	{"http://example.org/a#part", "example.org", "example.org:http", "/a"},
	{"http://example.org#part", "example.org", "example.org:http", "/"},
	{"http://[::1]/", "[::1]", "[::1]:http", "/"},
	{"http://[::1]:80/", "[::1]:80", "[::1]:80", "/"},
};

START_TEST(a_url_has_a_host_an_address_and_a_target)
{
	struct url parsed;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		ck_assert_int_eq(url_parse(urls[i].text, "http", &parsed), 0);
		ck_assert_str_eq(parsed.host, urls[i].host);
		ck_assert_str_eq(parsed.address, urls[i].address);
		ck_assert_str_eq(parsed.target, urls[i].target);
	}
}
END_TEST

static const char *const bad_urls[] = {
	"",
	"http",
	"http:",
	"http:/x",
	"http://",
	"http:///path",
	"http://:80/",
	"http://[::1/",
	"https://x/",
	"ftp://x/",
	"http://x/a b",
	"http://x/\r\nHost: y",
	"http://x y/",
};

START_TEST(a_malformed_url_is_refused_with_a_message)
{
	struct url parsed;
	static char text[5000];
	for (size_t i = 0; i < sizeof(bad_urls) / sizeof(*bad_urls); i++) {
		ck_assert_msg(url_parse(bad_urls[i], "http", &parsed) == -EINVAL, "%s",
			      bad_urls[i]);
		ck_assert_str_ne(coro_message(-EINVAL), coro_strerror(-EINVAL));
	}
	for (int i = 0; i < 2; i++) {
		memset(text, 'x', sizeof(text) - 1);
		memcpy(text, i ? "http://x/" : "http://", i ? 9 : 7);
		ck_assert_int_eq(url_parse(text, "http", &parsed), -EINVAL);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_loop_test(tests, answers_are_printed_or_refused, 0, 2);
	tcase_add_test(tests, a_field_that_never_ends_is_refused);
	tcase_add_test(tests, a_url_has_a_host_an_address_and_a_target);
	tcase_add_test(tests, a_malformed_url_is_refused_with_a_message);
}

TEST_MAIN("http_client", add_tests)
