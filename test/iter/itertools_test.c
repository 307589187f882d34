/* SPDX-License-Identifier: MIT */
/* Adaptors. What each of them yields was taken from CPython. */
#include "fail_alloc.h"
#include "numbers.h"
#include "support.h"

/* ---- each stage, over each source ---- */

static int square(void *item, void *arg, void *ret)
{
	int64_t number = *(int64_t *)item;
	(void)arg;
	*(int64_t *)ret = number * number;
	return 0;
}

static int64_t four = 4;

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
	{make_cycle, show_number, true, "1 2 3 4 5 1 2 3", "1 1 1 1 1 1 1 1", ".",
	 "1 2 3 error -5"},
	{make_chain_first, show_number, false, "1 2 3 4 5 7 8.", "1 7 8.", "7 8.",
	 "1 2 3 error -5"},
	{make_chain_last, show_number, false, "7 8 1 2 3 4 5.", "7 8 1.", "7 8.",
	 "7 8 1 2 3 error -5"},
	{make_islice_step, show_number, false, "2 4.", ".", ".", "2 error -5"},
	{make_islice_stop, show_number, false, "1 4.", "1.", ".", "1 error -5"},
	{make_map, show_number, false, "1 4 9 16 25.", "1.", ".", "1 4 9 error -5"},
	{make_filter, show_number, false, "2 4.", ".", ".", "2 error -5"},
	{make_takewhile, show_number, false, "1 2 3.", "1.", ".", "1 2 3 error -5"},
	{make_dropwhile, show_number, false, "4 5.", ".", ".", "error -5"},
	{make_zip_first, show_zipped, false, "(1 0) (2 1) (3 2) (4 3).", "(1 0).", ".",
	 "(1 0) (2 1) (3 2) error -5"},
	{make_zip_last, show_zipped, false, "(0 1) (1 2) (2 3) (3 4).", "(0 1).", ".",
	 "(0 1) (1 2) (2 3) error -5"},
	{make_enumerate, show_enumerated, false, "(3 1) (4 2) (5 3) (6 4) (7 5).", "(3 1).", ".",
	 "(3 1) (4 2) (5 3) error -5"},
	{make_sums, show_number, false, "1 3 6 10 15.", "1.", ".", "1 3 6 error -5"},
	{make_products, show_number, false, "1 2 6 24 120.", "1.", ".", "1 2 6 error -5"},
	{make_batched, show_batch, true, "[1 2] [3 4] [5].", "[1].", ".", "[1 2] error -5"},
	{make_pairwise, show_pair, false, "(1 2) (2 3) (3 4) (4 5).", ".", ".",
	 "(1 2) (2 3) error -5"},
	{make_long, show_pair, true, "(2 4) (4 6) (6 8) (8 10) (10 12) (12 14) (14 16) (16 18)",
	 NULL, ".", "error -5"},
};

enum { STAGES = sizeof(stages) / sizeof(*stages), MOST = 8 };

static void check_stage(int adaptor, int64_t count, const char *text)
{
	for (enum source source = 0; text && source < SOURCES; source++) {
		struct probe probe;
		struct coro_iterator *it = stages[adaptor].make(numbers(source, count, &probe));
		ck_assert_str_eq(text_and_close(it, stages[adaptor].show, MOST), text);
	}
	ck_assert_uint_eq(stacks_in_use(), 0);
}

START_TEST(adaptor_gives_what_pythons_gives)
{
	check_stage(_i, 5, stages[_i].of_five);
	check_stage(_i, 1, stages[_i].of_one);
	check_stage(_i, 0, stages[_i].of_none);
}
END_TEST

START_TEST(adaptor_passes_an_error_on_and_is_at_its_end)
{
	for (enum source source = FROM_PROBE; source < SOURCES; source++) {
		struct probe probe;
		struct coro_iterator *it = stages[_i].make(numbers(source, 3, &probe));
		probe.error = -EIO;
		ck_assert_str_eq(text_of(it, stages[_i].show, MOST), stages[_i].of_three_and_error);
		ck_assert_str_eq(text_of(it, stages[_i].show, MOST), ".");
		ck_assert_int_eq(probe.calls_when_over, 0);
		ck_assert_int_eq(coro_iter_close(it), 0);
		ck_assert_int_eq(probe.closed, 1);
	}
}
END_TEST

START_TEST(adaptor_stays_at_its_end)
{
	struct probe probe;
	struct coro_iterator *it = stages[_i].make(numbers(FROM_PROBE, 0, &probe));
	text_of(it, stages[_i].show, MOST);
	ck_assert_str_eq(text_of(it, stages[_i].show, MOST), ".");
	ck_assert_str_eq(text_of(it, stages[_i].show, MOST), ".");
	ck_assert_int_eq(probe.calls_when_over, 0);
	coro_iter_close(it);
}
END_TEST

START_TEST(adaptor_closed_early_closes_its_source_once)
{
	for (enum source source = FROM_PROBE; source < SOURCES; source++)
		for (int items = 0; items <= MOST; items++) {
			struct probe probe;
			struct coro_iterator *it = stages[_i].make(numbers(source, 5, &probe));
			text_of(it, stages[_i].show, items);
			bool started = source == FROM_PROBE || probe.given > 0;
			ck_assert_int_eq(coro_iter_close(it), 0);
			ck_assert_int_eq(probe.closed, started);
		}
	ck_assert_uint_eq(stacks_in_use(), 0);
}
END_TEST

START_TEST(adaptor_returns_its_sources_failure_in_closing)
{
	struct probe probe;
	struct coro_iterator *it = stages[_i].make(numbers(FROM_PROBE, 5, &probe));
	probe.close_error = -EIO;
	ck_assert_int_eq(coro_iter_close(it), -EIO);
	ck_assert_int_eq(probe.closed, 1);
}
END_TEST

START_TEST(adaptor_over_what_is_no_iterator_gives_an_error)
{
	struct coro_iterator bare = {.item_size = sizeof(int64_t)};
	ck_assert_int_eq(error_of(stages[_i].make(NULL)), -EINVAL);
	ck_assert_int_eq(error_of(stages[_i].make(&bare)), -EINVAL);
	ck_assert_int_eq(error_of(stages[_i].make(invalid())), -EINVAL);
	ck_assert_int_eq(error_of(stages[_i].make(no_memory())), -ENOMEM);
}
END_TEST

START_TEST(adaptor_allocates_nothing_per_item)
{
	struct probe probe;
	if (!fail_possible() || stages[_i].hoards)
		return;
	struct coro_iterator *it = stages[_i].make(numbers(FROM_PROBE, 5, &probe));
	fail_nth(0);
	while (coro_iter_next(it, NULL) > 0)
		;
	ck_assert_uint_eq(fail_count(), 0);
	fail_off();
	coro_iter_close(it);
}
END_TEST

START_TEST(adaptor_without_memory_closes_its_source_once)
{
	for (unsigned long n = 1; fail_possible(); n++) {
		struct probe probe;
		struct coro_iterator *source = numbers(FROM_PROBE, 5, &probe);
		fail_nth(n);
		struct coro_iterator *it = stages[_i].make(source);
		int r = 1;
		for (int i = 0; r > 0 && i < MOST; i++)
			r = coro_iter_next(it, NULL);
		int closed = coro_iter_close(it);
		bool failed = fail_off();
		ck_assert_int_eq(closed, 0);
		ck_assert_int_eq(probe.closed, 1);
		if (!failed) {
			ck_assert_int_ge(r, 0);
			ck_assert_uint_gt(n, 1);
			break;
		}
		ck_assert_int_eq(r, -ENOMEM);
	}
}
END_TEST

/* ---- functions that fail ---- */

static int square_fails_at_three(void *item, void *arg, void *ret)
{
	return *(int64_t *)item == 3 ? -ERANGE : square(item, arg, ret);
}

START_TEST(error_of_a_function_ends_the_adaptor)
{
	struct probe probes[5];
	struct coro_iterator *its[5];
	for (int i = 0; i < 5; i++)
		its[i] = numbers(FROM_PROBE, 5, &probes[i]);
	its[0] = coro_iter_filter(fails_at_three, NULL, its[0]);
	its[1] = coro_iter_takewhile(fails_at_three, NULL, its[1]);
	its[2] = coro_iter_dropwhile(fails_at_three, NULL, its[2]);
	its[3] = coro_iter_map(square_fails_at_three, NULL, sizeof(int64_t), its[3]);
	its[4] = coro_iter_accumulate(product_fails_at_three, NULL, its[4]);
	static const char *const texts[] = {
		"1 2 error -34", "1 2 error -34", "error -34", "1 4 error -34", "1 2 error -34",
	};
	for (int i = 0; i < 5; i++) {
		ck_assert_str_eq(text_of(its[i], show_number, MOST), texts[i]);
		ck_assert_int_eq(probes[i].given, 3);
		ck_assert_str_eq(text_and_close(its[i], show_number, MOST), ".");
		ck_assert_int_eq(probes[i].given, 3);
		ck_assert_int_eq(probes[i].closed, 1);
	}
}
END_TEST

START_TEST(missing_function_is_invalid_and_closes_the_source)
{
	struct probe probes[6];
	struct coro_iterator *its[6];
	for (int i = 0; i < 6; i++)
		its[i] = numbers(FROM_PROBE, 5, &probes[i]);
	/* Without a function, filter and accumulate take numbers only. */
	its[3]->item_size = its[4]->item_size = 4;
	its[0] = coro_iter_takewhile(NULL, NULL, its[0]);
	its[1] = coro_iter_dropwhile(NULL, NULL, its[1]);
	its[2] = coro_iter_map(NULL, NULL, sizeof(int64_t), its[2]);
	its[3] = coro_iter_filter(NULL, NULL, its[3]);
	its[4] = coro_iter_accumulate(NULL, NULL, its[4]);
	its[5] = coro_iter_map(square, NULL, CORO_NOCOPY, its[5]);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(probes[i].closed, 1);
		ck_assert_int_eq(error_of(its[i]), -EINVAL);
	}
}
END_TEST

/* ---- cycle ---- */

START_TEST(cycle_copies_unless_items_last)
{
	int64_t array[] = {1, 2};
	struct coro_iterator *it = coro_iter_cycle(coro_iter_array(array, 2, sizeof(*array)));
	ck_assert(it->lasting);
	void *item;
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(coro_iter_next(it, &item), 1);
		ck_assert_ptr_eq(item, &array[i % 2]);
	}
	coro_iter_close(it);

	struct probe probe;
	it = coro_iter_cycle(numbers(FROM_PROBE, 2, &probe));
	ck_assert(!it->lasting);
	ck_assert_str_eq(text_of(it, show_number, 4), "1 2 1 2");
	ck_assert_int_eq(probe.item, SPOILT);
	ck_assert_int_eq(probe.calls_when_over, 0);
	coro_iter_close(it);
}
END_TEST

/* ---- islice ---- */

/* How many items CPython's islice takes of an endless source, read to its end. */
static int64_t taken_by_python(int64_t start, int64_t stop)
{
	return start > stop ? start : stop;
}

START_TEST(islice_consumes_as_python_does)
{
	for (int64_t start = 0; start < 7; start++)
		for (int64_t stop = 0; stop < 9; stop++)
			for (int64_t step = 1; step < 5; step++) {
				struct probe probe = probe_of(100);
				struct coro_iterator *it = coro_iter_islice(
					coro_iter_borrow(&probe.iterator), start, stop, step);
				void *item;
				for (int64_t i = start; i < stop; i += step) {
					ck_assert_int_eq(coro_iter_next(it, &item), 1);
					ck_assert_int_eq(*(int64_t *)item, i + 1);
					/* Nothing in advance. */
					ck_assert_int_eq(probe.given, i + 1);
				}
				ck_assert_int_eq(coro_iter_next(it, &item), 0);
				ck_assert_int_eq(coro_iter_next(it, &item), 0);
				ck_assert_int_eq(probe.given, taken_by_python(start, stop));
				ck_assert_int_eq(coro_iter_close(it), 0);
				ck_assert_int_eq(probe.closed, 0);
			}
}
END_TEST

START_TEST(islice_may_have_no_bound)
{
	struct coro_iterator *it = coro_iter_islice(coro_iter_range(0, 9, 1), 3, -1, 4);
	ck_assert_str_eq(text_and_close(it, show_number, MOST), "3 7.");
	it = coro_iter_islice(coro_iter_range(0, 9, 1), 1, -1, INT64_MAX);
	ck_assert_str_eq(text_and_close(it, show_number, MOST), "1.");
	it = coro_iter_islice(coro_iter_range(0, 9, 1), INT64_MAX, INT64_MAX, INT64_MAX);
	ck_assert_str_eq(text_and_close(it, show_number, MOST), ".");
}
END_TEST

START_TEST(islice_of_what_cannot_be_is_invalid)
{
	struct probe probe;
	ck_assert_int_eq(error_of(coro_iter_islice(numbers(FROM_PROBE, 1, &probe), -1, 5, 1)),
			 -EINVAL);
	ck_assert_int_eq(probe.closed, 1);
	ck_assert_int_eq(error_of(coro_iter_islice(coro_iter_count(0, 1), 0, 5, 0)), -EINVAL);
	ck_assert_int_eq(error_of(coro_iter_islice(coro_iter_count(0, 1), 0, 5, -1)), -EINVAL);
}
END_TEST

/* ---- filter, takewhile, dropwhile ---- */

START_TEST(filter_without_a_predicate_drops_zeros)
{
	int64_t array[] = {0, 3, 0, -1};
	struct coro_iterator *it = coro_iter_array(array, 4, sizeof(*array));
	ck_assert_str_eq(text_and_close(coro_iter_filter(NULL, NULL, it), show_number, MOST),
			 "3 -1.");
}
END_TEST

START_TEST(takewhile_loses_the_item_that_ends_it_for_good)
{
	struct probe probe = probe_of(6);
	struct coro_iterator *it =
		coro_iter_takewhile(is_below, &four, coro_iter_borrow(&probe.iterator));
	ck_assert_str_eq(text_and_close(it, show_number, MOST), "1 2 3.");
	ck_assert_str_eq(text_of(&probe.iterator, show_number, MOST), "5 6.");

	int64_t array[] = {1, 5, 2};
	it = coro_iter_takewhile(is_below, &four, coro_iter_array(array, 3, sizeof(*array)));
	ck_assert_str_eq(text_of(it, show_number, MOST), "1.");
	ck_assert_str_eq(text_and_close(it, show_number, MOST), ".");
}
END_TEST

START_TEST(dropwhile_asks_no_more_once_it_was_false)
{
	int64_t array[] = {1, 5, 2, 6};
	struct coro_iterator *it = coro_iter_array(array, 4, sizeof(*array));
	it = coro_iter_dropwhile(is_below, &four, it);
	ck_assert_str_eq(text_and_close(it, show_number, MOST), "5 2 6.");
}
END_TEST

/* ---- map, accumulate ---- */

static int title_of(void *item, void *arg, void *ret)
{
	const char *const *titles = arg;
	*(const char **)ret = titles[*(int64_t *)item];
	return 0;
}

START_TEST(map_may_give_plain_pointers)
{
	const char *titles[] = {"a", "b", NULL};
	struct coro_iterator *it = coro_iter_map(title_of, titles, 0, coro_iter_range(0, 3, 1));
	for (int i = 0; i < 3; i++) {
		void *item;
		ck_assert_int_eq(coro_iter_next(it, &item), 1);
		ck_assert_ptr_eq(item, titles[i]);
	}
	coro_iter_close(it);
}
END_TEST

START_TEST(results_of_map_are_aligned_for_any_type)
{
	struct coro_iterator *it =
		coro_iter_map(square, NULL, sizeof(int64_t), coro_iter_count(0, 1));
	void *item;
	ck_assert_int_eq(coro_iter_next(it, &item), 1);
	ck_assert_uint_eq((uintptr_t)item % _Alignof(max_align_t), 0);
	coro_iter_close(it);
}
END_TEST

static int last_in_order(void *total, void *item, void *arg)
{
	const char **last = total;
	if (strcmp(item, *last) > 0)
		*last = item;
	return 0;
}

START_TEST(accumulate_takes_plain_pointers)
{
	const char *names[] = {"b", "a", "d", "c"};
	const char *lasts[] = {"b", "b", "d", "d"};
	struct coro_iterator *it =
		coro_iter_accumulate(last_in_order, NULL, coro_iter_array(names, 4, 0));
	for (int i = 0; i < 4; i++) {
		void *item;
		ck_assert_int_eq(coro_iter_next(it, &item), 1);
		ck_assert_str_eq(item, lasts[i]);
	}
	ck_assert_int_eq(coro_iter_next(it, NULL), 0);
	coro_iter_close(it);
	ck_assert_str_eq(names[0], "b");
}
END_TEST

START_TEST(accumulate_leaves_the_items_alone)
{
	int64_t array[] = {1, 2, 3};
	struct coro_iterator *it = coro_iter_array(array, 3, sizeof(*array));
	it = coro_iter_accumulate(NULL, NULL, it);
	ck_assert_str_eq(text_and_close(it, show_number, MOST), "1 3 6.");
	ck_assert_int_eq(array[0], 1);
}
END_TEST

START_TEST(accumulate_does_not_overflow_in_silence)
{
	struct coro_iterator *it = coro_iter_range(INT64_MAX - 1, INT64_MAX, 1);
	it = coro_iter_chain(2, it, coro_iter_range(1, 9, 1));
	it = coro_iter_accumulate(NULL, NULL, it);
	ck_assert_str_eq(text_of(it, show_number, MOST),
			 "9223372036854775806 9223372036854775807 error -" NUMBER(EOVERFLOW));
	ck_assert_str_eq(text_and_close(it, show_number, MOST), ".");
}
END_TEST

/* ---- enumerate ---- */

START_TEST(enumerate_ends_with_the_last_number)
{
	struct coro_iterator *it = coro_iter_enumerate(coro_iter_count(0, 1), INT64_MAX - 1);
	ck_assert_str_eq(
		text_and_close(it, show_enumerated, MOST),
		"(9223372036854775806 0) (9223372036854775807 1) error -" NUMBER(EOVERFLOW));
	it = coro_iter_enumerate(coro_iter_range(0, 1, 1), INT64_MAX);
	ck_assert_str_eq(text_and_close(it, show_enumerated, MOST), "(9223372036854775807 0).");
}
END_TEST

/* ---- batched, pairwise ---- */

START_TEST(batched_of_any_size)
{
	struct coro_iterator *it = coro_iter_batched(coro_iter_range(0, 3, 1), 3);
	ck_assert_str_eq(text_and_close(it, show_batch, MOST), "[0 1 2].");
	it = coro_iter_batched(coro_iter_range(0, 3, 1), 1);
	ck_assert_str_eq(text_and_close(it, show_batch, MOST), "[0] [1] [2].");
	it = coro_iter_batched(coro_iter_range(0, 3, 1), SIZE_MAX);
	ck_assert_str_eq(text_and_close(it, show_batch, MOST), "[0 1 2].");
	ck_assert_int_eq(error_of(coro_iter_batched(coro_iter_range(0, 3, 1), 0)), -EINVAL);
}
END_TEST

START_TEST(batched_allocates_for_the_first_batch_only)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail");
	struct coro_iterator *it = coro_iter_batched(coro_iter_count(0, 1), 100);
	ck_assert_int_eq(coro_iter_next(it, NULL), 1);
	fail_nth(0);
	for (int i = 0; i < 100; i++)
		coro_iter_next(it, NULL);
	fail_off();
	ck_assert_uint_eq(fail_count(), 0);
	coro_iter_close(it);
}
END_TEST

START_TEST(batch_of_plain_pointers_holds_the_pointers)
{
	const char *names[] = {"a", "b", "c"};
	struct coro_iterator *it = coro_iter_batched(coro_iter_array(names, 3, 0), 2);
	void *item;
	ck_assert_int_eq(coro_iter_next(it, &item), 1);
	const struct coro_array *batch = item;
	ck_assert_uint_eq(batch->count, 2);
	ck_assert_ptr_eq(((void **)batch->items)[0], names[0]);
	ck_assert_ptr_eq(((void **)batch->items)[1], names[1]);
	coro_iter_close(it);
}
END_TEST

/* ---- chain, zip ---- */

START_TEST(chain_and_zip_of_none_are_empty)
{
	ck_assert_int_eq(error_of(coro_iter_chain(0)), 0);
	ck_assert_int_eq(error_of(coro_iter_zip(0)), 0);
	ck_assert_int_eq(error_of(coro_iter_chainv(0, NULL)), 0);
	ck_assert_int_eq(error_of(coro_iter_zipv(0, NULL)), 0);
	ck_assert_int_eq(error_of(coro_iter_chainv(1, NULL)), -EINVAL);
	ck_assert_int_eq(error_of(coro_iter_zipv(1, NULL)), -EINVAL);
}
END_TEST

START_TEST(chain_and_zip_take_an_array_of_iterators)
{
	struct coro_iterator *its[] = {coro_iter_range(0, 2, 1), coro_iter_range(5, 9, 1)};
	ck_assert_str_eq(text_and_close(coro_iter_chainv(2, its), show_number, MOST),
			 "0 1 5 6 7 8.");
	its[0] = coro_iter_range(0, 2, 1);
	its[1] = coro_iter_range(5, 9, 1);
	ck_assert_str_eq(text_and_close(coro_iter_zipv(2, its), show_zipped, MOST), "(0 5) (1 6).");
}
END_TEST

START_TEST(chain_skips_empty_iterators)
{
	struct coro_iterator *it =
		coro_iter_chain(4, coro_iter_range(0, 0, 1), coro_iter_range(0, 2, 1),
				coro_iter_range(0, 0, 1), coro_iter_range(2, 3, 1));
	ck_assert_str_eq(text_and_close(it, show_number, MOST), "0 1 2.");
}
END_TEST

START_TEST(chain_reads_one_iterator_after_another)
{
	struct probe first, second;
	struct coro_iterator *it =
		coro_iter_chain(2, numbers(FROM_PROBE, 2, &first), numbers(FROM_PROBE, 2, &second));
	ck_assert_str_eq(text_of(it, show_number, 2), "1 2");
	ck_assert_int_eq(second.given, 0);
	ck_assert_str_eq(text_of(it, show_number, 2), "1 2");
	coro_iter_close(it);
}
END_TEST

START_TEST(chain_of_items_of_two_sizes_is_invalid)
{
	struct probe probe;
	struct coro_iterator *it =
		coro_iter_chain(2, numbers(FROM_PROBE, 2, &probe), coro_iter_string("ab"));
	ck_assert_int_eq(probe.closed, 1);
	ck_assert_int_eq(error_of(it), -EINVAL);
}
END_TEST

START_TEST(chain_lasts_if_all_last)
{
	int64_t array[] = {1, 2};
	struct coro_iterator *it =
		coro_iter_chain(2, coro_iter_array(array, 2, 8), coro_iter_array(array, 1, 8));
	ck_assert(it->lasting);
	coro_iter_close(it);
	it = coro_iter_chain(2, coro_iter_array(array, 2, 8), coro_iter_range(0, 1, 1));
	ck_assert(!it->lasting);
	ck_assert_uint_eq(it->item_size, 8);
	coro_iter_close(it);
	/* The numbered items of one may be copied, those of the other not. */
	it = coro_iter_chain(2, coro_iter_enumerate(coro_iter_array(array, 2, 8), 0),
			     coro_iter_enumerate(coro_iter_range(0, 1, 1), 0));
	ck_assert_uint_eq(it->item_size, CORO_NOCOPY);
	ck_assert_str_eq(text_and_close(it, show_enumerated, MOST), "(0 1) (1 2) (0 0).");
}
END_TEST

START_TEST(zip_asks_in_order_and_stops_at_the_first_that_ends)
{
	struct probe probes[3] = {probe_of(3), probe_of(2), probe_of(3)};
	struct coro_iterator *it =
		coro_iter_zip(3, &probes[0].iterator, &probes[1].iterator, &probes[2].iterator);
	ck_assert_int_eq(coro_iter_next(it, NULL), 1);
	ck_assert_int_eq(coro_iter_next(it, NULL), 1);
	ck_assert_int_eq(coro_iter_next(it, NULL), 0);
	ck_assert_int_eq(coro_iter_next(it, NULL), 0);
	ck_assert_int_eq(probes[0].given, 3);
	ck_assert_int_eq(probes[1].given, 2);
	ck_assert_int_eq(probes[2].given, 2);
	coro_iter_close(it);
}
END_TEST

static struct coro_iterator *(*const several[])(size_t n, ...) = {coro_iter_chain, coro_iter_zip};

START_TEST(chain_and_zip_close_all_also_after_an_error)
{
	struct probe probes[3] = {probe_of(1), probe_of(1), probe_of(1)};
	for (int i = 0; i < 3; i++)
		probes[i].close_error = -i; /* the first error is the second one's */
	struct coro_iterator *it =
		several[_i](3, &probes[0].iterator, &probes[1].iterator, &probes[2].iterator);
	ck_assert_int_eq(coro_iter_close(it), -1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(probes[i].closed, 1);
}
END_TEST

START_TEST(chain_and_zip_close_the_others_if_one_is_missing)
{
	struct probe probes[2] = {probe_of(1), probe_of(1)};
	struct coro_iterator *it = several[_i](3, &probes[0].iterator, (struct coro_iterator *)NULL,
					       &probes[1].iterator);
	ck_assert_int_eq(probes[0].closed, 1);
	ck_assert_int_eq(probes[1].closed, 1);
	ck_assert_int_eq(error_of(it), -EINVAL);
}
END_TEST

START_TEST(chain_and_zip_without_memory_close_all)
{
	for (unsigned long n = 1; fail_possible(); n++) {
		struct probe probes[2] = {probe_of(1), probe_of(1)};
		fail_nth(n);
		struct coro_iterator *it = several[_i](2, &probes[0].iterator, &probes[1].iterator);
		bool failed = fail_off();
		int r = error_of(it);
		ck_assert_int_eq(probes[0].closed, 1);
		ck_assert_int_eq(probes[1].closed, 1);
		ck_assert_int_eq(r, failed ? -ENOMEM : 1);
		if (!failed)
			break;
	}
}
END_TEST

/* ---- items that point to items ---- */

static struct coro_iterator *zip_with_itself(struct coro_iterator *it)
{
	return coro_iter_zip(1, it);
}

static struct coro_iterator *enumerate_from_0(struct coro_iterator *it)
{
	return coro_iter_enumerate(it, 0);
}

/* Adaptors that make such items, and those that keep items. */
static struct coro_iterator *(*const composers[])(struct coro_iterator *) = {
	zip_with_itself,
	enumerate_from_0,
	coro_iter_pairwise,
};

static struct coro_iterator *make_batches(struct coro_iterator *it)
{
	return coro_iter_batched(it, 2);
}

static struct coro_iterator *(*const keepers[])(struct coro_iterator *) = {
	coro_iter_pairwise,
	coro_iter_cycle,
	make_products,
	make_batches,
};

START_TEST(items_that_point_to_what_does_not_last_cannot_be_kept)
{
	for (enum source source = FROM_PROBE; source < SOURCES; source++)
		for (size_t i = 0; i < sizeof(keepers) / sizeof(*keepers); i++) {
			struct probe probe;
			struct coro_iterator *it = numbers(source, 3, &probe);
			ck_assert_int_eq(error_of(keepers[i](composers[_i](it))), -EINVAL);
			ck_assert_int_eq(probe.closed, source == FROM_PROBE);
		}
}
END_TEST

START_TEST(items_that_point_to_an_array_can_be_kept)
{
	for (size_t i = 0; i < sizeof(keepers) / sizeof(*keepers); i++) {
		struct probe probe;
		struct coro_iterator *it = numbers(FROM_ARRAY, 3, &probe);
		ck_assert_int_eq(error_of(keepers[i](composers[_i](it))), 1);
	}
}
END_TEST

START_TEST(batches_cannot_be_kept)
{
	struct coro_iterator *it = coro_iter_batched(coro_iter_string("abc"), 2);
	ck_assert_uint_eq(it->item_size, CORO_NOCOPY);
	ck_assert_int_eq(error_of(coro_iter_cycle(it)), -EINVAL);
}
END_TEST

START_TEST(pairs_of_an_arrays_items_point_into_it)
{
	int64_t array[] = {1, 2, 3};
	struct coro_iterator *it = coro_iter_pairwise(coro_iter_array(array, 3, sizeof(*array)));
	for (int i = 0; i < 2; i++) {
		void *item;
		ck_assert_int_eq(coro_iter_next(it, &item), 1);
		ck_assert_ptr_eq(((struct coro_pair *)item)->first, &array[i]);
		ck_assert_ptr_eq(((struct coro_pair *)item)->second, &array[i + 1]);
	}
	coro_iter_close(it);
}
END_TEST

static void add_stage_tests(TCase *tests)
{
	tcase_add_loop_test(tests, adaptor_gives_what_pythons_gives, 0, STAGES);
	tcase_add_loop_test(tests, adaptor_passes_an_error_on_and_is_at_its_end, 0, STAGES);
	tcase_add_loop_test(tests, adaptor_stays_at_its_end, 0, STAGES);
	tcase_add_loop_test(tests, adaptor_closed_early_closes_its_source_once, 0, STAGES);
	tcase_add_loop_test(tests, adaptor_returns_its_sources_failure_in_closing, 0, STAGES);
	tcase_add_loop_test(tests, adaptor_over_what_is_no_iterator_gives_an_error, 0, STAGES);
	tcase_add_loop_test(tests, adaptor_allocates_nothing_per_item, 0, STAGES);
	tcase_add_loop_test(tests, adaptor_without_memory_closes_its_source_once, 0, STAGES);
}

START_TEST(one_iterator_cannot_be_two_sources)
{
	struct coro_iterator *it = coro_iter_range(0, 3, 1), *other = coro_iter_range(0, 3, 1);
	void *item;
	ck_assert_int_eq(error_of(coro_iter_zip(2, it, it)), -EINVAL);
	ck_assert_int_eq(error_of(coro_iter_chain(3, it, other, it)), -EINVAL);
	ck_assert_int_eq(coro_iter_next(it, &item), 1); /* they are the caller's still */
	ck_assert_int_eq(coro_iter_next(other, &item), 1);
	ck_assert_int_eq(coro_iter_close(it), 0);
	ck_assert_int_eq(coro_iter_close(other), 0);
}
END_TEST

START_TEST(an_array_larger_than_memory_is_refused)
{
	int number = 1;
	ck_assert_int_eq(error_of(coro_iter_array(&number, SIZE_MAX, 8)), -EINVAL);
}
END_TEST

static void add_tests(TCase *tests)
{
	add_stage_tests(tests);

	tcase_add_test(tests, error_of_a_function_ends_the_adaptor);
	tcase_add_test(tests, missing_function_is_invalid_and_closes_the_source);

	tcase_add_test(tests, cycle_copies_unless_items_last);

	tcase_add_test(tests, islice_consumes_as_python_does);
	tcase_add_test(tests, islice_may_have_no_bound);
	tcase_add_test(tests, islice_of_what_cannot_be_is_invalid);

	tcase_add_test(tests, filter_without_a_predicate_drops_zeros);
	tcase_add_test(tests, takewhile_loses_the_item_that_ends_it_for_good);
	tcase_add_test(tests, dropwhile_asks_no_more_once_it_was_false);

	tcase_add_test(tests, map_may_give_plain_pointers);
	tcase_add_test(tests, results_of_map_are_aligned_for_any_type);
	tcase_add_test(tests, accumulate_takes_plain_pointers);
	tcase_add_test(tests, accumulate_leaves_the_items_alone);
	tcase_add_test(tests, accumulate_does_not_overflow_in_silence);

	tcase_add_test(tests, enumerate_ends_with_the_last_number);

	tcase_add_test(tests, batched_of_any_size);
	tcase_add_test(tests, batched_allocates_for_the_first_batch_only);
	tcase_add_test(tests, batch_of_plain_pointers_holds_the_pointers);

	tcase_add_test(tests, chain_and_zip_of_none_are_empty);
	tcase_add_test(tests, chain_and_zip_take_an_array_of_iterators);
	tcase_add_test(tests, chain_skips_empty_iterators);
	tcase_add_test(tests, chain_reads_one_iterator_after_another);
	tcase_add_test(tests, chain_of_items_of_two_sizes_is_invalid);
	tcase_add_test(tests, chain_lasts_if_all_last);
	tcase_add_test(tests, zip_asks_in_order_and_stops_at_the_first_that_ends);
	tcase_add_loop_test(tests, chain_and_zip_close_all_also_after_an_error, 0, 2);
	tcase_add_loop_test(tests, chain_and_zip_close_the_others_if_one_is_missing, 0, 2);
	tcase_add_loop_test(tests, chain_and_zip_without_memory_close_all, 0, 2);

	int n = sizeof(composers) / sizeof(*composers);
	tcase_add_loop_test(tests, items_that_point_to_what_does_not_last_cannot_be_kept, 0, n);
	tcase_add_loop_test(tests, items_that_point_to_an_array_can_be_kept, 0, n);
	tcase_add_test(tests, batches_cannot_be_kept);
	tcase_add_test(tests, pairs_of_an_arrays_items_point_into_it);
	tcase_add_test(tests, one_iterator_cannot_be_two_sources);
	tcase_add_test(tests, an_array_larger_than_memory_is_refused);
}

TEST_MAIN("itertools", add_tests)
