/* SPDX-License-Identifier: MIT */
/* A task makes 100 blocks, and gives them back when it has waited. */
#include <coro.h>

#include <stdlib.h>

enum { BLOCKS = 100, BYTES = 1000 };

__attribute__((noinline)) static void *make_block(void)
{
	return malloc(BYTES);
}

static int allocates(void *arg)
{
	void *blocks[BLOCKS];
	(void)arg;
	for (int i = 0; i < BLOCKS; i++)
		blocks[i] = make_block();
	int r = coro_sleep(CORO_MSEC);
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
	return r;
}

static int body(void *arg)
{
	struct coro_future *future;
	int r = coro_spawn(allocates, arg, &future);
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
