/* SPDX-License-Identifier: MIT */
/* A search that yields after each item, so that its caller can do something else in between. */
#include "talk.h"

static int at_least_10(const void *item, void *arg)
{
	return *(const int64_t *)item >= 10;
}

int main(void)
{
	struct async_search search = {.in = fibonacci(), .predicate = at_least_10};
	struct coro *g;
	void *value;

	must(coro_create(async_search, &search, &g));
	for (int i = 0; i < 3; i++)
		must(coro_next(g, NULL));
	puts("Do something useful here");
	for (int i = 0; i < 2; i++)
		must(coro_next(g, NULL));
	if (must(coro_next(g, &value)) == 0)
		printf("StopIteration: %" PRId64 "\n", *(int64_t *)value);

	must(coro_destroy(g));
	return must(coro_iter_close(search.in));
}
