/* SPDX-License-Identifier: MIT */
/*
 * What the servers among the demos share.
 *
 *   NAME HOST:PORT    says where it listens, and serves until SIGINT or SIGTERM
 *   NAME              serves itself: a client of its own shows what it does, and it ends
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <coro.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct service {
	coro_stream_fn *serve; /* a connection */
	void *arg;
	coro_fn *try_out; /* the client: it is given the address as a string */
	size_t limit;     /* of the streams; 0 for the usual one */
};

/* How long connections may take to end, once the server is to. */
#define SERVICE_GRACE (2 * CORO_SEC)

static const char *service_address; /* NULL: it serves itself */

static inline coro_async int service_wait(const struct service *service, const char *address)
{
	if (!service_address)
		return service->try_out((void *)address);
	printf("listening on %s\n", address);
	fflush(stdout);
	return coro_signal_wait(SIGINT, SIGTERM);
}

/*
 * A client that hangs up, refuses our certificate or talks nonsense is no news for who runs a server.
 * The demo's own client does it on purpose, to show what happens.
 */
static inline void service_failed(int error, const char *message, void *arg)
{
	(void)arg;
	if (error == -ECONNRESET || error == -EPIPE || error == -EPROTO)
		return;
	if (service_address)
		fprintf(stderr, "connection: %s\n", *message ? message : coro_strerror(error));
}

static inline int service_run(void *arg)
{
	const struct service *service = arg;
	/* Clients that are gone without a word are noticed, if not soon. */
	struct coro_server_options options = {
		.listen.flags = CORO_NET_KEEPALIVE,
		.stream.limit = service->limit,
		.failed = service_failed,
	};
	struct coro_server *server;
	char address[CORO_ADDRESS_SIZE] = "";
	int r = coro_server_start(service_address ? service_address : "127.0.0.1:0", &options,
				  service->serve, service->arg, &server);
	if (r < 0)
		return r;
	coro_server_address(server, address, sizeof(address));
	r = service_wait(service, address);
	coro_server_shutdown(server, SERVICE_GRACE);
	coro_server_destroy(server);
	return r < 0 ? r : 0;
}

/* What main of such a program returns. */
static inline int service_main(int argc, char **argv, const struct service *service)
{
	service_address = argc > 1 ? argv[1] : NULL;
	int r = coro_run(service_run, (void *)service);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* For clients: sends a text, and prints so many lines of the answer, without their ends. */
static inline coro_async int service_ask(struct coro_stream *stream, const char *text, int lines)
{
	const char *line;
	int r = *text ? coro_stream_write(stream, text, strlen(text)) : 0;
	while (r == 0 && lines-- > 0) {
		ssize_t n = coro_stream_readline(stream, &line);
		r = n < 0 ? (int)n : n == 0 ? CORO_INCOMPLETE : 0;
		if (r == 0)
			printf("%.*s\n", (int)strcspn(line, "\r\n"), line);
	}
	return r;
}

#endif
