/* SPDX-License-Identifier: MIT */
/* A search over any iterator. Not to find anything is an error with a message of its own. */
#include "talk.h"

static int six_digits(const void *item, void *arg)
{
	return *(const int64_t *)item >= 100000;
}

static int greater_than_3(const void *item, void *arg)
{
	return *(const int64_t *)item > 3;
}

int main(void)
{
	int64_t list[] = {1, 2, 3}, found;

	must(search(fibonacci(), six_digits, &found));
	printf("%" PRId64 "\n", found);

	int r = search(numbers_iter_array(list, 3), greater_than_3, &found);
	if (r == VALUE_ERROR)
		printf("ValueError: %s\n", coro_message(r));
	return r != VALUE_ERROR;
}
