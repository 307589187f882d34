/* SPDX-License-Identifier: MIT */
/* The stages. What each of them gives was taken from CPython. */
#include "fail_alloc.h"

#include "numbers.h"

/* ---- each stage, over each source ---- */

static int square(void *item, void *arg, void *ret)
{
	int64_t number = *(int64_t *)item;
	(void)arg;
	*(int64_t *)ret = number * number;
	return 0;
}

static int64_t four = 4;

static struct coro_iterator *make_borrow(struct coro_iterator *it)
{
	/* Over it, and as a source of chain's, so that somebody closes it. */
	return coro_iter_chain(2, coro_iter_borrow(it), it);
}

static struct coro_iterator *make_cycle(struct coro_iterator *it)
{
	return coro_iter_cycle(it);
}

static struct coro_iterator *make_chain_first(struct coro_iterator *it)
{
	return coro_iter_chain(2, it, coro_iter_range(7, 9, 1));
}

static struct coro_iterator *make_chain_last(struct coro_iterator *it)
{
	return coro_iter_chain(2, coro_iter_range(7, 9, 1), it);
}

static struct coro_iterator *make_islice_step(struct coro_iterator *it)
{
	return coro_iter_islice(it, 1, -1, 2);
}

static struct coro_iterator *make_islice_stop(struct coro_iterator *it)
{
	return coro_iter_islice(it, 0, 4, 3);
}

static struct coro_iterator *make_map(struct coro_iterator *it)
{
	return coro_iter_map(square, NULL, sizeof(int64_t), it);
}

static struct coro_iterator *make_filter(struct coro_iterator *it)
{
	return coro_iter_filter(is_even, NULL, it);
}

static struct coro_iterator *make_takewhile(struct coro_iterator *it)
{
	return coro_iter_takewhile(is_below, &four, it);
}

static struct coro_iterator *make_dropwhile(struct coro_iterator *it)
{
	return coro_iter_dropwhile(is_below, &four, it);
}

static struct coro_iterator *make_zip_first(struct coro_iterator *it)
{
	return coro_iter_zip(2, it, coro_iter_range(0, 4, 1));
}

static struct coro_iterator *make_zip_last(struct coro_iterator *it)
{
	return coro_iter_zip(2, coro_iter_range(0, 4, 1), it);
}

static struct coro_iterator *make_enumerate(struct coro_iterator *it)
{
	return coro_iter_enumerate(it, 3);
}

static struct coro_iterator *make_sums(struct coro_iterator *it)
{
	return coro_iter_accumulate(NULL, NULL, it);
}

static struct coro_iterator *make_products(struct coro_iterator *it)
{
	return coro_iter_accumulate(product, NULL, it);
}

static struct coro_iterator *make_batched(struct coro_iterator *it)
{
	return coro_iter_batched(it, 2);
}

static struct coro_iterator *make_pairwise(struct coro_iterator *it)
{
	return coro_iter_pairwise(it);
}

static struct coro_iterator *make_long(struct coro_iterator *it)
{
	it = coro_iter_filter(is_even, NULL, coro_iter_cycle(it));
	return coro_iter_pairwise(coro_iter_accumulate(NULL, NULL, coro_iter_islice(it, 0, -1, 2)));
}

static const struct {
	struct coro_iterator *(*make)(struct coro_iterator *it);
	show_fn *show;
	bool hoards; /* allocates as items come */
	const char *of_five, *of_one, *of_none;
	const char *of_three_and_error;
} stages[] = {
	{ make_borrow, show_number, false, "1 2 3 4 5.", "1.", ".", "1 2 3 error -5" },
	{ make_cycle, show_number, true, "1 2 3 4 5 1 2 3", "1 1 1 1 1 1 1 1", ".",
	  "1 2 3 error -5" },
	{ make_chain_first, show_number, false, "1 2 3 4 5 7 8.", "1 7 8.", "7 8.",
	  "1 2 3 error -5" },
	{ make_chain_last, show_number, false, "7 8 1 2 3 4 5.", "7 8 1.", "7 8.",
	  "7 8 1 2 3 error -5" },
	{ make_islice_step, show_number, false, "2 4.", ".", ".", "2 error -5" },
	{ make_islice_stop, show_number, false, "1 4.", "1.", ".", "1 error -5" },
	{ make_map, show_number, false, "1 4 9 16 25.", "1.", ".", "1 4 9 error -5" },
	{ make_filter, show_number, false, "2 4.", ".", ".", "2 error -5" },
	{ make_takewhile, show_number, false, "1 2 3.", "1.", ".", "1 2 3 error -5" },
	{ make_dropwhile, show_number, false, "4 5.", ".", ".", "error -5" },
	{ make_zip_first, show_zipped, false, "(1 0) (2 1) (3 2) (4 3).", "(1 0).", ".",
	  "(1 0) (2 1) (3 2) error -5" },
	{ make_zip_last, show_zipped, false, "(0 1) (1 2) (2 3) (3 4).", "(0 1).", ".",
	  "(0 1) (1 2) (2 3) error -5" },
	{ make_enumerate, show_enumerated, false, "(3 1) (4 2) (5 3) (6 4) (7 5).", "(3 1).", ".",
	  "(3 1) (4 2) (5 3) error -5" },
	{ make_sums, show_number, false, "1 3 6 10 15.", "1.", ".", "1 3 6 error -5" },
	{ make_products, show_number, false, "1 2 6 24 120.", "1.", ".", "1 2 6 error -5" },
	{ make_batched, show_batch, true, "[1 2] [3 4] [5].", "[1].", ".", "[1 2] error -5" },
	{ make_pairwise, show_pair, false, "(1 2) (2 3) (3 4) (4 5).", ".", ".",
	  "(1 2) (2 3) error -5" },
	{ make_long, show_pair, true,
	  "(2 4) (4 6) (6 8) (8 10) (10 12) (12 14) (14 16) (16 18)", NULL, ".", "error -5" },
};

enum { STAGES = sizeof(stages) / sizeof(*stages), MOST = 8 };

static void check_text(int64_t count, const char *text)
{
	for (enum source source = 0; text && source < SOURCES; source++) {
		struct probe probe;
		struct coro_iterator *it = stages[_i].make(numbers(source, count, &probe));
	}
}
