/* SPDX-License-Identifier: MIT */
/* A program of one task. */
#include <coro.h>
#include <stdio.h>

static int program(void *arg)
{
	puts("hello,");
	int r = coro_sleep(100 * CORO_MSEC);
	if (r < 0)
		return r;
	puts("world");
	return 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
