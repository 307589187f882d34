/* SPDX-License-Identifier: MIT */
/* The first five squares that are even. */
#include <coro.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int square(void *item, void *arg, void *ret)
{
	int64_t n = *(int64_t *)item;
	*(int64_t *)ret = n * n;
	return 0;
}

static int is_even(const void *item, void *arg)
{
	return *(const int64_t *)item % 2 == 0;
}

int main(void)
{
	struct coro_iterator *it = coro_iter_count(1, 1);
	struct coro_array five;
	it = coro_iter_map(square, NULL, sizeof(int64_t), it);
	it = coro_iter_filter(is_even, NULL, it);
	it = coro_iter_islice(it, 0, 5, 1);
	if (coro_iter_collect(it, &five) < 0)
		return 1;
	for (size_t i = 0; i < five.count; i++)
		printf("%" PRId64 "\n", ((int64_t *)five.items)[i]);
	free(five.items);
	return 0;
}
