/* SPDX-License-Identifier: MIT */
/* Says again what it is told. */
#include "service.h"

static int echo(struct coro_stream *stream, void *arg)
{
	return coro_stream_copy(stream, stream, UINT64_MAX, NULL);
}

static int try_out(void *address)
{
	struct coro_stream *stream;
	int r = coro_open_connection(address, NULL, NULL, &stream);
	if (r < 0)
		return r;
	r = service_ask(stream, "hello\n", 1);
	if (r == 0)
		r = service_ask(stream, "one\ntwo\nthree\n", 3);
	coro_stream_destroy(stream);
	return r;
}

int main(int argc, char **argv)
{
	return service_main(argc, argv, &(struct service){.serve = echo, .try_out = try_out});
}
