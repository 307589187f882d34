/* SPDX-License-Identifier: MIT */
/* A buffer of bytes, added at its end and taken from its beginning. */
#ifndef TLS_BUFFER_H
#define TLS_BUFFER_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* All zero: empty. */
struct buffer {
	char *bytes;
	size_t begin, end, size;
};

static inline size_t buffer_length(const struct buffer *buffer)
{
	return buffer->end - buffer->begin;
}

/* Makes room for `more` bytes. Returns 0 or -ENOMEM. */
static inline int buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t length = buffer_length(buffer);
	if (buffer->size - buffer->end >= more)
		return 0;
	/* Move the bytes rather than grow, for a buffer that is never empty. */
	if (buffer->begin > length && buffer->size - length >= more) {
		memcpy(buffer->bytes, buffer->bytes + buffer->begin, length);
		buffer->begin = 0;
		buffer->end = length;
		return 0;
	}
	size_t size = buffer->end + more > 2 * buffer->size ? buffer->end + more : 2 * buffer->size;
	char *bytes = realloc(buffer->bytes, size);
	if (!bytes)
		return -ENOMEM;
	buffer->bytes = bytes;
	buffer->size = size;
	return 0;
}

static inline int buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
	int r = buffer_reserve(buffer, length);
	if (r < 0)
		return r;
	memcpy(buffer->bytes + buffer->end, bytes, length);
	buffer->end += length;
	return 0;
}

static inline void buffer_finish(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

/* Removes the first length bytes. An empty buffer has no memory. */
static inline void buffer_drop(struct buffer *buffer, size_t length)
{
	buffer->begin += length;
	if (buffer->begin == buffer->end)
		buffer_finish(buffer);
}

#endif
