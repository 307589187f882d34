/* SPDX-License-Identifier: MIT */
/*
 * A TCP client: sends its standard input to a server and prints what the server sends.
 *
 * One task for each direction. The input's end is passed on to the server; the program ends when
 * the server has closed the connection.
 */
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <unistd.h>

/* A task. */
static coro_async int send_input(void *server)
{
	char bytes[4096];
	ssize_t n;
	while ((n = coro_read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
		int r = coro_stream_write(server, bytes, (size_t)n);
		if (r == 0)
			r = coro_stream_drain(server); /* waits if the server is slow */
		if (r < 0)
			return r;
	}
	return n < 0 ? (int)n : coro_stream_write_eof(server);
}

static coro_async int print_output(struct coro_stream *server)
{
	char bytes[4096];
	ssize_t n;
	while ((n = coro_stream_read(server, bytes, sizeof(bytes))) > 0) {
		n = coro_write(STDOUT_FILENO, bytes, (size_t)n);
		if (n < 0)
			break;
	}
	return (int)n;
}

static coro_async int talk(void *address)
{
	const struct coro_dial_options options = {.timeout = 10 * CORO_SEC};
	struct coro_stream *server;
	struct coro_future *sending;
	int r = coro_open_connection(address, &options, NULL, &server);
	if (r < 0)
		return r;
	r = coro_spawn(send_input, server, &sending);
	if (r == 0) {
		r = print_output(server);
		/* The server has closed the connection: nobody reads the rest of the input. */
		coro_cancel(sending);
		int sent = coro_await(sending, NULL);
		if (r == 0 && sent != -ECANCELED && sent != -EPIPE)
			r = sent;
		coro_future_unref(sending);
	}
	coro_stream_destroy(server);
	return r;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 1, 1, "HOST:PORT");
	int r = coro_run(talk, argv[1]);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
