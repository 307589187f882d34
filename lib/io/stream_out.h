/* SPDX-License-Identifier: MIT */
/* What is to be written to a stream, in blocks, the first of which goes out first. */
#ifndef IO_STREAM_OUT_H
#define IO_STREAM_OUT_H

#include "io/stream.h"

/* The bytes of a vector. */
static inline size_t out_length(const struct iovec *vec, int count)
{
	size_t length = 0;
	for (int i = 0; i < count; i++)
		length += vec[i].iov_len;
	return length;
}

/* Appends a vector, but for so many of its first bytes: 0; -ENOMEM, and nothing is appended. */
int out_append(struct coro_stream *stream, const struct iovec *vec, int count, size_t skip);

/*
 * Writes what goes, of what is buffered and then of the vector, of which *done is counted: 0, all
 * has gone; -EAGAIN; or an error.
 */
int out_write(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done);

#endif
