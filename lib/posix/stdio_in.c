/* SPDX-License-Identifier: MIT */
/* Reading from streams. */
#include "posix/names.h"
#include "posix/stream.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* -- single bytes */

/* Has libc get the next byte once it is there. */
static int get_waiting(FILE *stream, int (*get)(FILE *stream))
{
	int before = errno, byte = EOF, r = stream_begin(stream);
	if (r < 0)
		return (int)call_result(r, before);
	if (stream_fill(stream) > 0) {
		errno = before;
		byte = get(stream);
	}
	stream_end(stream);
	return byte;
}

static int get(FILE *stream)
{
	if (likely(stream_has_bytes(stream)) || !stream_waits(stream))
		return libc()->fgetc(stream);
	return get_waiting(stream, libc()->fgetc);
}

PUBLIC int fgetc(FILE *stream)
{
	return get(stream);
}

#undef getc
#undef getc_unlocked
#undef getchar
#undef fgetc_unlocked
#undef getchar_unlocked

PUBLIC int getc(FILE *stream)
{
	return get(stream);
}

PUBLIC int _IO_getc(FILE *stream)
{
	return get(stream);
}

PUBLIC int getc_unlocked(FILE *stream)
{
	return get(stream);
}

PUBLIC int fgetc_unlocked(FILE *stream)
{
	return get(stream);
}

PUBLIC int getchar(void)
{
	return get(stdin);
}

PUBLIC int getchar_unlocked(void)
{
	return get(stdin);
}

/* getc_unlocked where a header makes it inline, with an empty buffer. */
PUBLIC int __uflow(FILE *stream)
{
	return stream_waits(stream) ? get_waiting(stream, libc()->__uflow)
				    : libc()->__uflow(stream);
}

/* -- many bytes */

static size_t at_hand(const FILE *stream)
{
	return (size_t)(stream->_IO_read_end - stream->_IO_read_ptr);
}

/* Takes what is in the buffer, up to that length. Returns how much; 0 at the end or after an error. */
static size_t take(FILE *stream, char *bytes, size_t length)
{
	if (stream_fill(stream) <= 0)
		return 0;
	size_t n = at_hand(stream);
	return libc()->fread(bytes, 1, n && n < length ? n : n ? length : 1, stream);
}

static size_t read_all(FILE *stream, char *bytes, size_t length)
{
	size_t done = 0, n = 1;
	while (done < length && n > 0) {
		n = take(stream, bytes + done, length - done);
		done += n;
	}
	return done;
}

PUBLIC size_t fread(void *restrict bytes, size_t size, size_t count, FILE *restrict stream)
{
	size_t length;
	if (!stream_waits(stream) || size == 0 || __builtin_mul_overflow(size, count, &length))
		return libc()->fread(bytes, size, count, stream);
	int before = errno, r = stream_begin(stream);
	if (r < 0)
		return call_result(r, before), 0;
	size_t done = read_all(stream, bytes, length);
	if (done == length)
		errno = before;
	stream_end(stream);
	return done / size;
}

#undef fread_unlocked
SAME(fread_unlocked, fread);

PUBLIC size_t __fread_chk(void *restrict bytes, size_t room, size_t size, size_t count,
			  FILE *restrict stream)
{
	size_t length;
	if (__builtin_mul_overflow(size, count, &length) || length > room)
		__chk_fail();
	return fread(bytes, size, count, stream);
}

SAME(__fread_unlocked_chk, __fread_chk);

/* -- lines */

/* Nothing is there, and nothing can be read: libc says why. Returns -1, or 1 if it got a byte. */
static ssize_t get_anyway(FILE *stream, char *byte)
{
	int got = libc()->fgetc(stream);
	*byte = (char)got;
	return got == EOF ? -1 : 1;
}

/*
 * Takes bytes up to a delimiter, at most length, which is not 0. Returns how many, 0 at the end, or
 * -1 after an error. *ended: the delimiter is the last.
 */
static ssize_t take_until(FILE *stream, char *bytes, size_t length, int delimiter, bool *ended)
{
	int r = stream_fill(stream);
	if (r <= 0)
		return r;
	size_t n = at_hand(stream);
	if (n == 0)
		return get_anyway(stream, bytes);
	const char *found = memchr(stream->_IO_read_ptr, delimiter, n);
	if (found)
		n = (size_t)(found - stream->_IO_read_ptr) + 1;
	*ended = found && n <= length;
	n = n < length ? n : length;
	return (ssize_t)libc()->fread(bytes, 1, n, stream);
}

static bool get_line(FILE *stream, char *text, size_t room)
{
	size_t done = 0;
	ssize_t n = 1;
	bool ended = false;
	while (done < room && n > 0 && !ended) {
		n = take_until(stream, text + done, room - done, '\n', &ended);
		done += n > 0 ? (size_t)n : 0;
	}
	text[done] = 0;
	return done > 0 && n >= 0;
}

PUBLIC char *fgets(char *restrict text, int size, FILE *restrict stream)
{
	if (size <= 1 || !stream_waits(stream))
		return libc()->fgets(text, size, stream);
	int before = errno, r = stream_begin(stream);
	if (r < 0)
		return call_result(r, before), NULL;
	bool got = get_line(stream, text, (size_t)size - 1);
	if (got)
		errno = before;
	stream_end(stream);
	return got ? text : NULL;
}

#undef fgets_unlocked
SAME(fgets_unlocked, fgets);

PUBLIC char *__fgets_chk(char *restrict text, size_t room, int size, FILE *restrict stream)
{
	if (size > 0)
		call_check_room((size_t)size, room);
	return fgets(text, size, stream);
}

SAME(__fgets_unlocked_chk, __fgets_chk);

/* Makes room for `least` bytes. Returns whether there is memory. */
static bool grow(char **text, size_t *room, size_t least)
{
	enum { FIRST = 120 };
	size_t more = *room * 2 > least ? *room * 2 : least;
	if (*text && *room >= least)
		return true;
	more = more < FIRST ? FIRST : more;
	char *grown = realloc(*text, more);
	if (!grown)
		return false;
	*text = grown;
	*room = more;
	return true;
}

/* What came before an error is returned, as libc does. */
static ssize_t get_delimited(FILE *stream, char **text, size_t *room, int delimiter)
{
	size_t done = 0;
	bool ended = false;
	while (!ended && stream_fill(stream) > 0) {
		size_t there = at_hand(stream);
		if (!grow(text, room, done + (there ? there : 1) + 1))
			return -1;
		ssize_t n = take_until(stream, *text + done, *room - done - 1, delimiter, &ended);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done > 0)
		(*text)[done] = 0;
	return done > 0 ? (ssize_t)done : -1;
}

PUBLIC ssize_t getdelim(char **restrict text, size_t *restrict room, int delimiter,
			FILE *restrict stream)
{
	if (!text || !room || !stream_waits(stream))
		return libc()->getdelim(text, room, delimiter, stream);
	int before = errno, r = stream_begin(stream);
	if (r < 0)
		return call_result(r, before);
	if (!*text)
		*room = 0;
	ssize_t n = get_delimited(stream, text, room, delimiter);
	if (n >= 0)
		errno = before;
	stream_end(stream);
	return n;
}

SAME(__getdelim, getdelim);

PUBLIC ssize_t getline(char **restrict text, size_t *restrict room, FILE *restrict stream)
{
	return getdelim(text, room, '\n', stream);
}

/* -- scanf: its first bytes are waited for, and the rest blocks */

typedef int vscan(FILE *stream, const char *format, va_list arguments);

static int scan_stream(vscan *scan, FILE *stream, const char *format, va_list arguments)
{
	if (stream_has_bytes(stream) || !stream_waits(stream))
		return scan(stream, format, arguments);
	int before = errno, r = stream_begin(stream);
	if (r < 0)
		return (int)call_result(r, before);
	r = EOF;
	if (stream_fill(stream) > 0) {
		errno = before;
		r = scan(stream, format, arguments);
	}
	stream_end(stream);
	return r;
}

/* Headers give the same names in C to those of several standards. */
#define SCANS(standard, prefix, libcs)                                                     \
	PUBLIC int scan_va_##standard(FILE *stream, const char *format,                    \
				      va_list arguments) __asm__(prefix "vfscanf");        \
	int scan_va_##standard(FILE *stream, const char *format, va_list arguments)        \
	{                                                                                  \
		return scan_stream(libc()->libcs, stream, format, arguments);              \
	}                                                                                  \
	PUBLIC int scan_##standard(FILE *stream, const char *format,                       \
				   ...) __asm__(prefix "fscanf");                          \
	int scan_##standard(FILE *stream, const char *format, ...)                         \
	{                                                                                  \
		va_list arguments;                                                         \
		va_start(arguments, format);                                               \
		int r = scan_stream(libc()->libcs, stream, format, arguments);             \
		va_end(arguments);                                                         \
		return r;                                                                  \
	}                                                                                  \
	PUBLIC int scan_stdin_va_##standard(const char *format,                            \
					    va_list arguments) __asm__(prefix "vscanf");   \
	int scan_stdin_va_##standard(const char *format, va_list arguments)                \
	{                                                                                  \
		return scan_stream(libc()->libcs, stdin, format, arguments);               \
	}                                                                                  \
	PUBLIC int scan_stdin_##standard(const char *format, ...) __asm__(prefix "scanf"); \
	int scan_stdin_##standard(const char *format, ...)                                 \
	{                                                                                  \
		va_list arguments;                                                         \
		va_start(arguments, format);                                               \
		int r = scan_stream(libc()->libcs, stdin, format, arguments);              \
		va_end(arguments);                                                         \
		return r;                                                                  \
	}

SCANS(gnu, "", vfscanf)
SCANS(c99, "__isoc99_", __isoc99_vfscanf)
SCANS(c23, "__isoc23_", __isoc23_vfscanf)
