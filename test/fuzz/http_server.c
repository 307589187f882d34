/* SPDX-License-Identifier: MIT */
/*
 * demo/http_server.c, on the poller that CORO_POLLER names, with a client that sends any bytes: it
 * ends, what it answers is HTTP, and each request that has come as a whole has its answer.
 */
#define main server_main
#include "../../demo/http_server.c"
#undef main

#include "talk.h"

static const char continues[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* What is left to be looked at. */
struct rest {
	const char *at;
	size_t length;
};

static void skip(struct rest *rest, size_t length)
{
	rest->at += length;
	rest->length -= length;
}

static void skip_all(struct rest *rest)
{
	skip(rest, rest->length);
}

static bool skip_word(struct rest *rest, const char *word)
{
	size_t length = strlen(word);
	if (rest->length < length || memcmp(rest->at, word, length) != 0)
		return false;
	skip(rest, length);
	return true;
}

/* Goes behind a body in chunks: 1; 0: it is not all there; -1: it is wrong. */
static int skip_chunks(struct rest *rest)
{
	uint64_t size;
	for (;;) {
		long r = http_parse_chunk(rest->at, rest->length, &size);
		if (r <= 0)
			return r < 0 ? -1 : 0;
		skip(rest, (size_t)r);
		if (size == 0)
			return rest->length < 2 ? 0 : skip_word(rest, "\r\n") ? 1 : -1;
		if (size > rest->length || rest->length - size < 2)
			return 0;
		skip(rest, (size_t)size);
		if (!skip_word(rest, "\r\n"))
			return -1;
	}
}

/*
 * The next of what was sent: whether it is a request that is there as a whole. If not, nothing is
 * left.
 */
static bool skip_request(struct rest *rest, bool *head)
{
	static struct http_request request;
	long r = http_parse(rest->at, rest->length, &request);
	*head = r > 0 && http_is(request.method, "HEAD");
	if (r > 0)
		skip(rest, (size_t)r);
	if (r > 0 && request.chunked && skip_chunks(rest) == 1)
		return true;
	if (r > 0 && !request.chunked && request.length <= rest->length) {
		skip(rest, (size_t)request.length);
		return true;
	}
	skip_all(rest);
	return false;
}

/* The next answer: 1, and there may be another; 0: it is the last, or is cut off. */
static int skip_answer(struct rest *rest, bool head)
{
	char text[300] = "";
	const char *end = memmem(rest->at, rest->length, "\r\n\r\n", 4), *field;
	if (!end) {
		skip_all(rest);
		return 0;
	}
	size_t length = (size_t)(end + 4 - rest->at);
	fuzz_assert(length < sizeof(text));
	memcpy(text, rest->at, length);
	skip(rest, length);
	fuzz_assert(strncmp(text, "HTTP/1.1 ", 9) == 0 && strspn(text + 9, "0123456789") == 3);
	bool last = strstr(text, "\r\nConnection: close\r\n");
	if (head)
		return !last;
	if ((field = strstr(text, "\r\nContent-Length: "))) {
		unsigned long long body = strtoull(field + 18, NULL, 10);
		last |= body > rest->length;
		skip(rest, body < rest->length ? (size_t)body : rest->length);
	} else if (strstr(text, "\r\nTransfer-Encoding: chunked\r\n")) {
		int r = skip_chunks(rest);
		fuzz_assert(r >= 0);
		if (r == 0)
			skip_all(rest);
		last |= r == 0;
	} else {
		fuzz_assert(last);
		skip_all(rest);
	}
	return !last;
}

static void check(const struct talk *talk)
{
	struct rest asked = {(const char *)talk->input.at, input_left(&talk->input)};
	struct rest answered = {talk->answer, talk->length};
	bool more = true, head, whole;
	while (more) {
		whole = skip_request(&asked, &head);
		while (skip_word(&answered, continues))
			;
		if (answered.length == 0)
			break;
		more = skip_answer(&answered, head);
	}
	fuzz_assert(answered.length == 0);
	fuzz_assert(!more || !whole || talk->pauses || talk->end == END_CLOSE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct talk talk = talk_begin(bytes, size, serve);
	talk_run(&talk);
	if (talk.complete)
		check(&talk);
	talk_end(&talk);
	return 0;
}
