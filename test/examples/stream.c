/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/stream.h. */
#include "example.h"

static int asked;

static int answers(struct coro_stream *stream, void *arg)
{
	const char *line;
	ssize_t n = coro_stream_readline(stream, &line);
	asked = n > 0 && strcmp(line, "GET / HTTP/1.0\r\n") == 0;
	return n < 0 ? (int)n : coro_stream_printf(stream, "HTTP/1.0 204 No Content\r\n\r\n");
}

static int asks(const char *address)
{
#include "stream.1.inc"
	return (int)n;
}

static int program(void *arg)
{
	struct coro_server *server;
	char address[CORO_ADDRESS_SIZE];
	must(coro_server_start("127.0.0.1:0", NULL, answers, NULL, &server));
	must(coro_server_address(server, address, sizeof(address)));
	int r = asks(address);
	must(coro_server_destroy(server));
	return r == 0 && asked ? 0 : -EPROTO;
}

MAIN(program)
