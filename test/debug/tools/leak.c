/* SPDX-License-Identifier: MIT */
/*
 * Two tasks are suspended when the program ends, each with a block of memory. One still points to its
 * block from its stack, and the other has lost it. The searcher goes through whole stacks, so what
 * malloc has left of the pointer below the frames is overwritten.
 */
#include <coro.h>

#include <stdlib.h>

__attribute__((noinline)) static char *make_kept(void)
{
	return malloc(1111);
}

__attribute__((noinline)) static char *make_lost(void)
{
	return malloc(2222);
}

/* Not by AddressSanitizer, which would put the array elsewhere. */
__attribute__((noinline, no_sanitize_address)) static void clean_below(void)
{
	volatile char room[64 * 1024];
	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 0;
}

static int keeps(void *arg)
{
	char *volatile block = make_kept();
	int r = coro_sleep(1000 * CORO_SEC);
	(void)arg;
	free(block);
	return r;
}

__attribute__((noinline)) static void lose(void)
{
	char *volatile block = make_lost();
	block = NULL;
	(void)block;
}

static int loses(void *arg)
{
	(void)arg;
	lose();
	clean_below();
	return coro_sleep(1000 * CORO_SEC);
}

static int body(void *arg)
{
	struct coro_future *first, *second;
	int r = coro_spawn(loses, arg, &first);
	if (r == 0)
		r = coro_spawn(keeps, arg, &second);
	if (r == 0)
		r = coro_sleep(CORO_MSEC);
	exit(r < 0);
}

int main(void)
{
	return coro_run(body, NULL) < 0;
}
