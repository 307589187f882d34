/* SPDX-License-Identifier: MIT */
/* Iterators made from iterators. They may be endless: an item is computed when it is asked for. */
#include "talk.h"

int main(void)
{
	print_list(coro_iter_islice(coro_iter_count(0, 1), 0, 5, 1));

	int64_t seventeen = 17;
	struct coro_iterator *seq =
		coro_iter_chain(2, coro_iter_repeat(&seventeen, sizeof(seventeen), 3),
				coro_iter_cycle(coro_iter_range(0, 3, 1)));
	print_list(coro_iter_islice(seq, 0, 12, 1));
	return 0;
}
