/* SPDX-License-Identifier: MIT */
/* The bytes to be written to a stream: a list of blocks, written from the first. */
#ifndef STREAM_STREAM_OUT_H
#define STREAM_STREAM_OUT_H

#include "stream/stream.h"

/* The number of bytes in a vector. */
static inline size_t out_length(const struct iovec *vec, int count)
{
	size_t length = 0;
	for (int i = 0; i < count; i++)
		length += vec[i].iov_len;
	return length;
}

/* Appends a vector without its first skip bytes. Returns 0, or -ENOMEM with nothing appended. */
int out_append(struct coro_stream *stream, const struct iovec *vec, int count, size_t skip);

/*
 * Writes without waiting: first the buffered bytes, then the vector from *done on, and counts the
 * vector's bytes in *done. Returns 0 if all was written, -EAGAIN, or an error.
 */
int out_write(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done);

#endif
