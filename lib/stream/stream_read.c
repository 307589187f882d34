/* SPDX-License-Identifier: MIT */
/* Reading from streams. */
#include "base/memory.h"
#include "stream/stream.h"

#include "core/fail.h"
#include "io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -- the buffer */

static char *begin_of(const struct coro_stream *stream)
{
	return stream->in ? stream->in->bytes + stream->in->begin : (char *)"";
}

/* Takes bytes from the buffer. They stay in place until the next read. */
static void take(struct coro_stream *stream, size_t length)
{
	if (stream->in)
		stream->in->begin += length;
}

/* Writes a NUL behind the bytes taken last, and keeps the byte that stood there. */
static void terminate(struct coro_stream *stream)
{
	if (!stream->in)
		return;
	stream->hides = stream_buffered(stream) > 0;
	if (stream->hides)
		stream->hidden = *begin_of(stream);
	*begin_of(stream) = '\0';
}

static void unhide(struct coro_stream *stream)
{
	if (stream->hides)
		*begin_of(stream) = stream->hidden;
	stream->hides = false;
}

/* Doubles the size, but prefers the block size of which spares are kept. */
static size_t next_size(size_t size, size_t most)
{
	size *= 2;
	if (size > BLOCK_SIZE / 2 && size < BLOCK_SIZE)
		size = BLOCK_SIZE;
	return size > most && most > BLOCK_SIZE ? most : size;
}

/* Makes room for at least a byte, if fewer than `most` are buffered. Returns 0 or -ENOMEM. */
static int make_room(struct coro_stream *stream, size_t most)
{
	struct block *block = stream->in;
	struct blocks *blocks = &stream->streams->blocks;
	size_t length = stream_buffered(stream);
	if (!block) {
		block = block_create(blocks, BLOCK_SIZE);
	} else if (length == 0) {
		block->begin = block->end = 0;
	} else if (block_room(block) > 0) {
		return 0;
	} else if (length <= block->size / 2 || (block->begin > 0 && block->size >= most)) {
		memmove(block->bytes, block->bytes + block->begin, length);
		block->begin = 0;
		block->end = length;
	} else {
		block = block_move(blocks, block, next_size(block->size, most));
	}
	if (!block)
		return fail_code(-ENOMEM);
	stream->in = block;
	return 0;
}

/* Reduces the buffer to what is in it, before a wait and at the end. */
static void shrink(struct coro_stream *stream)
{
	enum { LEAST = 1024 };
	struct block *block = stream->in;
	struct blocks *blocks = &stream->streams->blocks;
	size_t length = stream_buffered(stream);
	if (length == 0) {
		block_destroy(blocks, block);
		stream->in = NULL;
	} else if (block->size >= BLOCK_SIZE && length < block->size / 8) {
		struct block *moved =
			block_move(blocks, block, 2 * length > LEAST ? 2 * length : LEAST);
		stream->in = moved ? moved : block;
	}
}

/* -- filling it */

static coro_async int give_way(const struct coro_stream *stream)
{
	struct coro_loop *loop = stream->streams->loop;
	return sched_of(loop)->poller ? io_check_budget(io_made(loop)) : 0;
}

static coro_async int wait_for_bytes(struct coro_stream *stream)
{
	shrink(stream);
	int r = stream->transport->wait(stream->arg, false);
	return r == -ECANCELED || !stream->closed ? r : 0;
}

/* Reads once into `bytes`, or into the buffer if that is NULL. */
static ssize_t receive(struct coro_stream *stream, char *bytes, size_t length, size_t most)
{
	if (bytes)
		return stream->transport->read(stream->arg, bytes, length);
	int r = make_room(stream, most);
	if (r < 0)
		return r;
	struct block *block = stream->in;
	ssize_t n =
		stream->transport->read(stream->arg, block->bytes + block->end, block_room(block));
	if (n > 0)
		block->end += (size_t)n;
	return n;
}

/* Whether the error of a read means that the connection is broken in both directions. */
static bool is_lost(ssize_t error)
{
	return error == -ECONNRESET || error == -ETIMEDOUT || error == -EHOSTUNREACH ||
	       error == -ENETUNREACH;
}

/*
 * Notes the end of file or an error of a read. The kernel reports a reset once. If a write got that
 * report, the end of file that a read sees is the reset.
 */
static ssize_t end_of_reading(struct coro_stream *stream, ssize_t n)
{
	if (n == 0 && stream->write_error == -ECONNRESET)
		n = stream_loss(stream);
	stream->eof = n == 0;
	if (n < 0 && n != -ENOMEM) {
		stream->read_error = (int)n;
		stream_keep(&stream->read_failure, (int)n);
	}
	if (is_lost(n))
		stream_fail(stream, (int)n);
	return n;
}

/* The part of read_more that may wait. */
static coro_async ssize_t read_waiting(struct coro_stream *stream, char *bytes, size_t length,
				       size_t most)
{
	ssize_t n = give_way(stream);
	if (n < 0)
		return n;
	while (!stream->closing && (n = receive(stream, bytes, length, most)) == -EAGAIN) {
		n = wait_for_bytes(stream);
		if (n < 0)
			return n;
	}
	if (n > 0)
		return n;
	shrink(stream);
	return stream->closing ? stream_wait_shut(stream) : end_of_reading(stream, n);
}

/*
 * Waits for bytes and reads them into `bytes`, or into the buffer if that is NULL. The buffer grows
 * up to `most`, which must be more than it holds. Returns the count, 0 at the end, or an error.
 */
static coro_async ssize_t read_more(struct coro_stream *stream, char *bytes, size_t length,
				    size_t most)
{
	const struct task *task = task_running();
	if (stream->read_error)
		return fail_again(stream->read_error, stream->read_failure);
	if (stream->closed || stream->eof)
		return stream->closed ? stream_loss(stream) : 0;
	if (!task || task->sched != sched_of(stream->streams->loop))
		return fail_with(-EPERM, "coro_stream_read: not in a task of its loop");
	if (!list_empty(&stream->unsent))
		stream_push(stream);
	stream->reading = true;
	ssize_t n = read_waiting(stream, bytes, length, most);
	stream->reading = false;
	return n;
}

static coro_async ssize_t fill(struct coro_stream *stream, size_t most)
{
	return read_more(stream, NULL, 0, most);
}

/* -- the calls */

static ssize_t hand_over(struct coro_stream *stream, void *bytes, size_t length)
{
	memcpy(bytes, begin_of(stream), length);
	take(stream, length);
	return (ssize_t)length;
}

/* Checks that the caller may read, and restores the byte behind those taken last. */
static int begin_reading(struct coro_stream *stream)
{
	if (streams_are_foreign(stream->streams))
		return fail_with(-EPERM, "coro_stream_read: it is another thread's");
	if (stream->reading)
		return fail_with(-EBUSY, "coro_stream_read: another task reads");
	unhide(stream);
	return 0;
}

static int fail_incomplete(void)
{
	return fail_expected(CORO_INCOMPLETE, "the stream ended before all had come");
}

static int fail_above_limit(void)
{
	return fail_expected(-EMSGSIZE, "more came than the stream's limit");
}

ssize_t coro_stream_read(struct coro_stream *stream, void *bytes, size_t length)
{
	enum { STRAIGHT = 4096 };
	if (!stream || (!bytes && length > 0))
		return fail_with(-EINVAL, "coro_stream_read: an argument is NULL or out of range");
	int r = begin_reading(stream);
	if (r < 0 || length == 0)
		return r;
	if (stream_buffered(stream) == 0) {
		bool straight = length >= STRAIGHT;
		ssize_t n = read_more(stream, straight ? bytes : NULL, length, BLOCK_SIZE);
		if (n <= 0 || straight)
			return n;
	}
	size_t there = stream_buffered(stream);
	return hand_over(stream, bytes, there < length ? there : length);
}

ssize_t coro_stream_readexactly(struct coro_stream *stream, void *bytes, size_t length)
{
	if (!stream || (!bytes && length > 0) || length > SIZE_MAX / 4)
		return fail_with(-EINVAL,
				 "coro_stream_readexactly: an argument is NULL or out of range");
	int r = begin_reading(stream);
	if (r < 0 || length == 0)
		return r;
	while (stream_buffered(stream) < length) {
		ssize_t n = fill(stream, length);
		if (n <= 0)
			return n < 0 ? n : fail_incomplete();
	}
	return hand_over(stream, bytes, length);
}

ssize_t coro_stream_read_all(struct coro_stream *stream, size_t most, char **ret)
{
	ssize_t n = 1;
	if (!stream || !ret)
		return fail_with(-EINVAL, "coro_stream_read_all: stream or ret is NULL");
	int r = begin_reading(stream);
	if (r < 0)
		return r;
	most = most < SIZE_MAX / 4 ? most : SIZE_MAX / 4;
	while (n > 0) {
		if (stream_buffered(stream) > most)
			return fail_expected(-EMSGSIZE, "coro_stream_read_all: there is more");
		n = fill(stream, most + 1);
	}
	if (n < 0)
		return n;
	size_t length = stream_buffered(stream);
	char *all = memory_alloc(length + 1);
	if (!all)
		return fail_code(-ENOMEM);
	hand_over(stream, all, length);
	all[length] = '\0';
	*ret = all;
	return (ssize_t)length;
}

/* Finds the separator in the buffer from an offset on. NULL if it is not there. */
static const char *find(const struct coro_stream *stream, size_t from, const void *separator,
			size_t length)
{
	const char *begin = begin_of(stream);
	size_t there = stream_buffered(stream);
	if (!stream->in || there < from + length)
		return NULL;
	if (length == 1)
		return memchr(begin + from, *(const char *)separator, there - from);
	return memmem(begin + from, there - from, separator, length);
}

ssize_t coro_stream_readuntil(struct coro_stream *stream, const void *separator, size_t length,
			      const char **ret)
{
	const char *at;
	size_t from = 0;
	if (!stream || !separator || length == 0 || length > SIZE_MAX / 4 || !ret)
		return fail_with(-EINVAL,
				 "coro_stream_readuntil: an argument is NULL or out of range");
	int r = begin_reading(stream);
	if (r < 0)
		return r;
	while (!(at = find(stream, from, separator, length))) {
		size_t there = stream_buffered(stream);
		from = there >= length ? there - length + 1 : 0;
		if (from > stream->limit)
			return fail_above_limit();
		ssize_t n = fill(stream, stream->limit + length);
		if (n <= 0)
			return n < 0 ? n : fail_incomplete();
	}
	size_t before = (size_t)(at - begin_of(stream));
	if (before > stream->limit)
		return fail_above_limit();
	*ret = begin_of(stream);
	take(stream, before + length);
	terminate(stream);
	return (ssize_t)(before + length);
}

ssize_t coro_stream_readline(struct coro_stream *stream, const char **ret)
{
	ssize_t n = coro_stream_readuntil(stream, "\n", 1, ret);
	if (n == CORO_INCOMPLETE) {
		*ret = begin_of(stream);
		n = (ssize_t)stream_buffered(stream);
		take(stream, (size_t)n);
		terminate(stream);
	} else if (n == -EMSGSIZE) {
		const char *end = find(stream, 0, "\n", 1);
		take(stream, end ? (size_t)(end + 1 - begin_of(stream)) : stream_buffered(stream));
	}
	return n;
}

/*
 * How far the buffer may grow for a peek of `least` bytes. At least twice that, so that peeking one
 * byte more each time does not grow the buffer by a byte each time.
 */
static size_t room_for(const struct coro_stream *stream, size_t least)
{
	size_t most = stream->limit > BLOCK_SIZE ? stream->limit : BLOCK_SIZE;
	if (least <= BLOCK_SIZE / 2)
		return BLOCK_SIZE;
	return 2 * least < most ? 2 * least : most;
}

ssize_t coro_stream_peek(struct coro_stream *stream, size_t least, const char **ret)
{
	ssize_t n = 1;
	if (!stream || !ret)
		return fail_with(-EINVAL, "coro_stream_peek: stream or ret is NULL");
	int r = begin_reading(stream);
	if (r < 0)
		return r;
	while (n > 0 && stream_buffered(stream) < least) {
		if (least > stream->limit)
			return fail_with(-EMSGSIZE, "coro_stream_peek: more than the limit");
		n = fill(stream, room_for(stream, least));
	}
	if (n < 0)
		return n;
	*ret = begin_of(stream);
	return (ssize_t)stream_buffered(stream);
}

int coro_stream_consume(struct coro_stream *stream, size_t length)
{
	if (!stream)
		return fail_with(-EINVAL, "coro_stream_consume: stream is NULL");
	int r = begin_reading(stream);
	if (r < 0)
		return r;
	if (length > stream_buffered(stream))
		return fail_with(-EINVAL, "coro_stream_consume: more than is in the buffer");
	take(stream, length);
	return 0;
}

bool coro_stream_at_eof(const struct coro_stream *stream)
{
	return stream && (stream->eof || stream->closed) && stream_buffered(stream) == 0;
}
