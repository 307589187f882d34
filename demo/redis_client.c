/* SPDX-License-Identifier: MIT */
/*
 * A client for Redis. With a command it prints the reply, as redis-cli does. Without, it takes
 * commands from its standard input, one a line.
 *
 * Replies come in the order of the commands, so commands can be sent without waiting for them
 * (pipelining): one task sends, another prints, and a semaphore counts the replies that are due.
 *
 * A reply may be an array of replies. print_reply and print_array call each other, as in any
 * parser, and wait for more bytes wherever they are.
 */
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- replies ---- */

/* Prints a string of length bytes, of which the "\r\n" after it is not a part. */
static coro_async int print_string(struct coro_stream *redis, long long length)
{
	char bytes[4096], end[2];
	while (length > 0) {
		size_t part = length < (long long)sizeof(bytes) ? (size_t)length : sizeof(bytes);
		ssize_t n = coro_stream_readexactly(redis, bytes, part);
		if (n < 0)
			return (int)n;
		fwrite(bytes, 1, part, stdout);
		length -= (long long)part;
	}
	putchar('\n');
	ssize_t n = coro_stream_readexactly(redis, end, sizeof(end));
	if (n > 0 && memcmp(end, "\r\n", 2) != 0)
		return coro_raise(-EPROTO, "a string is not as long as it says");
	return n < 0 ? (int)n : 0;
}

static coro_async int print_reply(struct coro_stream *redis, int depth);

static coro_async int print_array(struct coro_stream *redis, long long count, int depth)
{
	enum { MAX_DEPTH = 8 };
	int r = depth < MAX_DEPTH ? 0 : coro_raise(-EPROTO, "a reply with too many levels");
	if (count == 0)
		puts("(empty array)");
	for (long long i = 1; r == 0 && i <= count; i++) {
		int indent = i > 1 ? 3 * depth : 0;
		printf("%*s%lld) ", indent, "", i);
		r = print_reply(redis, depth + 1);
	}
	return r;
}

static coro_async int print_reply(struct coro_stream *redis, int depth)
{
	const char *line;
	ssize_t n = coro_stream_readline(redis, &line);
	if (n <= 0)
		return n < 0 ? (int)n : CORO_INCOMPLETE;
	char type = line[0];
	int length = (int)strcspn(line, "\r\n");
	char *end;
	long long number = strtoll(line + 1, &end, 10);
	if ((type == '$' || type == '*') && (end == line + 1 || *end != '\r' || number < -1))
		return coro_raise(-EPROTO, "a length that is none: %.*s", length, line);
	if (type == '+' || type == ':' || type == '-')
		printf("%s%.*s\n", type == '-' ? "(error) " : "", length - 1, line + 1);
	else if (type == '$' && number >= 0)
		return print_string(redis, number);
	else if (type == '*' && number >= 0)
		return print_array(redis, number, depth);
	else if (type == '$' || type == '*')
		puts("(nil)");
	else
		return coro_raise(-EPROTO, "not a reply of Redis: %.*s", length, line);
	return 0;
}

/* ---- commands ---- */

static void write_command(struct coro_stream *redis, int count, char *const words[])
{
	coro_stream_printf(redis, "*%d\r\n", count);
	for (int i = 0; i < count; i++) {
		coro_stream_printf(redis, "$%zu\r\n", strlen(words[i]));
		coro_stream_write(redis, words[i], strlen(words[i]));
		coro_stream_write(redis, "\r\n", 2);
	}
}

static int split(char *line, int max, char *words[])
{
	int count = 0;
	char *rest, *word = strtok_r(line, " \r\n", &rest);
	for (; word && count < max; word = strtok_r(NULL, " \r\n", &rest))
		words[count++] = word;
	return count;
}

struct pipeline {
	struct coro_stream *redis, *input;
	struct coro_semaphore due; /* replies; one more at the end of the input */
	bool ended;
};

/* Sends the command of a line, if there is one. */
static coro_async int send_line(struct pipeline *pipeline, char *line)
{
	enum { MAX_WORDS = 100 };
	char *words[MAX_WORDS + 1];
	int count = split(line, MAX_WORDS + 1, words);
	if (count > MAX_WORDS)
		return coro_raise(-E2BIG, "a command of more than %d words", MAX_WORDS);
	if (count == 0)
		return 0;
	write_command(pipeline->redis, count, words);
	coro_semaphore_release(&pipeline->due);
	return coro_stream_drain(pipeline->redis);
}

/* A task. Sends a command for each line of the input. */
static coro_async int send_commands(void *arg)
{
	struct pipeline *pipeline = arg;
	const char *line;
	ssize_t n;
	while ((n = coro_stream_readline(pipeline->input, &line)) > 0) {
		char *copy = strdup(line); /* the line is in the stream's buffer */
		int r = copy ? send_line(pipeline, copy) : -ENOMEM;
		free(copy);
		if (r < 0)
			return r;
	}
	pipeline->ended = true;
	coro_semaphore_release(&pipeline->due);
	return (int)n;
}

/* A task. Prints the replies that are due. */
static coro_async int print_replies(void *arg)
{
	struct pipeline *pipeline = arg;
	for (;;) {
		int r = coro_semaphore_acquire(&pipeline->due);
		if (r == 0 && pipeline->ended && coro_semaphore_locked(&pipeline->due))
			return 0;
		if (r == 0)
			r = print_reply(pipeline->redis, 0);
		if (r < 0)
			return r;
	}
}

static coro_async int run_commands(struct coro_stream *redis)
{
	struct pipeline pipeline = {.redis = redis};
	struct coro_group *group;
	coro_semaphore_init(&pipeline.due, 0);
	int r = coro_stream_open(STDIN_FILENO, NULL, &pipeline.input);
	if (r < 0)
		return r;
	r = coro_group_create(&group);
	if (r == 0) {
		r = coro_group_spawn(group, send_commands, &pipeline, NULL);
		if (r == 0)
			r = coro_group_spawn(group, print_replies, &pipeline, NULL);
		r = coro_group_end(group, r);
	}
	coro_stream_destroy(pipeline.input);
	return r;
}

static coro_async int run_command(struct coro_stream *redis, char *const words[])
{
	int count = 0;
	while (words[count])
		count++;
	write_command(redis, count, words);
	return print_reply(redis, 0);
}

static coro_async int program(void *arg)
{
	const struct coro_dial_options options = {.timeout = 10 * CORO_SEC};
	char **argv = arg;
	struct coro_stream *redis;
	int r = coro_open_connection(argv[1], &options, NULL, &redis);
	if (r < 0)
		return r;
	r = argv[2] ? run_command(redis, argv + 2) : run_commands(redis);
	coro_stream_destroy(redis);
	return r;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 1, 100, "HOST:PORT [COMMAND [ARGUMENT...]]");
	int r = coro_run(program, argv);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
