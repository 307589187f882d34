/* SPDX-License-Identifier: MIT */
/* A task computes for as many milliseconds as it is told, while others wait. */
#include <coro.h>

#include <stdlib.h>
#include <time.h>

static long milliseconds_of_cpu(void)
{
	return clock() / (CLOCKS_PER_SEC / 1000);
}

__attribute__((noinline)) static void compute(void)
{
	for (volatile int i = 0; i < 100000; i++)
		;
}

__attribute__((noinline)) static void compute_long(long milliseconds)
{
	while (milliseconds_of_cpu() < milliseconds)
		compute();
}

static int computes(void *arg)
{
	compute_long(atol(arg));
	return 0;
}

static int body(void *arg)
{
	struct coro_future *future;
	int r = coro_spawn(computes, arg, &future);
	if (r < 0)
		return r;
	r = coro_await(future, NULL);
	coro_future_unref(future);
	return r;
}

int main(int argc, char **argv)
{
	return argc < 2 || coro_run(body, argv[1]) < 0;
}
