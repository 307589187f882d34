/* SPDX-License-Identifier: MIT */
/* What a dump is written to: an fd, by way of a buffer. */
#ifndef DEBUG_OUT_H
#define DEBUG_OUT_H

#include "base/text.h"

struct out {
	int fd;
	int error; /* the first of write; nothing is written after it */
	size_t length;
	char chars[1024];
};

static inline void out_init(struct out *out, int fd)
{
	out->fd = fd;
	out->error = 0;
	out->length = 0;
}

/*
 * Adds a line, without its end. Lines are written whole, so that those of several threads do not
 * mix. Characters that would break or hide it become '?'.
 */
void out_line(struct out *out, const struct text *line);

/* Adds a piece as printf makes it, of at most 127 characters. */
void out_add(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a text as a string of JSON, whatever bytes it has. NULL becomes null. */
void out_string(struct out *out, const char *text);

/* Writes what is in the buffer. Returns 0 or the first error. */
int out_flush(struct out *out);

#endif
