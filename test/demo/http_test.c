/* SPDX-License-Identifier: MIT */
/* How demo/http.h takes requests apart, and what it refuses. */
#include "../../demo/http.h"

#include "support.h"

static struct http_request request;

static long parse(const char *text)
{
	return http_parse(text, strlen(text), &request);
}

#define ck_assert_text(text, expected)                                   \
	do {                                                             \
		ck_assert_uint_eq((text).length, strlen(expected));      \
		ck_assert_mem_eq((text).bytes, expected, (text).length); \
	} while (0)

#define HEAD "GET /a?b HTTP/1.1\r\nHost: x\r\n"

START_TEST(a_request_is_taken_apart)
{
	const char *text = "POST /path?q HTTP/1.1\r\nHost: example.org\r\nX-Empty:\r\n"
			   "Content-Length: \t12 \r\n\r\nbody";
	ck_assert_int_eq(parse(text), (long)strlen(text) - 4);
	ck_assert_text(request.method, "POST");
	ck_assert_text(request.target, "/path?q");
	ck_assert_int_eq(request.minor, 1);
	ck_assert_uint_eq(request.field_count, 3);
	ck_assert_text(http_field(&request, "HOST"), "example.org");
	ck_assert_text(http_field(&request, "x-empty"), "");
	ck_assert_ptr_null(http_field(&request, "nothing").bytes);
	ck_assert_uint_eq(request.length, 12);
	ck_assert(request.keep_alive);
	ck_assert(!request.chunked);
}
END_TEST

START_TEST(what_has_not_come_as_a_whole_is_waited_for)
{
	const char *text = "\r\n" HEAD "Connection: close\r\n\r\n";
	for (size_t i = 0; i < strlen(text); i++)
		ck_assert_int_eq(http_parse(text, i, &request), 0);
	ck_assert_int_eq(parse(text), (long)strlen(text));
}
END_TEST

START_TEST(connections_are_kept_as_the_version_and_the_fields_say)
{
	const struct {
		const char *text;
		bool kept;
	} cases[] = {
		{HEAD "\r\n", true},
		{HEAD "Connection: close\r\n\r\n", false},
		{HEAD "Connection: Upgrade, CLOSE\r\n\r\n", false},
		{HEAD "Connection: closed\r\n\r\n", true},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
		{"GET / HTTP/1.0\r\nConnection: foo , keep-alive,\r\n\r\n", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_int_gt(parse(cases[i].text), 0);
		ck_assert_msg(request.keep_alive == cases[i].kept, "%s", cases[i].text);
	}
}
END_TEST

START_TEST(bodies_have_a_length_or_chunks)
{
	ck_assert_int_gt(parse(HEAD "Transfer-Encoding: Chunked\r\n\r\n"), 0);
	ck_assert(request.chunked);
	ck_assert_int_gt(parse(HEAD "Content-Length: 7\r\nContent-Length: 7\r\n\r\n"), 0);
	ck_assert_uint_eq(request.length, 7);
	ck_assert_int_gt(parse(HEAD "Content-Length: 18446744073709551615\r\n\r\n"), 0);
	ck_assert_uint_eq(request.length, UINT64_MAX);
	ck_assert_int_gt(parse(HEAD "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"), 0);
	ck_assert(request.expects_continue);
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
	const struct {
		const char *text;
		int status;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{HEAD "Host: y\r\n\r\n", 400},
		{"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
		{"GET /\r\nHost: x\r\n\r\n", 400},
		{"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /\tx HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
		{"GET / HTTP/11\r\nHost: x\r\n\r\n", 400},
		{"GET / http/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET / HTTP/1.1\nHost: x\n\n", 400},
		{"\rGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{HEAD "A : b\r\n\r\n", 400},
		{HEAD " folded\r\n\r\n", 400},
		{HEAD "A\r\n\r\n", 400},
		{HEAD ": b\r\n\r\n", 400},
		{HEAD "A: b\rc\r\n\r\n", 400},
		{HEAD "A: b\n\r\n", 400},
		{HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		{HEAD "Content-Length: +1\r\n\r\n", 400},
		{HEAD "Content-Length: 1, 1\r\n\r\n", 400},
		{HEAD "Content-Length:\r\n\r\n", 400},
		{HEAD "Content-Length: 18446744073709551616\r\n\r\n", 400},
		{HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
		{HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{HEAD "Expect: miracles\r\n\r\n", 417},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_msg(parse(cases[i].text) == -cases[i].status, "%s: %ld", cases[i].text,
			      parse(cases[i].text));
	char nul[] = HEAD "A: bxc\r\n\r\n";
	*strchr(nul, 'b') = '\0';
	ck_assert_int_eq(http_parse(nul, sizeof(nul) - 1, &request), -400);
}
END_TEST

START_TEST(a_head_has_an_end)
{
	static char text[HTTP_HEAD + 1000] = HEAD;
	size_t length = strlen(text);
	for (int i = 0; i < HTTP_FIELDS; i++)
		length += (size_t)snprintf(text + length, 32, "A: b\r\n");
	strcpy(text + length, "\r\n");
	ck_assert_int_eq(parse(text), -431);
	memset(text, 'x', sizeof(text));
	memcpy(text, HEAD "A: ", strlen(HEAD "A: "));
	ck_assert_int_eq(http_parse(text, HTTP_HEAD, &request), 0);
	ck_assert_int_eq(http_parse(text, HTTP_HEAD + 1, &request), -431);
	memcpy(text + HTTP_HEAD, "\r\n\r\n", 4);
	ck_assert_int_eq(http_parse(text, HTTP_HEAD + 4, &request), -431);
	memcpy(text + HTTP_HEAD - 4, "\r\n\r\n", 4);
	ck_assert_int_eq(http_parse(text, HTTP_HEAD, &request), HTTP_HEAD);
}
END_TEST

static long chunk(const char *text, uint64_t *ret)
{
	return http_parse_chunk(text, strlen(text), ret);
}

START_TEST(chunks_tell_their_size)
{
	uint64_t size = 0;
	ck_assert_int_eq(chunk("1aF\r\nxx", &size), 5);
	ck_assert_uint_eq(size, 0x1af);
	ck_assert_int_eq(chunk("0;a=b\r\n", &size), 7);
	ck_assert_uint_eq(size, 0);
	ck_assert_int_eq(chunk("2 \t;a\r\n", &size), 7);
	ck_assert_int_eq(chunk("3 \r\n", &size), 4);
	ck_assert_uint_eq(size, 3);
	ck_assert_int_eq(chunk("", &size), 0);
	ck_assert_int_eq(chunk("12", &size), 0);
	ck_assert_int_eq(chunk("12\r", &size), 0);
	const char *wrong[] = {"\r\n",    "x\r\n",    "1\n",     "-1\r\n",
			       "0x1\r\n", "1\rx\n",   " 1\r\n",  "1234567890abcdef0\r\n",
			       "5 5\r\n", "1\tx\r\n", "1x;\r\n", "1 x\r\n"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(chunk(wrong[i], &size) == -400, "%s", wrong[i]);
	char longest[300];
	memset(longest, '1', sizeof(longest));
	ck_assert_int_eq(http_parse_chunk(longest, sizeof(longest), &size), -400);
}
END_TEST

START_TEST(trailers_are_fields)
{
	const char *right[] = {"X: y\r\n", "X:\r\n"};
	const char *wrong[] = {"",          "X: y",      "X: y\n", "X: y\rA: b\r\n", "X y\r\n",
			       "X: y\r\nA", "X : y\r\n", "\r\n",   ": y\r\n"};
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		ck_assert_msg(http_is_field(right[i], strlen(right[i])), "%s", right[i]);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(!http_is_field(wrong[i], strlen(wrong[i])), "%s", wrong[i]);
}
END_TEST

static const char *path(const char *target)
{
	static char ret[20], status[32];
	long r = http_path((struct http_text){target, strlen(target)}, ret, sizeof(ret));
	snprintf(status, sizeof(status), "%ld", r);
	return r < 0 ? status : ret;
}

START_TEST(a_path_stays_below_the_root)
{
	ck_assert_str_eq(path("/"), "/");
	ck_assert_str_eq(path("/a/b?c=/.."), "/a/b");
	ck_assert_str_eq(path("/%41%2f%7E"), "/A/~");
	ck_assert_str_eq(path("/..a/..."), "/..a/...");
	ck_assert_str_eq(path("http://x/a?b"), "/a");
	ck_assert_str_eq(path("HTTP://x:80"), "/");
	ck_assert_str_eq(path("http://x?a"), "/");
	const char *wrong[] = {"",         "a",          "*",           "http://",  "/..",
			       "/../a",    "/a/..",      "/a/../b",     "/%2e.",    "/.%2E/",
			       "/%2f../x", "/%00",       "/%",          "/%4",      "/%4g",
			       "http:///", "https://x/", "http://x/..", "http://?a"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_str_eq(path(wrong[i]), "-400");
	ck_assert_str_eq(path("/234567890123456789"), "/234567890123456789");
	ck_assert_str_eq(path("/2345678901234567890"), "-414");
}
END_TEST

/* A memory of its own for each length, so that reading past its end is found. */
START_TEST(random_bytes_are_parsed_within_their_bounds)
{
	static const char letters[] = "\r\n\r\n: \t/%,;0159afAFGET HTTP/1.1hostchunked-\0x";
	uint64_t size;
	char place[64];
	srand(1);
	for (int i = 0; i < many(200000, 5000); i++) {
		size_t length = (size_t)rand() % 80;
		char *bytes = malloc(length ? length : 1);
		size_t head = rand() % 2 && length >= sizeof(HEAD) ? sizeof(HEAD) - 1 : 0;
		memcpy(bytes, HEAD, head);
		for (size_t k = head; k < length; k++)
			bytes[k] = letters[(size_t)rand() % sizeof(letters)];
		long r = http_parse(bytes, length, &request);
		ck_assert_int_le(r, (long)length);
		http_parse_chunk(bytes, length, &size);
		http_path((struct http_text){bytes, length}, place, sizeof(place));
		free(bytes);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, a_request_is_taken_apart);
	tcase_add_test(tests, what_has_not_come_as_a_whole_is_waited_for);
	tcase_add_test(tests, connections_are_kept_as_the_version_and_the_fields_say);
	tcase_add_test(tests, bodies_have_a_length_or_chunks);
	tcase_add_test(tests, what_is_wrong_is_refused);
	tcase_add_test(tests, a_head_has_an_end);
	tcase_add_test(tests, chunks_tell_their_size);
	tcase_add_test(tests, trailers_are_fields);
	tcase_add_test(tests, a_path_stays_below_the_root);
	tcase_add_test(tests, random_bytes_are_parsed_within_their_bounds);
}

TEST_MAIN("http", add)
