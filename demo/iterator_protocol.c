/* SPDX-License-Identifier: MIT */
/* The iterator protocol: one item at a time, then the end. */
#include "talk.h"

int main(void)
{
	int64_t list[] = {4, 7, 0, 3}, *item;
	struct coro_iterator *my_iter = numbers_iter_array(list, 4);

	while (must(numbers_iter_next(my_iter, &item)) > 0)
		printf("%" PRId64 "\n", *item);
	puts("StopIteration");

	return must(coro_iter_close(my_iter));
}
