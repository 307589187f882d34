/* SPDX-License-Identifier: MIT */
/* A time limit, and the cleanup after it. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>

static int call(void *line)
{
	printf("calling on %s\n", (char *)line);
	int r = coro_sleep(3600 * CORO_SEC);
	printf("hanging up %s\n", (char *)line);
	return r;
}

static int program(void *arg)
{
	int r = coro_within(50 * CORO_MSEC, call, "line 1");
	if (r == -ETIMEDOUT)
		printf("%s\n", coro_message(r));
	return 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
