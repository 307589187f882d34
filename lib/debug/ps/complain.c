/* SPDX-License-Identifier: MIT */
#include "debug/ps/complain.h"

#include <stdarg.h>
#include <stdio.h>

int complain(const char *format, ...)
{
	va_list args;
	fflush(stdout);
	fputs("coro-ps: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}
