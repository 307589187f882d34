/* SPDX-License-Identifier: MIT */
/* A stream over one end of a pair, and tasks that read and write it. */
#ifndef TEST_STREAM_STREAMS_H
#define TEST_STREAM_STREAMS_H

#include "stream/stream.h"

#include "fds.h"
#include "threads.h"

static struct pair pair; /* from: what the stream reads; to: the test's own end */
static struct coro_stream *stream;

/* Streams are made where a loop runs. */
struct opening {
	int fd;
	struct coro_stream_options options;
	struct coro_stream **ret;
};

static inline int opens(void *arg)
{
	const struct opening *opening = arg;
	return coro_stream_open(opening->fd, &opening->options, opening->ret);
}

static inline struct coro_stream *stream_on(int fd, struct coro_stream_options options)
{
	struct coro_stream *made;
	ck_assert_int_eq(result_of(opens, &(struct opening){fd, options, &made}), 0);
	return made;
}

/* A stream that reads what the test puts into pair.to. */
static inline void begin(int kind, size_t limit)
{
	pair = make_pair(kind);
	stream = stream_on(pair.from, (struct coro_stream_options){.limit = limit});
}

static inline void end(void)
{
	if (pair.to >= 0)
		close(pair.to);
	ck_assert_int_eq(coro_stream_destroy(stream), 0);
}

static inline void hang_up(void)
{
	close(pair.to);
	pair.to = -1;
}

/* Closes so that the peer gets an error. */
static inline void reset(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	close(fd);
}

/* Traces what came, "word" or "error", with _ for the ends of lines. */
static inline void tell(ssize_t n, const char *bytes)
{
	char text[64];
	if (n < 0) {
		trace("%s", n == CORO_INCOMPLETE ? "INCOMPLETE"
			    : n == -EMSGSIZE     ? "EMSGSIZE"
			    : n == -ECANCELED    ? "ECANCELED"
						 : coro_strerror((int)n));
		return;
	}
	if (n >= (ssize_t)sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, bytes, (size_t)n);
	text[n] = '\0';
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = '_';
	trace("'%s'", text);
}

static inline int reads_line(void *arg)
{
	const char *line;
	ssize_t n = coro_stream_readline(stream, &line);
	tell(n, line);
	return n < 0 ? (int)n : 0;
}

static inline int reads_some(void *length)
{
	char bytes[64];
	ssize_t n = coro_stream_read(stream, bytes, *(size_t *)length);
	tell(n, bytes);
	return n < 0 ? (int)n : 0;
}

static inline int reads_exactly(void *length)
{
	char bytes[64];
	ssize_t n = coro_stream_readexactly(stream, bytes, *(size_t *)length);
	tell(n, bytes);
	return n < 0 ? (int)n : 0;
}

static inline int reads_until(void *separator)
{
	const char *bytes;
	ssize_t n = coro_stream_readuntil(stream, separator, strlen(separator), &bytes);
	tell(n, bytes);
	return n < 0 ? (int)n : 0;
}

static inline int peeks(void *least)
{
	const char *bytes;
	ssize_t n = coro_stream_peek(stream, *(size_t *)least, &bytes);
	tell(n, bytes);
	return n < 0 ? (int)n : 0;
}

#define N(n) (&(size_t){n})

/* Does what a task does, and compares what it traced. */
#define ck_assert_does(fn, arg, expected)  \
	do {                               \
		spawn_and_forget(fn, arg); \
		ck_assert_trace(expected); \
	} while (0)

static inline void spawn_and_forget(coro_fn *fn, void *arg)
{
	(void)result_of(fn, arg);
}

static const struct {
	coro_fn *fn;
	void *arg;
	const char *whole;
} ways[] = {
	{reads_line, NULL, "'abcdef_'"},
	{reads_until, (void *)"f\n", "'abcdef_'"},
	{reads_exactly, (size_t[]){7}, "'abcdef_'"},
	{peeks, (size_t[]){7}, "'abcdef_'"},
};

enum { PLENTY = 1000003 };

static char plenty[PLENTY], arrived[PLENTY];

static inline void make_plenty(void)
{
	for (size_t i = 0; i < PLENTY; i++)
		plenty[i] = (char)(i * 2654435761u >> 13);
}

static struct coro_stream *writing;

static inline int writes_plenty(void *arg)
{
	size_t length = 1;
	for (size_t at = 0; at < PLENTY; at += length, length = length * 3 / 2 + 1) {
		if (length > PLENTY - at)
			length = PLENTY - at;
		int r = coro_stream_write(writing, plenty + at, length);
		if (r == 0)
			r = coro_stream_drain(writing);
		if (r < 0)
			return r;
	}
	coro_stream_close(writing);
	return coro_stream_wait_closed(writing);
}

static inline int reads_plenty(void *arg)
{
	size_t at = 0, length = 1;
	while (at < PLENTY) {
		ssize_t n = length % 2
				    ? coro_stream_read(stream, arrived + at, PLENTY - at)
				    : coro_stream_readexactly(stream, arrived + at,
							      length < PLENTY - at ? length
										   : PLENTY - at);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		at += (size_t)n;
		length = length * 5 / 4 + 1;
	}
	char more;
	return (int)coro_stream_read(stream, &more, 1);
}

static inline void pass_plenty(void)
{
	struct coro_future *writer = spawn(writes_plenty, NULL);
	ck_assert_int_eq(result_of(reads_plenty, NULL), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, writer, NULL), 0);
	coro_future_unref(writer);
	ck_assert_int_eq(memcmp(plenty, arrived, PLENTY), 0);
}

static inline int writes_much(void *length)
{
	size_t n = *(size_t *)length;
	char *bytes = calloc(n, 1);
	int r = coro_stream_write(stream, bytes, n);
	free(bytes);
	return r;
}

static inline int drains(void *arg)
{
	int r = coro_stream_drain(stream);
	trace("drained:%d", r);
	return r;
}

static inline int waits_closed(void *arg)
{
	int r = coro_stream_wait_closed(stream);
	trace("closed:%d", r);
	return r;
}

#endif
