/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/io.h. */
#include "example.h"

#include <sys/socket.h>

static int echoes(void *arg)
{
	int fd = *(int *)arg;
#include "io.1.inc"
	return written < 0 ? (int)written : (int)n;
}

static int program(void *arg)
{
	struct coro_future *echo;
	int fds[2];
	char byte = 'x';
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	must(coro_spawn(echoes, &fds[1], &echo));
	must((int)coro_write(fds[0], &byte, 1));
	byte = 'y';
	must((int)coro_read(fds[0], &byte, 1));
	must(coro_fd_close(fds[0]));
	int r = coro_await(echo, NULL);
	coro_future_unref(echo);
	return r == 0 && byte == 'x' ? 0 : -EPROTO;
}

MAIN(program)
