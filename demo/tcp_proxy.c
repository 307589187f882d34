/* SPDX-License-Identifier: MIT */
/*
 * A TCP proxy: passes each connection on to another server, and the answers back.
 *
 * Each direction is a task and ends by itself: a client that has sent everything still gets its
 * answer. Two more tasks watch the two connections. When one of them is lost, the group of the
 * tasks fails and the other connection is reset, so that nobody takes a part of the bytes for all
 * of them.
 */
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>

struct connection {
	struct coro_stream *client, *upstream;
	struct coro_group *group; /* of its tasks */
};

static coro_async int copy(struct coro_stream *from, struct coro_stream *to)
{
	int r = coro_stream_copy(from, to, UINT64_MAX, NULL);
	return r < 0 ? r : coro_stream_write_eof(to);
}

static coro_async int copy_requests(void *arg)
{
	const struct connection *connection = arg;
	return copy(connection->client, connection->upstream);
}

static coro_async int copy_answers(void *arg)
{
	const struct connection *connection = arg;
	return copy(connection->upstream, connection->client);
}

/* Copies in both directions until both have ended, then ends the watching. */
static coro_async int copy_both(void *arg)
{
	const struct connection *connection = arg;
	struct coro_group *directions;
	int r = coro_group_create(&directions);
	if (r < 0)
		return r;
	r = coro_group_spawn(directions, copy_requests, arg, NULL);
	if (r == 0)
		r = coro_group_spawn(directions, copy_answers, arg, NULL);
	r = coro_group_end(directions, r);
	return r < 0 ? r : coro_group_cancel(connection->group);
}

/*
 * Fails when a connection is lost, also while nothing is read from it or written to it. poll() does
 * not take the error: the task that copies must see it too, or the loss would look like the end.
 */
static coro_async int watch(const struct coro_stream *stream)
{
	struct pollfd state = {.fd = coro_stream_fd(stream)};
	int r = coro_urgent(state.fd);
	if (r < 0)
		return r;
	return poll(&state, 1, 0) > 0 && state.revents & POLLERR ? -ECONNRESET : 0;
}

static coro_async int watch_client(void *arg)
{
	const struct connection *connection = arg;
	return watch(connection->client);
}

static coro_async int watch_upstream(void *arg)
{
	const struct connection *connection = arg;
	return watch(connection->upstream);
}

static coro_async int run_tasks(struct connection *connection)
{
	coro_fn *const tasks[] = {copy_both, watch_client, watch_upstream};
	int r = coro_group_create(&connection->group);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks) && r == 0; i++)
		r = coro_group_spawn(connection->group, tasks[i], connection, NULL);
	return coro_group_end(connection->group, r);
}

/* Runs as a task for each connection. If it fails, the server resets the client's connection. */
static coro_async int pass_on(struct coro_stream *client, void *upstream_address)
{
	const struct coro_dial_options options = {.timeout = 5 * CORO_SEC};
	struct connection connection = {.client = client};
	int r = coro_open_connection(upstream_address, &options, NULL, &connection.upstream);
	if (r < 0)
		return r;
	r = run_tasks(&connection);
	if (r < 0)
		coro_stream_abort(connection.upstream);
	coro_stream_destroy(connection.upstream);
	return r;
}

/* Called when a pass_on() fails. That one of the two hangs up is not worth a line. */
static void connection_failed(int error, const char *message, void *arg)
{
	if (error != -ECONNRESET && error != -EPIPE)
		fprintf(stderr, "connection: %s\n", message);
}

static coro_async int run_proxy(void *arg)
{
	char **argv = arg;
	const struct coro_server_options options = {
		.listen.flags = CORO_NET_KEEPALIVE, /* notices clients whose machine is gone */
		.max_connections = 10000,
		.failed = connection_failed,
	};
	struct coro_server *server;
	char name[CORO_ADDRESS_SIZE] = "";
	int r = coro_server_start(argv[1], &options, pass_on, argv[2], &server);
	if (r < 0)
		return r;
	coro_server_address(server, name, sizeof(name));
	printf("listening on %s\n", name);
	fflush(stdout);

	r = coro_signal_wait(SIGINT, SIGTERM);
	coro_server_shutdown(server, 2 * CORO_SEC);
	coro_server_destroy(server);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 2, 2, "HOST:PORT UPSTREAM_HOST:PORT");
	int r = coro_run(run_proxy, argv);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
