/* SPDX-License-Identifier: MIT */
/* A text made piece by piece in a buffer. Whatever does not fit is left out. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

struct text {
	char *chars; /* the caller's; ends in a NUL once something was added */
	size_t size;
	size_t length; /* without the NUL */
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes it to stderr. */
void text_write(const struct text *text);

#endif
