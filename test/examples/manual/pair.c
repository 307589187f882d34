/* SPDX-License-Identifier: MIT */
/* A server's handler, tested without a server. */
#include <assert.h>
#include <coro.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* What is to be tested. */
static int serve(struct coro_stream *stream, void *arg)
{
	const char *line;
	ssize_t n = coro_stream_readline(stream, &line);
	if (n <= 0)
		return (int)n;
	int r = coro_stream_printf(stream, "hello, %s", line);
	return r < 0 ? r : coro_stream_flush(stream);
}

static int serve_one(void *server)
{
	return serve(server, NULL);
}

static int greets_by_name(void *arg)
{
	int ends[2];
	struct coro_stream *server, *client;
	const char *line;
	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	assert(coro_stream_open(ends[0], NULL, &server) == 0);
	assert(coro_stream_open(ends[1], NULL, &client) == 0);
	assert(coro_spawn(serve_one, server, NULL) == 0);

	assert(coro_stream_printf(client, "Ada\n") == 0);
	assert(coro_stream_readline(client, &line) == 11);
	assert(strcmp(line, "hello, Ada\n") == 0);

	assert(coro_stream_destroy(client) == 0);
	assert(coro_stream_destroy(server) == 0);
	return 0;
}

int main(void)
{
	struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK | CORO_DEBUG,
	};
	int r = coro_run_with(&options, greets_by_name, NULL);
	printf("greets by name: %s\n", r < 0 ? coro_message(r) : "ok");
	return 0;
}
