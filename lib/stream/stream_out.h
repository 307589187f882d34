/* SPDX-License-Identifier: MIT */
/* What is to be written to a stream, in blocks, the first of which goes out first. */
#ifndef STREAM_STREAM_OUT_H
#define STREAM_STREAM_OUT_H

#include "stream/stream.h"

/* The bytes of a vector. */
static inline size_t out_length(const struct iovec *vec, int count)
{
	size_t length = 0;
	for (int i = 0; i < count; i++)
		length += vec[i].iov_len;
	return length;
}

/* Appends a vector without its first skip bytes: 0; -ENOMEM, and nothing is appended. */
int out_append(struct coro_stream *stream, const struct iovec *vec, int count, size_t skip);

/*
 * Writes as much as goes, first what is buffered, then the vector from *done on, which counts what
 * was written of it: 0, all is written; -EAGAIN; or an error.
 */
int out_write(struct coro_stream *stream, const struct iovec *vec, int count, size_t *done);

#endif
