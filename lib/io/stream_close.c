/* SPDX-License-Identifier: MIT */
/* The end of streams. */
#include "io/stream.h"

#include <errno.h>

void stream_shut(struct coro_stream *stream)
{
	if (stream->closed)
		return;
	stream->closing = stream->closed = true;
	stream_drop(stream);
	list_remove(&stream->link);
	list_remove(&stream->unsent);
	stream->transport->close(stream->arg);
	waiters_wake(&stream->drainers, SIZE_MAX);
}

int coro_stream_close(struct coro_stream *stream)
{
	if (!stream)
		return -EINVAL;
	if (streams_are_foreign(stream->streams))
		return -EPERM;
	if (stream->closing)
		return 0;
	stream->closing = true;
	stream_push(stream);
	return 0;
}

int coro_stream_abort(struct coro_stream *stream)
{
	if (!stream)
		return -EINVAL;
	if (streams_are_foreign(stream->streams))
		return -EPERM;
	stream_shut(stream);
	return 0;
}

bool coro_stream_is_closing(const struct coro_stream *stream)
{
	return !stream || stream->closing || stream->write_error;
}

int coro_stream_wait_closed(struct coro_stream *stream)
{
	struct latch latch;
	if (!stream)
		return -EINVAL;
	if (streams_are_foreign(stream->streams))
		return -EPERM;
	while (!stream->closed && !stream->write_error) {
		int r = waiters_wait(&stream->drainers, &latch);
		if (r < 0)
			return r;
	}
	return stream->write_error;
}

int coro_stream_destroy(struct coro_stream *stream)
{
	if (!stream)
		return 0;
	if (!stream->streams->ended && streams_are_foreign(stream->streams))
		return -EPERM;
	/* Those who waited when the loop was closed were thrown away. */
	if (!stream->streams->ended && !stream->streams->loop->closed &&
	    stream_is_waited_for(stream))
		return -EBUSY;
	coro_stream_close(stream);
	stream_unref(stream);
	return 0;
}

int coro_stream_fd(const struct coro_stream *stream)
{
	if (!stream || stream->closed || !stream->transport->fd)
		return -1;
	return stream->transport->fd(stream->arg);
}
