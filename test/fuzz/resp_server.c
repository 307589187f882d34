/* SPDX-License-Identifier: MIT */
/*
 * demo/resp_server.c, on the poller that CORO_POLLER names, with a client that sends any bytes: it
 * ends, and for each command there is one answer, whatever it says.
 */
#define main server_main
#include "../../demo/resp_server.c"
#undef main

#include "talk.h"

/* Goes behind a line: where it begins, with its kind. */
static const char *skip_line(struct text *rest)
{
	const char *line = rest->bytes, *end = memchr(line, '\n', rest->length);
	fuzz_assert(end && end > line && end[-1] == '\r');
	rest->length -= (size_t)(end + 1 - line);
	rest->bytes = end + 1;
	return line;
}

static void skip_answer(struct text *rest)
{
	const char *line = skip_line(rest);
	fuzz_assert(strchr("+-:$*", line[0]));
	long long number = strchr(":$*", line[0]) ? strtoll(line + 1, NULL, 10) : 0;
	if (line[0] == '*') {
		for (long long i = 0; i < number; i++)
			skip_answer(rest);
	} else if (line[0] == '$' && number >= 0) {
		fuzz_assert(rest->length >= (size_t)number + 2);
		fuzz_assert(memcmp(rest->bytes + number, "\r\n", 2) == 0);
		rest->bytes += number + 2;
		rest->length -= (size_t)number + 2;
	}
}

static void check(const struct talk *talk)
{
	static const char protocol[] = "-ERR Protocol error: ";
	static struct resp_command command;
	struct text asked = {(const char *)talk->input.at, input_left(&talk->input)};
	struct text answered = {talk->answer, talk->length};
	bool leaves = false;
	long r;
	while (!leaves && (r = resp_parse(asked, &command)) > 0) {
		asked.bytes += r;
		asked.length -= (size_t)r;
		if (command.count > 0)
			skip_answer(&answered);
		leaves = command.count == 1 && is_word(command.words[0], "QUIT");
	}
	if (!leaves && r < 0)
		fuzz_assert(strncmp(skip_line(&answered), protocol, strlen(protocol)) == 0);
	fuzz_assert(answered.length == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct talk talk = talk_begin(bytes, size, serve);
	talk.limit = 2 * RESP_LENGTH;
	talk.may_wait = true;
	fuzz_assert(store.buckets || store_init(&store, 1));
	talk_run(&talk);
	if (talk.complete && !talk.pauses && talk.end != END_CLOSE)
		check(&talk);
	talk_end(&talk);
	store_clear(&store);
	fuzz_assert(store.count == 0);
	free(store.buckets);
	store.buckets = NULL;
	return 0;
}
