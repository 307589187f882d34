/* SPDX-License-Identifier: MIT */
/*
 * A connection handler and a client, in one loop whose time is virtual: the client's bytes come in
 * pieces, it reads or does not, and leaves in several ways. The handler must come to its end, and leave
 * no fd behind. The loop's poller is the one that CORO_POLLER names.
 *
 * The first byte of the input tells how the client behaves, the second how long its pieces are.
 */
#ifndef TEST_FUZZ_TALK_H
#define TEST_FUZZ_TALK_H

#include "fuzz.h"

#include <coro.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum talk_end {
	END_SHUTDOWN, /* no more from it, but it reads on */
	END_CLOSE,    /* at once */
	END_STAY,     /* goes on waiting for more, an hour at least */
	END_LATER,    /* closes after a while */
};

struct talk {
	coro_stream_fn *serve;
	size_t limit;  /* of the stream */
	bool may_wait; /* the handler, for ever, while the client says nothing */
	enum talk_end end;
	bool reads, pauses;
	size_t piece;
	struct input input; /* what is sent */
	int client, server; /* fds */
	char *answer;       /* what was read */
	size_t length;
	bool complete; /* all of it, to the end, and not for want of patience */
};

enum { TALK_MOST = 1 << 20 }; /* so much is read; a server may go on for ever */

static struct talk talk_begin(const uint8_t *bytes, size_t size, coro_stream_fn *fn)
{
	struct talk talk = {.serve = fn, .input = {bytes, bytes + size}};
	unsigned way = take(&talk.input);
	talk.end = way & 3;
	talk.reads = !(way & 4);
	talk.pauses = way & 8;
	talk.piece = 1 + take(&talk.input) * (way & 16 ? 16 : 1);
	return talk;
}

/* ---- the server's side ---- */

/* As coro_server runs it. */
static int talk_serves(void *arg)
{
	struct talk *talk = arg;
	struct coro_stream_options options = {.limit = talk->limit};
	struct coro_stream *stream;
	fuzz_assert(coro_stream_open(talk->server, &options, &stream) == 0);
	int r = talk->serve(stream, NULL);
	fuzz_assert(r <= 0);
	coro_stream_close(stream);
	coro_stream_wait_closed(stream);
	fuzz_assert(coro_stream_destroy(stream) == 0);
	return 0;
}

/* ---- the client's ---- */

static int talk_sends(void *arg)
{
	struct talk *talk = arg;
	struct input rest = talk->input;
	while (input_left(&rest) > 0) {
		size_t length = input_left(&rest) < talk->piece ? input_left(&rest) : talk->piece;
		ssize_t n = coro_write(talk->client, rest.at, length);
		if (n < 0)
			return 0; /* it has closed */
		rest.at += n;
		coro_sleep(talk->pauses ? 3 * CORO_SEC : 0);
	}
	if (talk->end == END_SHUTDOWN)
		shutdown(talk->client, SHUT_WR);
	if (talk->end == END_LATER)
		coro_sleep(CORO_SEC / 2);
	if (talk->end == END_STAY && talk->may_wait)
		coro_sleep(3600 * CORO_SEC);
	if (talk->end == END_CLOSE || talk->end == END_LATER ||
	    (talk->end == END_STAY && talk->may_wait)) {
		coro_fd_close(talk->client);
		talk->client = -1;
	}
	return 0;
}

static int talk_reads(void *arg)
{
	struct talk *talk = arg;
	ssize_t n = 0;
	talk->answer = malloc(TALK_MOST);
	fuzz_assert(talk->answer);
	while (talk->reads && talk->length < TALK_MOST) {
		n = coro_read(talk->client, talk->answer + talk->length, TALK_MOST - talk->length);
		if (n <= 0)
			break;
		talk->length += (size_t)n;
	}
	talk->complete = talk->reads && n == 0 && talk->length < TALK_MOST;
	return 0;
}

/* ---- both ---- */

static void talk_never_ends(void *arg)
{
	(void)arg;
	fuzz_assert(!"the handler ends");
}

static int talk_both(void *arg)
{
	struct talk *talk = arg;
	struct coro_future *tasks[3];
	struct coro_handle *watch = NULL;
	int fds[2];
	fuzz_assert(coro_call_later(coro_running_loop(), 48 * 3600 * CORO_SEC, talk_never_ends,
				    NULL, NULL) == 0);
	fuzz_assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	for (int i = 0; i < 2; i++)
		fcntl(fds[i], F_SETFL, O_NONBLOCK);
	talk->client = fds[0];
	talk->server = fds[1];
	fuzz_assert(coro_spawn(talk_serves, talk, &tasks[0]) == 0);
	fuzz_assert(coro_spawn(talk_sends, talk, &tasks[1]) == 0);
	fuzz_assert(coro_spawn(talk_reads, talk, &tasks[2]) == 0);
	for (int i = 0; i < 3; i++) {
		fuzz_assert(coro_await(tasks[i], NULL) == 0);
		coro_future_unref(tasks[i]);
	}
	if (talk->client >= 0)
		coro_fd_close(talk->client);
	coro_handle_cancel(watch);
	coro_handle_unref(watch);
	return 0;
}

static uint64_t talk_fds(void)
{
	uint64_t open = 0;
	for (int fd = 0; fd < 64; fd++)
		open |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
	return open;
}

/* To be given back with talk_end. */
static void talk_run(struct talk *talk)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	uint64_t before = talk_fds();
	fuzz_assert(coro_run_with(&options, talk_both, talk) == 0);
	fuzz_assert(talk_fds() == before);
}

static void talk_end(struct talk *talk)
{
	free(talk->answer);
}

#endif
