/* SPDX-License-Identifier: MIT */
/* The first ten items of an endless generator, which is fibonacci_gen in talk.h. */
#include "talk.h"

int main(void)
{
	print_list(coro_iter_islice(fibonacci(), 0, 10, 1));
	return 0;
}
