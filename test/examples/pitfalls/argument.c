/* SPDX-License-Identifier: MIT */
/* A task's argument that ends before the task runs. Run with AddressSanitizer. */
#include <coro.h>
#include <stdio.h>

static int print(void *number)
{
	printf("%d\n", *(int *)number);
	return 0;
}

static int program(void *arg)
{
	int r = 0;
	for (int i = 0; r == 0 && i < 3; i++)
		r = coro_spawn(print, &i, NULL);
	return r < 0 ? r : coro_sleep(CORO_MSEC);
}

int main(void)
{
	return coro_run(program, NULL);
}
