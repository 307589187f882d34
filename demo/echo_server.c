/* SPDX-License-Identifier: MIT */
/*
 * A TCP server: sends back what a client sends.
 *
 * The server runs echo() for each connection, in a task of its own. echo() reads and writes as if
 * there were one client. While it waits, the tasks of the other clients run.
 */
#include "usage.h"

#include <coro.h>
#include <signal.h>

static coro_async int echo(struct coro_stream *client, void *arg)
{
	return coro_stream_copy(client, client, UINT64_MAX, NULL);
}

static coro_async int run_server(void *address)
{
	struct coro_server *server;
	char name[CORO_ADDRESS_SIZE] = "";
	int r = coro_server_start(address, NULL, echo, NULL, &server);
	if (r < 0)
		return r;
	coro_server_address(server, name, sizeof(name)); /* has the port, also if it was 0 */
	printf("listening on %s\n", name);
	fflush(stdout);

	r = coro_signal_wait(SIGINT, SIGTERM);
	coro_server_shutdown(server, 2 * CORO_SEC); /* clients may finish for 2 s */
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
