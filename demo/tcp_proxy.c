/* SPDX-License-Identifier: MIT */
/*
 * Passes connections on: tcp_proxy HOST:PORT UPSTREAM. Each direction is a task, and ends by
 * itself: a client that has said all still gets its answer.
 */
#include "service.h"

struct direction {
	struct coro_stream *from, *to;
};

static int pump(void *arg)
{
	const struct direction *direction = arg;
	int r = coro_stream_copy(direction->from, direction->to, UINT64_MAX, NULL);
	return r < 0 ? r : coro_stream_write_eof(direction->to);
}

/* The failure of one direction ends the other. */
static coro_async int join(struct coro_stream *client, struct coro_stream *upstream)
{
	struct coro_group *group;
	struct direction there = {client, upstream}, back = {upstream, client};
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_group_spawn_copy(group, pump, &there, sizeof(there), NULL);
	if (r == 0)
		r = coro_group_spawn_copy(group, pump, &back, sizeof(back), NULL);
	return coro_group_end(group, r);
}

static int pass_on(struct coro_stream *client, void *upstream_address)
{
	const struct coro_dial_options options = {.timeout = 5 * CORO_SEC};
	struct coro_stream *upstream;
	int r = coro_open_connection(upstream_address, &options, NULL, &upstream);
	if (r < 0)
		return r;
	r = join(client, upstream);
	if (r < 0)
		coro_stream_abort(upstream);
	coro_stream_destroy(upstream);
	return r;
}

/* ---- trying it out ---- */

/* The upstream of the trial: answers when all was said, with that in capital letters. */
static int shout(struct coro_stream *stream, void *arg)
{
	char *all;
	ssize_t n = coro_stream_read_all(stream, 1000, &all);
	if (n < 0)
		return (int)n;
	for (char *at = all; *at; at++)
		if (*at >= 'a' && *at <= 'z')
			*at += 'A' - 'a';
	int r = coro_stream_write(stream, all, (size_t)n);
	free(all);
	return r;
}

static char upstream_of_trial[CORO_ADDRESS_SIZE];

static coro_async int talk(const char *address)
{
	struct coro_stream *stream;
	int r = coro_open_connection(address, NULL, NULL, &stream);
	if (r < 0)
		return r;
	r = coro_stream_write(stream, "is anybody there?\n", 18);
	if (r == 0)
		r = coro_stream_write_eof(stream);
	if (r == 0)
		r = service_ask(stream, "", 1);
	coro_stream_destroy(stream);
	return r;
}

static int try_out(void *address)
{
	struct coro_server *upstream;
	int fd, r = coro_server_start("127.0.0.1:0", NULL, shout, NULL, &upstream);
	if (r < 0)
		return r;
	coro_server_sockets(upstream, &fd, 1);
	coro_local_address(fd, upstream_of_trial, sizeof(upstream_of_trial));
	for (int i = 0; i < 2 && r == 0; i++)
		r = talk(address);
	coro_server_shutdown(upstream, SERVICE_GRACE);
	coro_server_destroy(upstream);
	return r;
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		fprintf(stderr, "usage: %s HOST:PORT UPSTREAM\n", argv[0]);
		return EXIT_FAILURE;
	}
	return service_main(argc, argv,
			    &(struct service){
				    .serve = pass_on,
				    .arg = argc > 2 ? argv[2] : upstream_of_trial,
				    .try_out = try_out,
			    });
}
