/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void text_add(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->length;
	va_list args;
	va_start(args, format);
	int length = vsnprintf(text->chars + text->length, room, format, args);
	va_end(args);
	if (length > 0)
		text->length += (size_t)length < room ? (size_t)length : room - 1;
}

void text_write(const struct text *text)
{
	ssize_t written = write(STDERR_FILENO, text->chars, text->length);
	(void)written;
}
