/* SPDX-License-Identifier: MIT */
/* A call that computes for long, made by a thread: the loop goes on meanwhile. */
#include <coro.h>
#include <stdio.h>

static int64_t steps;

static int compute(void *arg)
{
	for (int64_t n = 837799; n != 1; steps++)
		n = n % 2 == 0 ? n / 2 : 3 * n + 1;
	return 0;
}

static int program(void *arg)
{
	int r = coro_to_thread(compute, NULL);
	if (r < 0)
		return r;
	printf("%d steps\n", (int)steps);
	return 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
