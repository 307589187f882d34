/* SPDX-License-Identifier: MIT */
/* Opening and freeing streams, and the list of a loop's streams. */
#include "stream/stream.h"

#include "base/memory.h"
#include "core/fail.h"
#include "coro/io.h"
#include "io/fd.h"
#include "stream/server.h"
#include "stream/stream_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_LIMIT = 65536, DEFAULT_HIGH = 65536 };

/* -- a loop's streams */

void streams_unref(struct streams *streams)
{
	if (--streams->refs > 0)
		return;
	blocks_finish(&streams->blocks);
	thread_unref(streams->thread);
	free(streams);
}

static struct coro_stream *first_of(const struct list *list)
{
	return container_of(list->next, struct coro_stream, link);
}

/* The loop is closed. If bytes are lost by that, the peer gets a reset and not the end of file. */
static void close_abruptly(struct coro_stream *stream)
{
	stream->refs++;
	stream_forget_writer(stream);
	if (stream->pending > 0)
		stream_reset(stream);
	else
		stream_shut(stream);
	stream_unref(stream);
}

/* The loop is closed; its tasks and poller are gone. Closes all fds that are still open. */
static void streams_close(struct extension *extension, struct coro_loop *loop)
{
	struct streams *streams = container_of(extension, struct streams, extension);
	(void)loop;
	streams->ended = true;
	while (!list_empty(&streams->open))
		close_abruptly(first_of(&streams->open));
	while (!list_empty(&streams->written)) {
		struct coro_stream *stream = first_of(&streams->written);
		list_remove(&stream->link);
		stream_forget_writer(stream);
	}
	while (!list_empty(&streams->leaving))
		linger_end(first_of(&streams->leaving), false);
	while (!list_empty(&streams->servers))
		server_discard(streams->servers.next);
	streams_unref(streams);
}

static struct coro_stream *first_not_closing(const struct streams *streams)
{
	list_for_each(link, &streams->open) {
		struct coro_stream *stream = container_of(link, struct coro_stream, link);
		if (!stream->closing)
			return stream;
	}
	return NULL;
}

static void hurry_all(const struct list *list)
{
	list_for_each(link, list)
		linger_hurry(container_of(link, struct coro_stream, link));
}

/* The run is over. Runs the loop until all that was written is sent, even if it is stopped. */
static void streams_shut_down(struct extension *extension, struct coro_loop *loop)
{
	struct streams *streams = container_of(extension, struct streams, extension);
	struct coro_stream *stream;
	streams->finishing = true;
	while ((stream = first_not_closing(streams)))
		coro_stream_close(stream);
	hurry_all(&streams->open);
	hurry_all(&streams->leaving);
	while (!streams_are_settled(streams) && coro_run_forever(loop) == 0)
		;
	streams->finishing = false;
}

static void send_unsent(struct call *call)
{
	struct streams *streams = container_of(call, struct streams, call);
	struct list *link;
	while ((link = list_pop(&streams->unsent)))
		stream_push(container_of(link, struct coro_stream, unsent));
}

static __attribute__((noinline)) int streams_create(struct coro_loop *loop)
{
	struct sched *sched = sched_of(loop);
	struct streams *streams = memory_alloc(sizeof(*streams));
	int r = streams ? sched_reserve(sched, 0, 1) : -ENOMEM;
	if (r < 0) {
		free(streams);
		return -ENOMEM;
	}
	*streams = (struct streams){
		.extension = {.shut_down = streams_shut_down, .close = streams_close},
		.loop = loop,
		.thread = thread_ref(sched->thread),
		.call = {.run = send_unsent, .position = CALL_IDLE},
		.refs = 1,
	};
	list_init(&streams->open);
	list_init(&streams->leaving);
	list_init(&streams->written);
	list_init(&streams->unsent);
	list_init(&streams->servers);
	loop->extensions[EXTENSION_STREAMS] = &streams->extension;
	return 0;
}

int streams_of(struct coro_loop *loop, struct streams **ret)
{
	int r = loop->extensions[EXTENSION_STREAMS] ? 0 : streams_create(loop);
	if (r < 0)
		return r;
	*ret = container_of(loop->extensions[EXTENSION_STREAMS], struct streams, extension);
	return 0;
}

/* -- opening and freeing */

int stream_check_options(const struct coro_stream_options *options)
{
	size_t high = options->high_water ? options->high_water : DEFAULT_HIGH;
	return options->low_water > high || options->limit > SIZE_MAX / 4 ? -EINVAL : 0;
}

static void set_options(struct coro_stream *stream, const struct coro_stream_options *options)
{
	stream->limit = options->limit ? options->limit : DEFAULT_LIMIT;
	stream->high = options->high_water ? options->high_water : DEFAULT_HIGH;
	stream->low = options->low_water ? options->low_water : stream->high / 4;
	linger_init(stream, options);
}

static int create(const struct coro_stream_options *options, struct coro_stream **ret)
{
	static const struct coro_stream_options defaults;
	struct coro_loop *loop = sched_loop(thread_current->sched);
	struct streams *streams;
	options = options ? options : &defaults;
	if (!ret || stream_check_options(options) < 0)
		return fail_with(-EINVAL, "a stream: ret is NULL, or an option is wrong");
	if (!loop)
		return fail_with(-EPERM, "a stream: no loop runs in this thread");
	int r = streams_of(loop, &streams);
	if (r < 0)
		return r;
	struct coro_stream *stream = memory_alloc(sizeof(*stream));
	if (!stream || sched_reserve(sched_of(loop), 0, 1) < 0) {
		free(stream);
		return fail_code(-ENOMEM);
	}
	*stream = (struct coro_stream){.streams = streams, .refs = 1};
	streams->refs++;
	set_options(stream, options);
	waiters_init(&stream->drainers);
	list_init(&stream->unsent);
	list_append(&streams->open, &stream->link);
	*ret = stream;
	return 0;
}

static bool is_transport(const struct coro_transport *transport)
{
	return transport && transport->read && transport->write && transport->wait &&
	       transport->close;
}

/* Has debug mode report the stream if the caller does not destroy it. */
static void track(struct coro_stream *stream, const char *site)
{
	stream->resource = (struct resource){.taken = "stream opened", .undone = "destroyed"};
	resource_begin(sched_of(stream->streams->loop), &stream->resource, site);
}

int coro_stream_create_at(const char *site, const struct coro_transport *transport, void *arg,
			  const struct coro_stream_options *options, struct coro_stream **ret)
{
	if (!is_transport(transport))
		return fail_with(-EINVAL,
				 "coro_stream_create: an argument is NULL or out of range");
	int r = create(options, ret);
	if (r < 0)
		return r;
	(*ret)->transport = transport;
	(*ret)->arg = arg;
	track(*ret, site);
	return 0;
}

int stream_open(int fd, const struct coro_stream_options *options, struct coro_stream **ret)
{
	struct coro_loop *loop = sched_loop(thread_current->sched);
	struct io *io;
	struct fd *record;
	if (!loop)
		return fail_with(-EPERM, "coro_stream_open: no loop runs in this thread");
	int r = io_of(loop, &io);
	if (r == 0)
		r = fd_of(io, fd, &record);
	if (r < 0)
		return fail_outcome(r);
	r = create(options, ret);
	if (r < 0)
		return r;
	struct coro_stream *stream = *ret;
	stream->end = (struct fd_end){.streams = stream->streams, .fd = fd};
	stream->transport = record->kind <= FD_SOCKET ? &socket_transport : &file_transport;
	stream->arg = &stream->end;
	stream->ends_by_closing = record->kind == FD_PIPE;
	if (record->kind > FD_SOCKET && (!options || options->linger == 0))
		stream->linger.time = CORO_FOREVER;
	return 0;
}

int coro_stream_open_at(const char *site, int fd, const struct coro_stream_options *options,
			struct coro_stream **ret)
{
	int r = stream_open(fd, options, ret);
	if (r == 0)
		track(*ret, site);
	return r;
}

const struct coro_transport *coro_stream_transport(const struct coro_stream *stream, void **ret)
{
	if (!stream || stream->closed)
		return NULL;
	if (ret)
		*ret = stream->arg;
	return stream->transport;
}

int coro_stream_set_transport(struct coro_stream *stream, const struct coro_transport *transport,
			      void *arg)
{
	if (!stream || !is_transport(transport))
		return fail_with(-EINVAL,
				 "coro_stream_set_transport: an argument is NULL or out of range");
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_set_transport: it is another thread's");
	if (stream->write_error)
		return stream_loss(stream);
	if (stream->closing || stream->ending)
		return fail_expected(-EPIPE, "coro_stream_set_transport: the stream is closed");
	if (stream->pending > 0 || stream->writing || stream_is_waited_for(stream))
		return fail_with(-EBUSY, "coro_stream_set_transport: it is in use");
	stream->transport = transport;
	stream->arg = arg;
	stream->ends_by_closing = false;
	stream->eof = false;
	stream->read_error = 0;
	return 0;
}

void stream_keep(struct failure **failure, int error)
{
	failure_unref(*failure);
	*failure = fail_message(error);
}

void stream_unref(struct coro_stream *stream)
{
	struct streams *streams = stream->streams;
	if (--stream->refs > 0)
		return;
	if (!streams->ended)
		sched_release(sched_of(streams->loop), 0, 1);
	block_destroy(&streams->blocks, stream->in);
	failure_unref(stream->read_failure);
	failure_unref(stream->write_failure);
	free(stream);
	streams_unref(streams);
}

/* -- connecting */

int coro_open_connection_at(const char *site, const char *address,
			    const struct coro_dial_options *dial_options,
			    const struct coro_stream_options *options, struct coro_stream **ret)
{
	int fd;
	if (!address || !ret)
		return fail_with(-EINVAL, "coro_open_connection: address or ret is NULL");
	if (!task_running())
		return fail_with(-EPERM, "coro_open_connection: not in a task");
	int r = coro_dial(address, dial_options, &fd);
	if (r < 0)
		return r;
	r = coro_stream_open_at(site, fd, options, ret);
	if (r < 0)
		coro_fd_close(fd);
	return r;
}

int coro_open_unix_at(const char *site, const char *path, const struct coro_stream_options *options,
		      struct coro_stream **ret)
{
	char address[CORO_ADDRESS_SIZE];
	if (!path)
		return fail_with(-EINVAL, "coro_open_unix: path is NULL");
	if (strlen(path) + sizeof("unix:") > sizeof(address))
		return fail_code(-ENAMETOOLONG);
	strcpy(address, "unix:");
	strcat(address, path);
	return coro_open_connection_at(site, address, NULL, options, ret);
}
