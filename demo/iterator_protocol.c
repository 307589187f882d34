/* SPDX-License-Identifier: MIT */
/* An iterator gives its items one at a time, and then says that there are no more. */
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
