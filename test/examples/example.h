/* SPDX-License-Identifier: MIT */
/* What the programs around examples share. Each ends with 0 if its example does what it should. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <coro.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void must_be(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, coro_message(r));
	exit(EXIT_FAILURE);
}

#define must(call) must_be(call, #call)

#define MAIN(program)                          \
	int main(void)                         \
	{                                      \
		must(coro_run(program, NULL)); \
		return EXIT_SUCCESS;           \
	}

#endif
