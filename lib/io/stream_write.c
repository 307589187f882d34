/* SPDX-License-Identifier: MIT */
/* Writing to streams: what cannot be written at once is written by a task of the stream's own. */
#include "io/stream.h"

#include "coro/task.h"
#include "io/io.h"
#include "loop/future.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- the buffer */

static void wake_waiting(struct coro_stream *stream)
{
	waiters_wake(&stream->drainers, SIZE_MAX);
}

/* So many of the first bytes have gone out. */
static void written(struct coro_stream *stream, size_t length)
{
	stream->pending -= length;
	while (length > 0) {
		struct block *block = stream->out;
		size_t there = block_length(block), gone = length < there ? length : there;
		block->begin += gone;
		length -= gone;
		if (gone == there) {
			stream->out = block->next;
			block_destroy(&stream->streams->blocks, block);
		}
	}
	if (stream->pending <= stream->low && stream->paused) {
		stream->paused = false;
		stream->resumed++;
		wake_waiting(stream);
	}
	if (stream->pending == 0) {
		stream->out_last = NULL;
		wake_waiting(stream);
	}
}

void stream_drop(struct coro_stream *stream)
{
	if (stream->pending > 0)
		written(stream, stream->pending);
}

/* Room for so many bytes at the end: 0 or -ENOMEM. */
static int make_room(struct coro_stream *stream, size_t length)
{
	struct block *last = stream->out_last;
	size_t room = last ? block_room(last) : 0;
	if (room >= length)
		return 0;
	size_t more = length - room;
	struct block *block =
		block_create(&stream->streams->blocks, more > BLOCK_SIZE ? more : BLOCK_SIZE);
	if (!block)
		return -ENOMEM;
	if (last)
		last->next = block;
	else
		stream->out = stream->out_last = block;
	return 0;
}

/* There is room. */
static void append(struct coro_stream *stream, const char *bytes, size_t length)
{
	stream->pending += length;
	while (length > 0) {
		struct block *last = stream->out_last;
		size_t room = block_room(last), part = length < room ? length : room;
		memcpy(last->bytes + last->end, bytes, part);
		last->end += part;
		bytes += part;
		length -= part;
		if (length > 0)
			stream->out_last = last->next;
	}
}

/* -- vectors */

static size_t length_of(const struct iovec *vec, int count)
{
	size_t length = 0;
	for (int i = 0; i < count; i++)
		length += vec[i].iov_len;
	return length;
}

/* Some pieces of what is buffered, and then, behind so many bytes, of the vector: how many. */
static int gather(const struct coro_stream *stream, const struct iovec *vec, int count, size_t skip,
		  struct iovec *pieces, int room)
{
	int n = 0;
	for (struct block *block = stream->out; block && n < room; block = block->next)
		if (block_length(block) > 0)
			pieces[n++] = (struct iovec){.iov_base = block->bytes + block->begin,
						     .iov_len = block_length(block)};
	for (; count > 0 && n < room; vec++, count--) {
		if (skip < vec->iov_len)
			pieces[n++] = (struct iovec){.iov_base = (char *)vec->iov_base + skip,
						     .iov_len = vec->iov_len - skip};
		skip -= skip < vec->iov_len ? skip : vec->iov_len;
	}
	return n;
}

/*
 * Writes what goes, of what is buffered and then of the vector, of which *done is counted: 0, all
 * has gone; -EAGAIN; or an error.
 */
static int write_out(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done)
{
	enum { PIECES = 64 };
	struct iovec pieces[PIECES];
	int n;
	while ((n = gather(stream, vec, count, *done, pieces, PIECES)) > 0) {
		ssize_t gone = stream->transport->write(stream->arg, pieces, n);
		if (gone <= 0)
			return gone < 0 ? (int)gone : -EAGAIN;
		size_t buffered = (size_t)gone < stream->pending ? (size_t)gone : stream->pending;
		if (buffered > 0)
			written(stream, buffered);
		*done += (size_t)gone - buffered;
	}
	return 0;
}

/* What the transport holds back of it: 0, -EAGAIN or an error. */
static int flush_transport(struct coro_stream *stream, bool closing)
{
	const struct coro_transport *transport = stream->transport;
	return transport->flush ? transport->flush(stream->arg, closing) : 0;
}

/* As write_out, and all the way. */
static int write_through(struct coro_stream *stream, const struct iovec *vec, int count,
			 size_t *done)
{
	int r = write_out(stream, vec, count, done);
	return r == 0 ? flush_transport(stream, false) : r;
}

/* -- the writer */

void stream_fail(struct coro_stream *stream, int error)
{
	if (stream->write_error || stream->closed)
		return;
	stream->write_error = error;
	stream_drop(stream);
	wake_waiting(stream);
}

/*
 * Writing has failed. Where the peer has hung up, what it sent before may still be read; else who
 * reads is not to wait for an answer that cannot come.
 */
static void lose(struct coro_stream *stream, int error)
{
	if (stream->write_error || stream->closed)
		return;
	stream_fail(stream, error);
	if (error != -EPIPE && error != -ECONNRESET)
		stream_shut(stream);
}

static int writer_run(void *arg)
{
	struct coro_stream *stream = arg;
	size_t none = 0;
	int r = -EAGAIN;
	while (r == -EAGAIN && !stream->closed && !stream->write_error) {
		r = stream->transport->wait(stream->arg, true);
		if (r == 0 && !stream->closed)
			r = write_through(stream, NULL, 0, &none);
	}
	return r == -EAGAIN ? 0 : r;
}

/* It has ended, or was cancelled before it began. */
static void writer_done(struct watch *watch)
{
	struct coro_stream *stream = container_of(watch, struct coro_stream, writer);
	int r = coro_future_result(watch->future, NULL);
	coro_future_unref(watch->future);
	loop_release(stream->streams->loop, 0, 1);
	stream->writing = false;
	if (r < 0)
		lose(stream, r);
	stream_push(stream); /* what came since */
	if (stream->transport->flush)
		wake_waiting(stream);
	stream_unref(stream);
}

void stream_forget_writer(struct coro_stream *stream)
{
	if (!stream->writing)
		return;
	stream->writing = false;
	coro_future_unref(stream->writer.future);
	stream_unref(stream);
}

static int start_writer(struct coro_stream *stream)
{
	enum { LEAST_STACK = 65536 };
	struct coro_loop *loop = stream->streams->loop;
	struct coro_options options = {.name = "stream", .stack_size = loop->stack_size};
	struct coro_future *task;
	/* Enough for TLS, whatever the user's own tasks do with. 0 is the usual size. */
	if (options.stack_size > 0 && options.stack_size < LEAST_STACK)
		options.stack_size = LEAST_STACK;
	int r = loop_reserve(loop, 0, 1);
	if (r < 0)
		return r;
	r = coro_loop_spawn(loop, &options, writer_run, stream, &task);
	if (r < 0) {
		loop_release(loop, 0, 1);
		return r;
	}
	stream->refs++;
	stream->writing = true;
	watch_add(&stream->writer, task, writer_done);
	return 0;
}

/* All is written, or lost: tells the peer that there will be no more, or closes. */
static void settle(struct coro_stream *stream)
{
	int r = 0;
	if (stream->pending > 0 || stream->closed)
		return;
	if (stream->ending && !stream->ended && !stream->ends_by_closing && !stream->write_error) {
		stream->ended = true;
		r = stream->transport->end(stream->arg);
	}
	if (r == 0 && !stream->write_error)
		r = flush_transport(stream, stream->closing);
	if (r == -EAGAIN) {
		r = start_writer(stream);
		if (r == 0)
			return; /* it comes back here */
	}
	if (r < 0)
		lose(stream, r);
	if (stream->closing)
		stream_shut(stream);
}

/* As write_through; what does not go now is left to the writer. */
static int write_now(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done)
{
	int r = write_through(stream, vec, count, done);
	if (r == -EAGAIN)
		r = start_writer(stream);
	if (r < 0)
		lose(stream, r);
	return r;
}

void stream_push(struct coro_stream *stream)
{
	size_t none = 0;
	list_remove(&stream->unsent);
	if (stream->writing || stream->closed)
		return;
	if (stream->pending > 0)
		write_now(stream, NULL, 0, &none);
	if (!stream->writing)
		settle(stream);
}

/* Has it sent in the next turn. */
static void send_later(struct coro_stream *stream)
{
	struct streams *streams = stream->streams;
	if (stream->writing || !list_empty(&stream->unsent))
		return;
	list_append(&streams->unsent, &stream->unsent);
	if (streams->call.position == CALL_IDLE)
		call_push(streams->loop, &streams->call);
}

/* -- the calls */

static int check(const struct coro_stream *stream)
{
	if (streams_are_foreign(stream->streams))
		return -EPERM;
	if (stream->write_error)
		return stream->write_error;
	return stream->closing || stream->ending ? -EPIPE : 0;
}

/* Behind what is buffered: 0; -ENOMEM, and nothing is. */
static int buffer(struct coro_stream *stream, const struct iovec *vec, int count, size_t skip)
{
	int r = make_room(stream, length_of(vec, count) - skip);
	if (r < 0)
		return r;
	for (; count > 0; vec++, count--) {
		size_t over = skip < vec->iov_len ? skip : vec->iov_len;
		if (over < vec->iov_len)
			append(stream, (const char *)vec->iov_base + over, vec->iov_len - over);
		skip -= over;
	}
	return 0;
}

static int write_vector(struct coro_stream *stream, const struct iovec *vec, int count)
{
	size_t length = length_of(vec, count), done = 0;
	int r = 0;
	if (length == 0)
		return 0;
	if (stream->pending + length >= BLOCK_SIZE && !stream->writing)
		r = write_now(stream, vec, count, &done);
	if (r == 0 && done < length)
		r = buffer(stream, vec, count, done);
	if (r < 0) {
		if (done > 0)
			lose(stream, r);
		return r;
	}
	stream->paused |= stream->pending > stream->high;
	if (stream->pending > 0)
		send_later(stream);
	return 0;
}

/* Whether there may be so many bytes, and somewhere. */
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
		return -EINVAL;
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
		more = malloc((size_t)n + 1);
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
		return -EINVAL;
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
	if (!task_running() || stream->streams->ended || !loop->poller)
		return 0;
	return io_give_way(io_made(loop));
}

/* Others who write may have it paused again before who was woken runs: that is not waited for. */
static coro_async int wait_until_resumed(struct coro_stream *stream)
{
	struct latch latch;
	unsigned before = stream->resumed;
	int r = 0;
	while (r == 0 && stream->paused && stream->resumed == before && !stream->closed)
		r = waiters_wait(&stream->drainers, &latch);
	return r;
}

int coro_stream_drain(struct coro_stream *stream)
{
	if (!stream)
		return -EINVAL;
	if (streams_are_foreign(stream->streams))
		return -EPERM;
	int r = give_way(stream);
	if (r == 0 && stream->closed && !stream->write_error)
		return -EPIPE;
	if (stream->paused)
		stream_push(stream);
	if (r == 0)
		r = wait_until_resumed(stream);
	return r < 0 ? r : stream->write_error;
}

/* Whether the transport has something still to be written. */
static bool is_held_back(const struct coro_stream *stream)
{
	return stream->transport->flush && stream->writing && !stream->closed;
}

int coro_stream_flush(struct coro_stream *stream)
{
	struct latch latch;
	if (!stream)
		return -EINVAL;
	if (streams_are_foreign(stream->streams))
		return -EPERM;
	int r = give_way(stream);
	stream_push(stream);
	while (r == 0 && (stream->pending > 0 || is_held_back(stream)))
		r = waiters_wait(&stream->drainers, &latch);
	return r < 0 ? r : stream->write_error;
}

int coro_stream_write_eof(struct coro_stream *stream)
{
	if (!stream)
		return -EINVAL;
	if (streams_are_foreign(stream->streams))
		return -EPERM;
	if (stream->ending)
		return 0;
	if (!stream->transport->end && !stream->ends_by_closing)
		return -EOPNOTSUPP;
	int r = check(stream);
	if (r < 0)
		return r;
	stream->ending = true;
	if (stream->ends_by_closing)
		stream->closing = true;
	stream_push(stream);
	return stream->write_error;
}

/* -- copying */

int coro_stream_copy(struct coro_stream *from, struct coro_stream *to, uint64_t length,
		     uint64_t *ret)
{
	const char *bytes;
	uint64_t copied = 0;
	ssize_t n = 0;
	if (!from || !to)
		return -EINVAL;
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
