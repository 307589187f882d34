/* SPDX-License-Identifier: MIT */
/* Writes past a block of the heap: the block is made before the task waits, and written to after. */
#include <coro.h>

#include <stdlib.h>

__attribute__((noinline)) static char *make_block(void)
{
	return malloc(10);
}

__attribute__((noinline)) static void write_past(char *block, int at)
{
	block[at] = 1;
}

static int task(void *arg)
{
	char *block = make_block();
	int r = coro_sleep(CORO_MSEC);
	write_past(block, 10 + (arg != NULL));
	free(block);
	return r;
}

static int body(void *arg)
{
	struct coro_future *future;
	int r = coro_spawn(task, arg, &future);
	if (r < 0)
		return r;
	r = coro_await(future, NULL);
	coro_future_unref(future);
	return r;
}

int main(void)
{
	return coro_run(body, NULL) < 0;
}
