/* SPDX-License-Identifier: MIT */
/* A local array that is larger than the stack of a task. */
#include <coro.h>

static int program(void *arg)
{
	volatile char bytes[1024 * 1024];
	bytes[0] = 0;
	int r = coro_sleep(CORO_MSEC);
	return r < 0 ? r : bytes[0];
}

int main(void)
{
	return coro_run(program, NULL);
}
