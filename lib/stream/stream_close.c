/* SPDX-License-Identifier: MIT */
/* Closing streams. */
#include "core/fail.h"
#include "stream/stream.h"

#include <errno.h>

void streams_note_end(const struct streams *streams)
{
	if (streams->finishing && streams_are_settled(streams) && sched_of(streams->loop)->runner)
		coro_loop_stop(streams->loop);
}

static void tell(struct coro_stream *stream)
{
	waiters_wake(&stream->drainers, SIZE_MAX);
	if (stream->moved)
		stream->moved(stream);
}

static void shut(struct coro_stream *stream, void (*close)(void *arg))
{
	if (stream->closed)
		return;
	stream->closing = stream->closed = true;
	linger_stop(stream);
	stream_drop(stream);
	list_remove(&stream->link);
	list_remove(&stream->unsent);
	if (stream->writing)
		list_append(&stream->streams->written, &stream->link);
	close(stream->arg);
	tell(stream);
	streams_note_end(stream->streams);
}

void stream_shut(struct coro_stream *stream)
{
	shut(stream, stream->transport->close);
}

void stream_reset(struct coro_stream *stream)
{
	const struct coro_transport *transport = stream->transport;
	if (stream->lingering)
		linger_end(stream, true);
	else
		shut(stream, transport->abort ? transport->abort : transport->close);
}

void stream_leaves(struct coro_stream *stream)
{
	stream->refs++;
	stream->lingering = true;
	list_append(&stream->streams->leaving, &stream->link);
}

void stream_arrived(struct coro_stream *stream)
{
	tell(stream);
}

void stream_left(struct coro_stream *stream)
{
	stream->lingering = false;
	list_remove(&stream->link);
	tell(stream);
	streams_note_end(stream->streams);
	stream_unref(stream);
}

int coro_stream_close(struct coro_stream *stream)
{
	if (!stream)
		return fail_with(-EINVAL, "coro_stream_close: stream is NULL");
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_close: it is another thread's");
	if (stream->closing)
		return 0;
	stream->closing = true;
	stream_push(stream);
	if (!stream->closed)
		linger_while_writing(stream);
	return 0;
}

int coro_stream_abort(struct coro_stream *stream)
{
	if (!stream)
		return fail_with(-EINVAL, "coro_stream_abort: stream is NULL");
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_abort: it is another thread's");
	stream_reset(stream);
	return 0;
}

bool coro_stream_is_closing(const struct coro_stream *stream)
{
	return !stream || stream->closing || stream->write_error;
}

int stream_wait_shut(struct coro_stream *stream)
{
	int r = 0;
	while (r == 0 && !stream->closed && !stream->write_error)
		r = stream_wait(stream);
	return r < 0 ? r : stream_loss(stream);
}

/* Waits until the peer's kernel has acknowledged all that was written. */
static coro_async int wait_until_gone(struct coro_stream *stream)
{
	int r = 0;
	while (r == 0 && stream->closed && !stream_is_gone(stream))
		r = stream_wait(stream);
	return r < 0 ? r : stream_loss(stream);
}

int coro_stream_wait_closed(struct coro_stream *stream)
{
	if (!stream)
		return fail_with(-EINVAL, "coro_stream_wait_closed: stream is NULL");
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_wait_closed: it is another thread's");
	int r = stream_wait_shut(stream);
	return r < 0 ? r : wait_until_gone(stream);
}

int coro_stream_destroy(struct coro_stream *stream)
{
	if (!stream)
		return 0;
	if (!stream->streams->ended && streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_destroy: it is another thread's");
	/* Tasks that waited when the loop was closed were discarded. */
	if (!stream->streams->ended && !sched_of(stream->streams->loop)->closed &&
	    stream_is_waited_for(stream))
		return fail_with(-EBUSY, "coro_stream_destroy: it is in use");
	coro_stream_close(stream);
	resource_end(&stream->resource);
	stream_unref(stream);
	return 0;
}

int coro_stream_fd(const struct coro_stream *stream)
{
	if (!stream || stream->closed || !stream->transport->fd)
		return -1;
	return stream->transport->fd(stream->arg);
}
