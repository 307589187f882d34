/* SPDX-License-Identifier: MIT */
/* Writing to streams. */
#include "posix/names.h"
#include "posix/stream.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Puts bytes into a stream that waits. Returns how many. */
static size_t put(FILE *stream, const void *bytes, size_t length)
{
	int before = errno, r = stream_begin(stream);
	if (r < 0)
		return call_result(r, before), 0;
	size_t done = stream_put(stream, bytes, length);
	if (done == length)
		errno = before;
	stream_end(stream);
	return done;
}

/* -- single bytes */

#undef putc
#undef putc_unlocked
#undef putchar
#undef putchar_unlocked
#undef fputc_unlocked

PUBLIC int fputc(int byte, FILE *stream)
{
	unsigned char one = (unsigned char)byte;
	if (!stream_waits(stream))
		return libc()->fputc(byte, stream);
	return put(stream, &one, 1) == 1 ? one : EOF;
}

PUBLIC int putc(int byte, FILE *stream)
{
	return fputc(byte, stream);
}

PUBLIC int _IO_putc(int byte, FILE *stream)
{
	return fputc(byte, stream);
}

PUBLIC int putc_unlocked(int byte, FILE *stream)
{
	return fputc(byte, stream);
}

PUBLIC int fputc_unlocked(int byte, FILE *stream)
{
	return fputc(byte, stream);
}

PUBLIC int putchar(int byte)
{
	return fputc(byte, stdout);
}

PUBLIC int putchar_unlocked(int byte)
{
	return fputc(byte, stdout);
}

/* putc_unlocked where a header makes it inline, without room in the buffer. EOF: to be flushed only. */
PUBLIC int __overflow(FILE *stream, int byte)
{
	if (byte == EOF || !stream_waits(stream))
		return libc()->__overflow(stream, byte);
	return fputc(byte, stream);
}

/* -- many bytes */

#undef fwrite_unlocked
#undef fputs_unlocked

PUBLIC size_t fwrite(const void *restrict bytes, size_t size, size_t count, FILE *restrict stream)
{
	size_t length;
	if (!stream_waits(stream) || size == 0 || __builtin_mul_overflow(size, count, &length))
		return libc()->fwrite(bytes, size, count, stream);
	return put(stream, bytes, length) / size;
}

SAME(fwrite_unlocked, fwrite);

PUBLIC int fputs(const char *restrict text, FILE *restrict stream)
{
	size_t length = strlen(text);
	if (!stream_waits(stream))
		return libc()->fputs(text, stream);
	return put(stream, text, length) == length ? 1 : EOF;
}

SAME(fputs_unlocked, fputs);

PUBLIC int puts(const char *text)
{
	if (!stream_waits(stdout))
		return libc()->puts(text);
	int before = errno, r = stream_begin(stdout);
	if (r < 0)
		return (int)call_result(r, before);
	errno = before;
	r = fputs(text, stdout) >= 0 ? fputc('\n', stdout) : EOF;
	stream_end(stdout);
	return r == EOF ? EOF : 1;
}

/* -- formats: the text is made first */

int __vsnprintf_chk(char *text, size_t size, int flag, size_t room, const char *format,
		    va_list arguments);

/* A text of its own length. The flag is FORTIFY's. */
struct text {
	char few[512], *bytes;
	int length;
};

static void text_free(struct text *text)
{
	if (text->bytes != text->few)
		free(text->bytes);
}

/* Returns 0, or -1 and errno. */
static int text_make(struct text *text, int flag, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	text->bytes = text->few;
	text->length = __vsnprintf_chk(text->few, sizeof(text->few), flag, sizeof(text->few),
				       format, arguments);
	if (text->length >= (int)sizeof(text->few)) {
		size_t size = (size_t)text->length + 1;
		text->bytes = malloc(size);
		if (text->bytes)
			__vsnprintf_chk(text->bytes, size, flag, size, format, again);
	}
	va_end(again);
	return text->length < 0 || !text->bytes ? -1 : 0;
}

static int print(FILE *stream, int flag, const char *format, va_list arguments)
{
	struct text text;
	if (!stream_waits(stream))
		return flag ? libc()->__vfprintf_chk(stream, flag, format, arguments)
			    : libc()->vfprintf(stream, format, arguments);
	if (text_make(&text, flag, format, arguments) < 0)
		return -1;
	size_t length = (size_t)text.length, done = put(stream, text.bytes, length);
	text_free(&text);
	return done == length ? (int)length : -1;
}

#define PRINT(stream, flag)                             \
	va_list arguments;                              \
	va_start(arguments, format);                    \
	int r = print(stream, flag, format, arguments); \
	va_end(arguments);                              \
	return r

PUBLIC int vfprintf(FILE *restrict stream, const char *restrict format, va_list arguments)
{
	return print(stream, 0, format, arguments);
}

PUBLIC int vprintf(const char *restrict format, va_list arguments)
{
	return print(stdout, 0, format, arguments);
}

PUBLIC int fprintf(FILE *restrict stream, const char *restrict format, ...)
{
	PRINT(stream, 0);
}

PUBLIC int printf(const char *restrict format, ...)
{
	PRINT(stdout, 0);
}

PUBLIC int __vfprintf_chk(FILE *restrict stream, int flag, const char *restrict format,
			  va_list arguments)
{
	return print(stream, flag, format, arguments);
}

PUBLIC int __vprintf_chk(int flag, const char *restrict format, va_list arguments)
{
	return print(stdout, flag, format, arguments);
}

PUBLIC int __fprintf_chk(FILE *restrict stream, int flag, const char *restrict format, ...)
{
	PRINT(stream, flag);
}

PUBLIC int __printf_chk(int flag, const char *restrict format, ...)
{
	PRINT(stdout, flag);
}

/* -- to an fd, which has no buffer */

static int print_to_fd(int fd, int flag, const char *format, va_list arguments)
{
	struct text text;
	if (!call_waits())
		return flag ? libc()->__vdprintf_chk(fd, flag, format, arguments)
			    : libc()->vdprintf(fd, format, arguments);
	if (text_make(&text, flag, format, arguments) < 0)
		return -1;
	ssize_t n = 0;
	for (int done = 0; n >= 0 && done < text.length; done += (int)n)
		n = write(fd, text.bytes + done, (size_t)(text.length - done));
	text_free(&text);
	return n < 0 ? -1 : text.length;
}

PUBLIC int vdprintf(int fd, const char *restrict format, va_list arguments)
{
	return print_to_fd(fd, 0, format, arguments);
}

PUBLIC int __vdprintf_chk(int fd, int flag, const char *restrict format, va_list arguments)
{
	return print_to_fd(fd, flag, format, arguments);
}

PUBLIC int dprintf(int fd, const char *restrict format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int r = print_to_fd(fd, 0, format, arguments);
	va_end(arguments);
	return r;
}

PUBLIC int __dprintf_chk(int fd, int flag, const char *restrict format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int r = print_to_fd(fd, flag, format, arguments);
	va_end(arguments);
	return r;
}
