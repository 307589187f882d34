/* SPDX-License-Identifier: MIT */
/* A server that repeats what it is told; without arguments it talks to itself. */
#include <coro.h>
#include <signal.h>
#include <stdio.h>

/* Runs once for each connection, as a task of its own. */
static int serve(struct coro_stream *stream, void *arg)
{
	const char *line;
	ssize_t n;
	while ((n = coro_stream_readline(stream, &line)) > 0) {
		int r = coro_stream_printf(stream, "you said: %s", line);
		if (r == 0)
			r = coro_stream_drain(stream);
		if (r < 0)
			return r;
	}
	return (int)n;
}

static int talk(struct coro_stream *stream)
{
	const char *line;
	int r = coro_stream_printf(stream, "is anybody there?\n");
	if (r < 0)
		return r;
	ssize_t n = coro_stream_readline(stream, &line);
	if (n > 0)
		printf("%s", line);
	return (int)n;
}

static int be_a_client(const char *address)
{
	struct coro_stream *stream;
	int r = coro_open_connection(address, NULL, NULL, &stream);
	if (r < 0)
		return r;
	r = talk(stream);
	coro_stream_destroy(stream);
	return r;
}

static int program(void *arg)
{
	const char *address = arg ? arg : "127.0.0.1:0";
	char bound[CORO_ADDRESS_SIZE];
	struct coro_server *server;
	int r = coro_server_start(address, NULL, serve, NULL, &server);
	if (r < 0)
		return r;
	r = coro_server_address(server, bound, sizeof(bound));
	if (r >= 0)
		r = arg ? coro_signal_wait(SIGINT, SIGTERM) : be_a_client(bound);
	coro_server_shutdown(server, 5 * CORO_SEC);
	coro_server_destroy(server);
	return r;
}

int main(int argc, char **argv)
{
	int r = coro_run(program, argv[1]);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
