/* SPDX-License-Identifier: MIT */
/* Echo by libuv, for test/bench/echo: fd 0 is the listening socket. */
#include <stdlib.h>
#include <uv.h>

struct peer {
	uv_tcp_t tcp;
	char bytes[1024];
};

static void allocate(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	struct peer *peer = (struct peer *)handle;
	(void)size;
	*ret = uv_buf_init(peer->bytes, sizeof(peer->bytes));
}

static void closed(uv_handle_t *handle)
{
	free(handle);
}

static void has_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
	uv_buf_t answer = uv_buf_init(bytes->base, got > 0 ? (unsigned)got : 0);
	if (got > 0 && uv_try_write(stream, &answer, 1) == got)
		return;
	if (got != 0)
		uv_close((uv_handle_t *)stream, closed);
}

static void has_connection(uv_stream_t *listening, int status)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	if (status < 0 || !peer || uv_tcp_init(listening->loop, &peer->tcp) < 0)
		exit(1);
	if (uv_accept(listening, (uv_stream_t *)&peer->tcp) < 0)
		exit(1);
	uv_tcp_nodelay(&peer->tcp, 1);
	uv_read_start((uv_stream_t *)&peer->tcp, allocate, has_read);
}

int main(void)
{
	uv_tcp_t listening;
	uv_loop_t *loop = uv_default_loop();
	if (uv_tcp_init(loop, &listening) < 0 || uv_tcp_open(&listening, 0) < 0 ||
	    uv_listen((uv_stream_t *)&listening, 4096, has_connection) < 0)
		return 1;
	return uv_run(loop, UV_RUN_DEFAULT);
}
