/* SPDX-License-Identifier: MIT */
/*
 * Passes connections on: tcp_proxy HOST:PORT UPSTREAM. Each direction is a task, and ends by
 * itself: a client that has said all still gets its answer. When one side is lost the other is
 * reset, so that nobody takes a part for all.
 */
#include "service.h"

#include <errno.h>
#include <poll.h>

struct sides {
	struct coro_stream *client, *upstream;
	struct coro_group *group; /* of all that goes on between them */
};

static coro_async int pump(struct coro_stream *from, struct coro_stream *to)
{
	int r = coro_stream_copy(from, to, UINT64_MAX, NULL);
	return r < 0 ? r : coro_stream_write_eof(to);
}

static int pump_there(void *sides)
{
	const struct sides *both = sides;
	return pump(both->client, both->upstream);
}

static int pump_back(void *sides)
{
	const struct sides *both = sides;
	return pump(both->upstream, both->client);
}

/* Both directions: the failure of one ends the other. When they are through, so is all. */
static int pump_both(void *sides)
{
	const struct sides *both = sides;
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_group_spawn(group, pump_there, sides, NULL);
	if (r == 0)
		r = coro_group_spawn(group, pump_back, sides, NULL);
	r = coro_group_end(group, r);
	return r < 0 ? r : coro_group_cancel(both->group);
}

/*
 * Notices that a side is lost while nothing is read from it or written to it. The error stays to be
 * read: without it, what was lost would look like the end.
 */
static coro_async int watch(const struct coro_stream *stream)
{
	struct pollfd state = {.fd = coro_stream_fd(stream)};
	int r = coro_urgent(state.fd);
	if (r == 0)
		r = poll(&state, 1, 0);
	return r > 0 && state.revents & POLLERR ? -ECONNRESET : r < 0 ? r : 0;
}

static int watch_client(void *sides)
{
	return watch(((const struct sides *)sides)->client);
}

static int watch_upstream(void *sides)
{
	return watch(((const struct sides *)sides)->upstream);
}

static coro_async int join(struct sides *sides)
{
	coro_fn *const tasks[] = {pump_both, watch_client, watch_upstream};
	int r = coro_group_create(&sides->group);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks) && r == 0; i++)
		r = coro_group_spawn(sides->group, tasks[i], sides, NULL);
	return coro_group_end(sides->group, r);
}

static int pass_on(struct coro_stream *client, void *upstream_address)
{
	const struct coro_dial_options options = {.timeout = 5 * CORO_SEC};
	struct sides sides = {.client = client};
	int r = coro_open_connection(upstream_address, &options, NULL, &sides.upstream);
	if (r < 0)
		return r;
	r = join(&sides);
	if (r < 0)
		coro_stream_abort(sides.upstream);
	coro_stream_destroy(sides.upstream);
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
	coro_getsockname(fd, upstream_of_trial, sizeof(upstream_of_trial));
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
