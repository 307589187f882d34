/* SPDX-License-Identifier: MIT */
/* A datagram there and back. */
#include <coro.h>
#include <stdio.h>

/* Answers one datagram. */
static int serve(void *arg)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);
	struct sockaddr *address = (struct sockaddr *)&from;
	char text[100];
	int fd = *(int *)arg;
	ssize_t n = coro_recvfrom(fd, text, sizeof(text), 0, address, &length);
	if (n > 0)
		n = coro_sendto(fd, text, (size_t)n, 0, address, length);
	return n < 0 ? (int)n : 0;
}

static int ask(int server)
{
	char address[CORO_ADDRESS_SIZE], text[100];
	int fd, r = coro_getsockname(server, address, sizeof(address));
	if (r >= 0)
		r = coro_dial(address, NULL, &fd);
	if (r < 0)
		return r;
	ssize_t n = coro_sendall(fd, "is anybody there?", 17, 0);
	if (n > 0)
		n = coro_recv(fd, text, sizeof(text), 0);
	if (n > 0)
		printf("%.*s\n", (int)n, text);
	coro_fd_close(fd);
	return n < 0 ? (int)n : 0;
}

static int program(void *arg)
{
	int fd, r = coro_listen("udp:127.0.0.1:0", NULL, &fd);
	if (r < 0)
		return r;
	r = coro_spawn(serve, &fd, NULL);
	if (r == 0)
		r = ask(fd);
	coro_fd_close(fd);
	return r;
}

int main(void)
{
	int r = coro_run(program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
