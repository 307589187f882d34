/* SPDX-License-Identifier: MIT */
#include "debug/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int out_flush(struct out *out)
{
	for (size_t at = 0; at < out->length && out->error == 0;) {
		ssize_t n = write(out->fd, out->chars + at, out->length - at);
		if (n < 0 && errno != EINTR)
			out->error = -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	out->length = 0;
	return out->error;
}

static void make_room(struct out *out, size_t length)
{
	if (out->length + length > sizeof(out->chars))
		out_flush(out);
}

static void add(struct out *out, const char *chars, size_t length)
{
	make_room(out, length);
	memcpy(out->chars + out->length, chars, length);
	out->length += length;
}

void out_line(struct out *out, const struct text *line)
{
	make_room(out, line->length + 1);
	for (size_t i = 0; i < line->length; i++) {
		unsigned char c = (unsigned char)line->chars[i];
		out->chars[out->length++] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
	out->chars[out->length++] = '\n';
}

void out_add(struct out *out, const char *format, ...)
{
	char piece[128];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (length > 0)
		add(out, piece,
		    (size_t)length < sizeof(piece) ? (size_t)length : sizeof(piece) - 1);
}

/* -- strings of JSON */

/* How many bytes the character takes that begins here; 0 if it is none of UTF-8. */
static size_t character(const unsigned char *at)
{
	size_t length = *at < 0x80   ? 1
			: *at < 0xc2 ? 0
			: *at < 0xe0 ? 2
			: *at < 0xf0 ? 3
			: *at < 0xf5 ? 4
				     : 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* Written longer than it need be; half of a pair of UTF-16; beyond the last. */
	if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] >= 0xa0) ||
	    (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] >= 0x90))
		return 0;
	return length;
}

/* How many bytes stand as they are in a string of JSON. */
static size_t plain(const unsigned char *text)
{
	size_t length = 0, next;
	while (text[length] >= ' ' && text[length] != '"' && text[length] != '\\' &&
	       text[length] != 0x7f && (next = character(text + length)) > 0)
		length += next;
	return length;
}

/* Adds bytes of any number. */
static void add_all(struct out *out, const char *chars, size_t length)
{
	enum { PART = 256 };
	for (; length > PART; chars += PART, length -= PART)
		add(out, chars, PART);
	add(out, chars, length);
}

void out_string(struct out *out, const char *text)
{
	if (!text) {
		out_add(out, "null");
		return;
	}
	out_add(out, "\"");
	for (const unsigned char *at = (const unsigned char *)text;; at++) {
		size_t length = plain(at);
		add_all(out, (const char *)at, length);
		at += length;
		if (*at == '\0')
			break;
		if (*at == '"' || *at == '\\')
			out_add(out, "\\%c", *at);
		else
			out_add(out, "\\u%04x", *at < 0x80 ? *at : 0xfffdu);
	}
	out_add(out, "\"");
}
