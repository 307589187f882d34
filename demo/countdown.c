/* SPDX-License-Identifier: MIT */
/* A generator: a function that stops at each yield and goes on from there at the next. */
#include "talk.h"

static int countdown_gen(void *arg)
{
	for (int64_t n = *(int64_t *)arg; n > 0; n--) {
		int r = numbers_yield(&n);
		if (r < 0)
			return r;
	}
	return 0;
}

int main(void)
{
	int64_t ten = 10, *x = NULL;
	struct coro *c;

	must(numbers_create(countdown_gen, &ten, &c));
	while (must(numbers_next(c, &x)) > 0)
		printf("%" PRId64 "\n", *x);
	must(numbers_destroy(c));

	must(numbers_create(countdown_gen, &ten, &c));
	for (int i = 0; i < 2 && must(numbers_next(c, &x)) > 0; i++)
		printf("%" PRId64 "\n", *x);
	/* Not at its end: its yield returns CORO_EXIT, which ends its loop. */
	return must(numbers_destroy(c));
}
