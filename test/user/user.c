/* SPDX-License-Identifier: MIT
 *
 * A program of somebody else, built in all the ways that the scripts test/check-* try.
 */
#include <coro.h>
#include <stdio.h>

static int count(void *arg)
{
	static int n[] = {1, 2, 3};
	(void)arg;
	for (int i = 0; i < 3; i++) {
		int r = coro_yield(&n[i], NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int body(void *arg)
{
	struct coro *generator;
	void *item;
	int *sum = (int *)arg;
	int r = coro_create(count, NULL, &generator);
	if (r < 0)
		return r;
	while ((r = coro_next(generator, &item)) > 0) {
		*sum += *(int *)item;
		coro_sleep(CORO_USEC);
	}
	coro_destroy(generator);
	return r;
}

int main(void)
{
	int sum = 0;
	int r = coro_run(body, &sum);
	printf("%s %d %d\n", coro_version(), r, sum);
	return 0;
}
