/* SPDX-License-Identifier: MIT */
/* The output buffer of a stream, and writing it. */
#include "stream/stream_out.h"

#include "core/fail.h"

#include <errno.h>
#include <string.h>

/* -- the buffer */

/* Removes the first length bytes, which were written. */
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
		waiters_wake(&stream->drainers, SIZE_MAX);
	}
	if (stream->pending == 0) {
		stream->out_last = NULL;
		waiters_wake(&stream->drainers, SIZE_MAX);
	}
}

void stream_drop(struct coro_stream *stream)
{
	if (stream->pending > 0)
		written(stream, stream->pending);
}

/* Makes room for length bytes at the end. Returns 0 or -ENOMEM. */
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
		return fail_code(-ENOMEM);
	if (last)
		last->next = block;
	else
		stream->out = stream->out_last = block;
	return 0;
}

/* Appends bytes, for which there is room. */
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

int out_append(struct coro_stream *stream, const struct iovec *vec, int count, size_t skip)
{
	int r = make_room(stream, out_length(vec, count) - skip);
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

/* -- writing */

/*
 * Collects at most `room` pieces to be written: the buffered bytes, then the vector without its
 * first skip bytes. Returns their number.
 */
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

int out_write(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done)
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
