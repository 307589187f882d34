/* SPDX-License-Identifier: MIT */
/*
 * A TCP server: sends back what a client sends.
 *
 * The server runs echo() for each connection, in a task of its own. echo() reads and writes as if
 * there were one client. While it waits, the tasks of the other clients run.
 *
 * With --threads N there are N such servers at one address, each in a thread: see threads.h.
 */
#include "threads.h"
#include "usage.h"

static coro_async int echo(struct coro_stream *client, void *arg)
{
	return coro_stream_copy(client, client, UINT64_MAX, NULL);
}

/* Runs in each thread, as the main task of its loop. */
static coro_async int run_server(unsigned i, void *arg)
{
	struct threads *threads = arg;
	const struct coro_server_options options = {.listen.flags = threads->flags};
	struct coro_server *server;
	int r = threads_begin(threads, i);
	if (r == 0)
		r = coro_server_start(threads->address, &options, echo, NULL, &server);
	if (r < 0)
		return r;
	threads_ready(threads, i, server);

	r = threads_wait(threads, i);
	coro_server_shutdown(server, 2 * CORO_SEC); /* clients may finish for 2 s */
	coro_server_destroy(server);
	return r;
}

int main(int argc, char **argv)
{
	unsigned threads = threads_option(&argc, &argv);
	usage(argc, argv, 1, 1, "[--threads N] HOST:PORT");
	int r = threads_run(threads, argv[1], run_server);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
