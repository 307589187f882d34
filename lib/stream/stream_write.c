/* SPDX-License-Identifier: MIT */
/* The calls that write to streams. */
#include "base/memory.h"
#include "core/fail.h"
#include "io/io.h"
#include "stream/stream_out.h"
#include "stream/stream_writer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Has the buffered bytes sent in the next turn. */
static void send_later(struct coro_stream *stream)
{
	struct streams *streams = stream->streams;
	if (stream->writing || !list_empty(&stream->unsent))
		return;
	list_append(&streams->unsent, &stream->unsent);
	if (streams->call.position == CALL_IDLE)
		call_push(sched_of(streams->loop), &streams->call);
}

/* -- the calls */

static int check(const struct coro_stream *stream)
{
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_write: it is another thread's");
	if (stream->write_error)
		return stream_loss(stream);
	if (stream->closing)
		return fail_expected(-EPIPE, "the stream is closed");
	return stream->ending ? fail_expected(-EPIPE, "writing after coro_stream_write_eof") : 0;
}

static int write_vector(struct coro_stream *stream, const struct iovec *vec, int count)
{
	size_t length = out_length(vec, count), done = 0;
	int r = 0;
	if (length == 0)
		return 0;
	if (stream->pending + length >= BLOCK_SIZE && !stream->writing)
		r = writer_write(stream, vec, count, &done);
	if (r == 0 && done < length)
		r = out_append(stream, vec, count, done);
	if (r < 0) {
		if (done > 0)
			writer_lose(stream, r);
		return r;
	}
	stream->paused |= stream->pending > stream->high;
	if (stream->pending > 0)
		send_later(stream);
	return 0;
}

/* Whether a buffer may have this address and length. */
static bool is_possible(const struct iovec *vec, int count)
{
	size_t left = SIZE_MAX / 2;
	for (; count > 0; vec++, count--) {
		if (vec->iov_len > left || (!vec->iov_base && vec->iov_len > 0))
			return false;
		left -= vec->iov_len;
	}
	return true;
}

int coro_stream_writev(struct coro_stream *stream, const struct iovec *vec, int count)
{
	if (!stream || count < 0 || (!vec && count > 0) || !is_possible(vec, count))
		return fail_with(-EINVAL,
				 "coro_stream_writev: an argument is NULL or out of range");
	int r = check(stream);
	return r < 0 ? r : write_vector(stream, vec, count);
}

int coro_stream_write(struct coro_stream *stream, const void *bytes, size_t length)
{
	struct iovec vec = {.iov_base = (void *)bytes, .iov_len = length};
	return coro_stream_writev(stream, &vec, 1);
}

static int write_formatted(struct coro_stream *stream, const char *format, va_list args)
{
	char text[1024], *more = text;
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(text, sizeof(text), format, args);
	if (n >= (int)sizeof(text)) {
		more = memory_alloc((size_t)n + 1);
		if (more)
			vsnprintf(more, (size_t)n + 1, format, again);
	}
	va_end(again);
	if (n < 0)
		return -EINVAL;
	int r = more ? coro_stream_write(stream, more, (size_t)n) : -ENOMEM;
	if (more != text)
		free(more);
	return r;
}

int coro_stream_printf(struct coro_stream *stream, const char *format, ...)
{
	va_list args;
	if (!stream || !format)
		return fail_with(-EINVAL, "coro_stream_printf: stream or format is NULL");
	va_start(args, format);
	int r = write_formatted(stream, format, args);
	va_end(args);
	return r;
}

size_t coro_stream_pending(const struct coro_stream *stream)
{
	return stream ? stream->pending : 0;
}

static coro_async int give_way(const struct coro_stream *stream)
{
	struct coro_loop *loop = stream->streams->loop;
	if (!task_running() || stream->streams->ended || !sched_of(loop)->poller)
		return 0;
	return io_check_budget(io_made(loop));
}

/* A task that waits for writing or for the end. */
struct drainer {
	struct waiter waiter;
	const struct coro_stream *stream;
};

static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct coro_stream *stream =
		container_of(wait->waiter, struct drainer, waiter)->stream;
	char fd[24] = "";
	if (coro_stream_fd(stream) >= 0)
		snprintf(fd, sizeof(fd), ", fd %d", coro_stream_fd(stream));
	return stream->pending > 0
		       ? snprintf(text, size, "a stream, to be written, %zu bytes left%s",
				  stream->pending, fd)
		       : snprintf(text, size, "a stream, to be closed%s", fd);
}

static const struct wait_kind draining = {.leave = waiter_leave,
					  .what = "a stream, to be written",
					  .call = "coro_stream_drain, _flush, _wait_closed",
					  .describe = describe};

int stream_wait(struct coro_stream *stream)
{
	struct drainer drainer;
	drainer.stream = stream;
	return waiters_wait(&stream->drainers, &drainer.waiter, &draining);
}

/* Waits until writing was resumed once. It may be paused again before the waiting task runs. */
static coro_async int wait_until_resumed(struct coro_stream *stream)
{
	unsigned before = stream->resumed;
	int r = 0;
	while (r == 0 && stream->paused && stream->resumed == before && !stream->closed)
		r = stream_wait(stream);
	return r;
}

int coro_stream_drain(struct coro_stream *stream)
{
	if (!stream)
		return fail_with(-EINVAL, "coro_stream_drain: stream is NULL");
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_drain: it is another thread's");
	int r = give_way(stream);
	if (r == 0 && stream->closed && !stream->write_error)
		return fail_expected(-EPIPE, "the stream is closed");
	if (stream->paused)
		stream_push(stream);
	if (r == 0)
		r = wait_until_resumed(stream);
	return r < 0 ? r : stream_loss(stream);
}

/* Whether the transport holds back bytes that are still to be written. */
static bool is_held_back(const struct coro_stream *stream)
{
	return stream->transport->flush && stream->writing && !stream->closed;
}

int coro_stream_flush(struct coro_stream *stream)
{
	if (!stream)
		return fail_with(-EINVAL, "coro_stream_flush: stream is NULL");
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_flush: it is another thread's");
	int r = give_way(stream);
	stream_push(stream);
	while (r == 0 && (stream->pending > 0 || is_held_back(stream)))
		r = stream_wait(stream);
	return r < 0 ? r : stream_loss(stream);
}

int coro_stream_write_eof(struct coro_stream *stream)
{
	if (!stream)
		return fail_with(-EINVAL, "coro_stream_write_eof: stream is NULL");
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_write_eof: it is another thread's");
	if (stream->ending)
		return 0;
	if (!stream->transport->end && !stream->ends_by_closing)
		return fail_code(-EOPNOTSUPP);
	int r = check(stream);
	if (r < 0)
		return r;
	stream->ending = true;
	if (stream->ends_by_closing)
		stream->closing = true;
	stream_push(stream);
	return stream_loss(stream);
}

/* -- copying */

int coro_stream_copy(struct coro_stream *from, struct coro_stream *to, uint64_t length,
		     uint64_t *ret)
{
	const char *bytes;
	uint64_t copied = 0;
	ssize_t n = 0;
	if (!from || !to)
		return fail_with(-EINVAL, "coro_stream_copy: from or to is NULL");
	while (copied < length && (n = coro_stream_peek(from, 1, &bytes)) > 0) {
		size_t part = (uint64_t)n < length - copied ? (size_t)n : (size_t)(length - copied);
		n = coro_stream_write(to, bytes, part);
		if (n < 0)
			break;
		coro_stream_consume(from, part);
		copied += part;
		n = coro_stream_drain(to);
		if (n < 0)
			break;
	}
	if (ret)
		*ret = copied;
	return n < 0 ? (int)n : 0;
}
