/* SPDX-License-Identifier: MIT */
/*
 * UDP: a server that answers datagrams, and a client that asks again when one is lost.
 *
 * A datagram socket has no connections, so the server is one task that answers everybody. The
 * client gives each attempt a time. The server ignores the first question on purpose, as if it were
 * lost.
 */
#include <coro.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DATAGRAM = 1500 };

/* A task. Sends each datagram back in capital letters. */
static coro_async int serve(void *arg)
{
	const int *fd = arg;
	bool first = true;
	for (;;) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof(peer);
		char text[MAX_DATAGRAM];
		ssize_t n = coro_recvfrom(*fd, text, sizeof(text), 0, (struct sockaddr *)&peer,
					  &length);
		if (n < 0)
			return (int)n;
		if (!first) {
			for (ssize_t i = 0; i < n; i++)
				text[i] = (char)toupper((unsigned char)text[i]);
			n = coro_sendto(*fd, text, (size_t)n, 0, (struct sockaddr *)&peer, length);
		}
		printf("server: %zd bytes%s\n", n, first ? ", ignored" : "");
		first = false;
	}
}

/* One attempt. Returns the length of the answer, or -ETIMEDOUT after 200 ms. */
static coro_async int ask_once(int fd, const char *question, char *ret, size_t size)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 200 * CORO_MSEC);
	if (r < 0)
		return r;
	ssize_t n = coro_sendall(fd, question, strlen(question), 0);
	if (n >= 0)
		n = coro_recv(fd, ret, size, 0);
	return coro_timeout_end(&timeout, (int)n);
}

static coro_async int ask(int fd, const char *question)
{
	char answer[MAX_DATAGRAM];
	int r = -ETIMEDOUT;
	for (int attempt = 1; attempt <= 3 && r == -ETIMEDOUT; attempt++) {
		r = ask_once(fd, question, answer, sizeof(answer));
		if (r == -ETIMEDOUT)
			printf("client: no answer to \"%s\", attempt %d\n", question, attempt);
	}
	if (r >= 0)
		printf("client: \"%.*s\"\n", r, answer);
	return r;
}

/* The socket is connected: it receives from this server only, and learns of errors. */
static coro_async int run_client(int server)
{
	char address[CORO_ADDRESS_SIZE];
	int fd, r = coro_getsockname(server, address, sizeof(address)); /* "udp:127.0.0.1:PORT" */
	if (r >= 0)
		r = coro_dial(address, NULL, &fd);
	if (r < 0)
		return r;
	r = ask(fd, "hello");
	if (r >= 0)
		r = ask(fd, "and goodbye");
	coro_fd_close(fd);
	return r;
}

static coro_async int program(void *arg)
{
	struct coro_future *serving;
	int fd, r = coro_listen("udp:127.0.0.1:0", NULL, &fd);
	if (r < 0)
		return r;
	r = coro_spawn(serve, &fd, &serving);
	if (r == 0) {
		r = run_client(fd);
		coro_cancel(serving);
		int served = coro_await(serving, NULL);
		if (r >= 0 && served != -ECANCELED)
			r = served;
		coro_future_unref(serving);
	}
	coro_fd_close(fd);
	return r;
}

int main(void)
{
	/* On a virtual clock the 200 ms are over as soon as nothing else is left to do. */
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
