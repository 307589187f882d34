/* SPDX-License-Identifier: MIT */
/*
 * A chat room for clients that send lines, such as netcat and telnet. A client's first line is its
 * name; each line after that goes to everybody else.
 *
 * Each client has a task. They share the list of clients without a lock: a task runs until it
 * waits, and what uses the list does not wait.
 */
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <signal.h>

/* On the stack of its task. */
struct client {
	struct client *next;
	struct coro_stream *stream;
	char name[20];
};

static struct client *clients;

/* Writing does not wait. A client that does not read what it is sent is disconnected. */
static void tell(const struct client *client, const char *who, const char *separator,
		 const char *text)
{
	enum { MAX_UNREAD = 64 << 10 };
	coro_stream_printf(client->stream, "%s%s%s\n", who, separator, text);
	if (coro_stream_pending(client->stream) > MAX_UNREAD)
		coro_stream_abort(client->stream); /* its task sees an error, and leaves */
}

static void tell_others(const struct client *from, const char *separator, const char *text)
{
	for (const struct client *client = clients; client; client = client->next)
		if (client != from)
			tell(client, from->name, separator, text);
}

static void join(struct client *client)
{
	tell(client, "welcome, ", client->name, "");
	for (const struct client *other = clients; other; other = other->next)
		tell(client, other->name, "", " is here");
	client->next = clients;
	clients = client;
	tell_others(client, "", " joins");
}

static void leave(const struct client *client)
{
	struct client **at = &clients;
	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	tell_others(client, "", " leaves");
}

/* Reads a line, without its end and cut to size. Returns 1, 0 at the end, or an error. */
static coro_async int read_line(struct coro_stream *stream, char *ret, size_t size)
{
	const char *line;
	ssize_t n = coro_stream_readline(stream, &line);
	if (n > 0)
		snprintf(ret, size, "%.*s", (int)strcspn(line, "\r\n"), line);
	return n > 0 ? 1 : (int)n;
}

/* Runs as a task for each connection. */
static coro_async int chat(struct coro_stream *stream, void *arg)
{
	struct client client = {.stream = stream};
	char text[400];
	int r = read_line(stream, client.name, sizeof(client.name));
	if (r <= 0)
		return r;
	join(&client);
	while ((r = read_line(stream, text, sizeof(text))) > 0)
		tell_others(&client, ": ", text);
	leave(&client);
	return r;
}

/* Called when a chat() fails. That clients hang up is not worth a line. */
static void client_failed(int error, const char *message, void *arg)
{
	if (error != -ECONNRESET && error != -EPIPE)
		fprintf(stderr, "client: %s\n", message);
}

static coro_async int run_server(void *address)
{
	const struct coro_server_options options = {
		.listen.flags = CORO_NET_KEEPALIVE, /* notices clients whose machine is gone */
		.max_connections = 1000,
		.failed = client_failed,
	};
	struct coro_server *server;
	char name[CORO_ADDRESS_SIZE] = "";
	int r = coro_server_start(address, &options, chat, NULL, &server);
	if (r < 0)
		return r;
	coro_server_address(server, name, sizeof(name));
	printf("listening on %s\n", name);
	fflush(stdout);

	r = coro_signal_wait(SIGINT, SIGTERM);
	coro_server_shutdown(server, 0); /* its clients would not leave by themselves */
	coro_server_destroy(server);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 1, 1, "HOST:PORT");
	int r = coro_run(run_server, argv[1]);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
