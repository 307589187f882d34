/* SPDX-License-Identifier: MIT */
/* Values go both ways. */
#include <coro.h>
#include <stdio.h>

/* Gives the sum of all that it was sent. */
static int add_up(void *arg)
{
	int sum = 0;
	void *number;
	int r;
	while ((r = coro_yield(&sum, &number)) == 0)
		sum += *(int *)number;
	return r;
}

int main(void)
{
	int numbers[] = {1, 2, 3};
	struct coro *adder;
	void *sum;
	if (coro_create(add_up, NULL, &adder) < 0)
		return 1;
	int r = coro_resume(adder, NULL, &sum);
	for (int i = 0; r > 0 && i < 3; i++) {
		r = coro_resume(adder, &numbers[i], &sum);
		if (r > 0)
			printf("%d\n", *(int *)sum);
	}
	return coro_destroy(adder) < 0 || r < 0;
}
