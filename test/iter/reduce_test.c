/* SPDX-License-Identifier: MIT */
/* The ends of pipelines. */
#include "fail_alloc.h"
#include "numbers.h"
#include "support.h"

/* ---- each end, over each source ---- */

static int add_to(void *item, void *arg)
{
	*(int64_t *)arg += *(int64_t *)item;
	return 0;
}

/* The number furthest from the one at arg is the largest. */
static int by_distance(const void *a, const void *b, void *arg)
{
	int64_t from = *(int64_t *)arg;
	int64_t x = llabs((long long)(*(const int64_t *)a - from));
	int64_t y = llabs((long long)(*(const int64_t *)b - from));
	return (x > y) - (x < y);
}

static int64_t three = 3, four = 4;

static int end_for_each(struct coro_iterator *it, int64_t *ret)
{
	int64_t total = 0;
	int r = coro_iter_for_each(add_to, &total, it);
	if (r == 0)
		*ret = total;
	return r;
}

/* The numbers as the digits of one. */
static int end_collect(struct coro_iterator *it, int64_t *ret)
{
	struct coro_array array;
	int r = coro_iter_collect(it, &array);
	if (r < 0)
		return r;
	*ret = 0;
	for (size_t i = 0; i < array.count; i++)
		*ret = *ret * 10 + ((int64_t *)array.items)[i];
	free(array.items);
	return r;
}

static int end_sum(struct coro_iterator *it, int64_t *ret)
{
	return coro_iter_sum(it, ret);
}

static int end_any(struct coro_iterator *it, int64_t *ret)
{
	(void)ret;
	return coro_iter_any(is_even, NULL, it);
}

static int end_all(struct coro_iterator *it, int64_t *ret)
{
	(void)ret;
	return coro_iter_all(is_below, &four, it);
}

static int end_find(struct coro_iterator *it, int64_t *ret)
{
	return coro_iter_find(is_even, NULL, it, ret);
}

static int end_reduce(struct coro_iterator *it, int64_t *ret)
{
	return coro_iter_reduce(product, NULL, it, ret);
}

static int end_min(struct coro_iterator *it, int64_t *ret)
{
	return coro_iter_min(NULL, NULL, it, ret);
}

static int end_max(struct coro_iterator *it, int64_t *ret)
{
	return coro_iter_max(NULL, NULL, it, ret);
}

static int end_nearest(struct coro_iterator *it, int64_t *ret)
{
	return coro_iter_min(by_distance, &three, it, ret);
}

static int end_furthest(struct coro_iterator *it, int64_t *ret)
{
	return coro_iter_max(by_distance, &three, it, ret);
}

/* What an end returns, and its result; that is SPOILT where it must be untouched. */
struct outcome {
	int r;
	int64_t result;
};

static const struct {
	int (*end)(struct coro_iterator *it, int64_t *ret);
	struct outcome of_five, of_one, of_none, of_three_and_error;
	bool keeps; /* an item, for which it allocates */
} ends[] = {
	{end_for_each, {0, 15}, {0, 1}, {0, 0}, {-EIO, SPOILT}, false},
	{end_collect, {0, 12345}, {0, 1}, {0, 0}, {-EIO, SPOILT}, true},
	{end_sum, {0, 15}, {0, 1}, {0, 0}, {-EIO, SPOILT}, false},
	{end_any, {1, SPOILT}, {0, SPOILT}, {0, SPOILT}, {1, SPOILT}, false},
	{end_all, {0, SPOILT}, {1, SPOILT}, {1, SPOILT}, {-EIO, SPOILT}, false},
	{end_find, {1, 2}, {0, SPOILT}, {0, SPOILT}, {1, 2}, true},
	{end_reduce, {1, 120}, {1, 1}, {0, SPOILT}, {-EIO, SPOILT}, true},
	{end_min, {1, 1}, {1, 1}, {0, SPOILT}, {-EIO, SPOILT}, true},
	{end_max, {1, 5}, {1, 1}, {0, SPOILT}, {-EIO, SPOILT}, true},
	{end_nearest, {1, 3}, {1, 1}, {0, SPOILT}, {-EIO, SPOILT}, true},
	{end_furthest, {1, 1}, {1, 1}, {0, SPOILT}, {-EIO, SPOILT}, true},
};

enum { ENDS = sizeof(ends) / sizeof(*ends) };

static void check_end(int end, struct coro_iterator *it, struct outcome expected)
{
	int64_t result = SPOILT;
	ck_assert_int_eq(ends[end].end(it, &result), expected.r);
	ck_assert_int_eq(result, expected.result);
}

START_TEST(end_gives_what_pythons_gives)
{
	for (enum source source = 0; source < SOURCES; source++) {
		struct probe probe;
		check_end(_i, numbers(source, 5, &probe), ends[_i].of_five);
		check_end(_i, numbers(source, 1, &probe), ends[_i].of_one);
		check_end(_i, numbers(source, 0, &probe), ends[_i].of_none);
	}
	ck_assert_uint_eq(stacks_in_use(), 0);
}
END_TEST

START_TEST(end_closes_the_pipeline_once_also_after_an_error)
{
	for (enum source source = FROM_PROBE; source < SOURCES; source++) {
		struct probe probe;
		check_end(_i, numbers(source, 5, &probe), ends[_i].of_five);
		ck_assert_int_eq(probe.closed, 1);
		struct coro_iterator *it = numbers(source, 3, &probe);
		probe.error = -EIO;
		check_end(_i, it, ends[_i].of_three_and_error);
		ck_assert_int_eq(probe.closed, 1);
		ck_assert_int_eq(probe.calls_when_over, 0);
	}
}
END_TEST

START_TEST(end_gives_a_failure_in_closing_but_an_earlier_one_first)
{
	struct probe probe;
	struct coro_iterator *it = numbers(FROM_PROBE, 5, &probe);
	probe.close_error = -EPIPE;
	check_end(_i, it, (struct outcome){-EPIPE, SPOILT});
	it = numbers(FROM_PROBE, 0, &probe);
	probe.error = -EIO;
	probe.close_error = -EPIPE;
	check_end(_i, it, (struct outcome){-EIO, SPOILT});
}
END_TEST

START_TEST(end_of_what_is_no_iterator_is_an_error)
{
	struct coro_iterator bare = {.item_size = sizeof(int64_t)};
	check_end(_i, NULL, (struct outcome){-EINVAL, SPOILT});
	check_end(_i, &bare, (struct outcome){-EINVAL, SPOILT});
	check_end(_i, invalid(), (struct outcome){-EINVAL, SPOILT});
	check_end(_i, no_memory(), (struct outcome){-ENOMEM, SPOILT});
	check_end(_i, coro_iter_filter(is_even, NULL, no_memory()),
		  (struct outcome){-ENOMEM, SPOILT});
}
END_TEST

START_TEST(end_without_memory_says_so_and_closes_the_pipeline)
{
	for (unsigned long n = 1; fail_possible(); n++) {
		struct probe probe;
		struct coro_iterator *it = numbers(FROM_PROBE, 5, &probe);
		int64_t result = SPOILT;
		fail_nth(n);
		int r = ends[_i].end(it, &result);
		bool failed = fail_off();
		ck_assert_int_eq(probe.closed, 1);
		ck_assert_int_eq(r, failed ? -ENOMEM : ends[_i].of_five.r);
		ck_assert_int_eq(result, failed ? SPOILT : ends[_i].of_five.result);
		if (!failed) {
			ck_assert_int_eq(n > 1, ends[_i].keeps);
			break;
		}
	}
}
END_TEST

/* ---- arguments ---- */

START_TEST(a_missing_argument_is_invalid_and_closes_the_pipeline)
{
	struct probe p[12];
	int64_t result = SPOILT;
	struct coro_array array;
	for (int i = 0; i < 12; i++)
		numbers(FROM_PROBE, 3, &p[i]);
	/* Without a function, some take numbers only. */
	for (int i = 6; i < 12; i++)
		p[i].iterator.item_size = 4;
	ck_assert_int_eq(coro_iter_for_each(NULL, NULL, &p[0].iterator), -EINVAL);
	ck_assert_int_eq(coro_iter_collect(&p[1].iterator, NULL), -EINVAL);
	ck_assert_int_eq(coro_iter_sum(&p[2].iterator, NULL), -EINVAL);
	ck_assert_int_eq(coro_iter_find(is_even, NULL, &p[3].iterator, NULL), -EINVAL);
	ck_assert_int_eq(coro_iter_reduce(NULL, NULL, &p[4].iterator, &result), -EINVAL);
	ck_assert_int_eq(coro_iter_min(NULL, NULL, &p[5].iterator, NULL), -EINVAL);
	ck_assert_int_eq(coro_iter_sum(&p[6].iterator, &result), -EINVAL);
	ck_assert_int_eq(coro_iter_any(NULL, NULL, &p[7].iterator), -EINVAL);
	ck_assert_int_eq(coro_iter_all(NULL, NULL, &p[8].iterator), -EINVAL);
	ck_assert_int_eq(coro_iter_find(NULL, NULL, &p[9].iterator, &result), -EINVAL);
	ck_assert_int_eq(coro_iter_max(NULL, NULL, &p[10].iterator, &result), -EINVAL);
	p[11].iterator.item_size = CORO_NOCOPY;
	ck_assert_int_eq(coro_iter_collect(&p[11].iterator, &array), -EINVAL);
	for (int i = 0; i < 12; i++) {
		ck_assert_int_eq(p[i].closed, 1);
		ck_assert_int_eq(p[i].given, 0);
	}
	ck_assert_int_eq(result, SPOILT);
}
END_TEST

START_TEST(end_passes_the_error_of_its_function_on)
{
	struct probe p[5];
	int64_t result = SPOILT;
	for (int i = 0; i < 5; i++)
		numbers(FROM_PROBE, 5, &p[i]);
	ck_assert_int_eq(coro_iter_any(fails_at_three, NULL, &p[0].iterator), 1);
	ck_assert_int_eq(coro_iter_all(fails_at_three, NULL, &p[1].iterator), -ERANGE);
	ck_assert_int_eq(coro_iter_reduce(product_fails_at_three, NULL, &p[2].iterator, &result),
			 -ERANGE);
	p[3].given = p[4].given = 2; /* the next is 3 */
	ck_assert_int_eq(coro_iter_any(fails_at_three, NULL, &p[3].iterator), -ERANGE);
	ck_assert_int_eq(coro_iter_find(fails_at_three, NULL, &p[4].iterator, &result), -ERANGE);
	ck_assert_int_eq(result, SPOILT);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(p[i].closed, 1);
}
END_TEST

START_TEST(without_a_predicate_what_is_not_zero_counts)
{
	const int64_t zeros[] = {0, 0}, mixed[] = {0, 7}, others[] = {7, -1};
	int64_t result = SPOILT;
	ck_assert_int_eq(coro_iter_any(NULL, NULL, coro_iter_array(zeros, 2, 8)), 0);
	ck_assert_int_eq(coro_iter_any(NULL, NULL, coro_iter_array(mixed, 2, 8)), 1);
	ck_assert_int_eq(coro_iter_all(NULL, NULL, coro_iter_array(mixed, 2, 8)), 0);
	ck_assert_int_eq(coro_iter_all(NULL, NULL, coro_iter_array(others, 2, 8)), 1);
	ck_assert_int_eq(coro_iter_find(NULL, NULL, coro_iter_array(mixed, 2, 8), &result), 1);
	ck_assert_int_eq(result, 7);
}
END_TEST

/* ---- for_each ---- */

static int stop_at_three(void *item, void *arg)
{
	(*(int *)arg)++;
	return *(int64_t *)item == 3 ? 42 : 0;
}

static int fail_at_three(void *item, void *arg)
{
	return stop_at_three(item, arg) ? -ERANGE : 0;
}

START_TEST(for_each_ends_when_its_function_says_so)
{
	struct probe probe;
	int calls = 0;
	ck_assert_int_eq(coro_iter_for_each(stop_at_three, &calls, numbers(FROM_PROBE, 5, &probe)),
			 42);
	ck_assert_int_eq(calls, 3);
	ck_assert_int_eq(probe.closed, 1);
	calls = 0;
	ck_assert_int_eq(coro_iter_for_each(fail_at_three, &calls, numbers(FROM_PROBE, 5, &probe)),
			 -ERANGE);
	ck_assert_int_eq(calls, 3);
	ck_assert_int_eq(probe.closed, 1);
}
END_TEST

/* ---- sum ---- */

START_TEST(sum_does_not_overflow_in_silence)
{
	const int64_t high[] = {INT64_MAX, 1}, low[] = {INT64_MIN, -1}, fine[] = {INT64_MAX, -1};
	int64_t sum = SPOILT;
	ck_assert_int_eq(coro_iter_sum(coro_iter_array(high, 2, 8), &sum), -EOVERFLOW);
	ck_assert_int_eq(coro_iter_sum(coro_iter_array(low, 2, 8), &sum), -EOVERFLOW);
	ck_assert_int_eq(sum, SPOILT);
	ck_assert_int_eq(coro_iter_sum(coro_iter_array(fine, 2, 8), &sum), 0);
	ck_assert_int_eq(sum, INT64_MAX - 1);
}
END_TEST

START_TEST(ends_read_no_further_than_they_must)
{
	struct probe probe = probe_of(9);
	int64_t found;
	ck_assert_int_eq(coro_iter_any(is_even, NULL, coro_iter_borrow(&probe.iterator)), 1);
	ck_assert_int_eq(probe.given, 2);
	ck_assert_int_eq(coro_iter_all(is_even, NULL, coro_iter_borrow(&probe.iterator)), 0);
	ck_assert_int_eq(probe.given, 3);
	ck_assert_int_eq(coro_iter_find(is_even, NULL, coro_iter_borrow(&probe.iterator), &found),
			 1);
	ck_assert_int_eq(found, 4);
	ck_assert_int_eq(probe.given, 4);
	ck_assert_int_eq(probe.closed, 0);
}
END_TEST

/* ---- collect ---- */

START_TEST(collect_of_many_items_keeps_all)
{
	struct coro_array array;
	ck_assert_int_eq(coro_iter_collect(coro_iter_range(0, 10000, 1), &array), 0);
	ck_assert_uint_eq(array.count, 10000);
	for (int i = 0; i < 10000; i++)
		ck_assert(((int64_t *)array.items)[i] == i);
	free(array.items);
}
END_TEST

START_TEST(collect_of_plain_pointers_gives_the_pointers)
{
	const char *names[] = {"b", "a", NULL};
	struct coro_array array;
	ck_assert_int_eq(coro_iter_collect(coro_iter_array(names, 3, 0), &array), 0);
	ck_assert_uint_eq(array.count, 3);
	ck_assert_mem_eq(array.items, names, sizeof(names));
	free(array.items);
}
END_TEST

START_TEST(what_was_collected_is_an_array_again)
{
	struct coro_array array;
	ck_assert_int_eq(coro_iter_collect(coro_iter_range(0, 3, 1), &array), 0);
	struct coro_iterator *it = coro_iter_array(array.items, array.count, sizeof(int64_t));
	ck_assert_str_eq(text_and_close(it, show_number, 9), "0 1 2.");
	free(array.items);
}
END_TEST

START_TEST(collect_copies_items_that_point_into_an_array)
{
	int64_t numbers[] = {5, 6, 7};
	struct coro_array array;
	ck_assert_int_eq(coro_iter_collect(coro_iter_enumerate(coro_iter_array(numbers, 3, 8), 0),
					   &array),
			 0);
	const struct coro_enumerated *enumerated = array.items;
	ck_assert_uint_eq(array.count, 3);
	ck_assert_int_eq(enumerated[2].index, 2);
	ck_assert_ptr_eq(enumerated[2].item, &numbers[2]);
	free(array.items);

	ck_assert_int_eq(
		coro_iter_collect(coro_iter_pairwise(coro_iter_array(numbers, 3, 8)), &array), 0);
	const struct coro_pair *pairs = array.items;
	ck_assert_uint_eq(array.count, 2);
	ck_assert_ptr_eq(pairs[0].first, &numbers[0]);
	ck_assert_ptr_eq(pairs[0].second, &numbers[1]);
	ck_assert_ptr_eq(pairs[1].first, &numbers[1]);
	free(array.items);

	ck_assert_int_eq(coro_iter_collect(coro_iter_zip(2, coro_iter_array(numbers, 3, 8),
							 coro_iter_string("ab")),
					   &array),
			 0);
	void *(*zipped)[2] = array.items;
	ck_assert_uint_eq(array.count, 2);
	ck_assert_ptr_eq(zipped[1][0], &numbers[1]);
	ck_assert_int_eq(*(char *)zipped[1][1], 'b');
	free(array.items);
}
END_TEST

START_TEST(item_larger_than_memory_is_no_memory)
{
	struct probe probe;
	struct coro_array array;
	numbers(FROM_PROBE, 3, &probe);
	probe.iterator.item_size = SIZE_MAX / 2 + 1;
	ck_assert_int_eq(coro_iter_collect(&probe.iterator, &array), -ENOMEM);
	ck_assert_int_eq(probe.closed, 1);
}
END_TEST

START_TEST(collect_refuses_items_that_point_to_what_does_not_last)
{
	struct probe probe;
	struct coro_array array;
	struct coro_iterator *it = coro_iter_enumerate(numbers(FROM_PROBE, 3, &probe), 0);
	ck_assert_int_eq(coro_iter_collect(it, &array), -EINVAL);
	ck_assert_int_eq(probe.closed, 1);
	it = coro_iter_zip(2, coro_iter_string("ab"), numbers(FROM_PROBE, 3, &probe));
	ck_assert_int_eq(coro_iter_collect(it, &array), -EINVAL);
	ck_assert_int_eq(probe.closed, 1);
}
END_TEST

struct numbered {
	int64_t index, number;
};

static int number_item(void *item, void *arg, void *ret)
{
	const struct coro_enumerated *enumerated = item;
	(void)arg;
	*(struct numbered *)ret = (struct numbered){
		enumerated->index,
		*(int64_t *)enumerated->item,
	};
	return 0;
}

START_TEST(map_makes_items_that_can_be_collected)
{
	for (enum source source = 0; source < SOURCES; source++) {
		struct probe probe;
		struct coro_array array;
		struct coro_iterator *it = coro_iter_enumerate(numbers(source, 3, &probe), 7);
		it = coro_iter_map(number_item, NULL, sizeof(struct numbered), it);
		ck_assert_int_eq(coro_iter_collect(it, &array), 0);
		const struct numbered *numbered = array.items;
		ck_assert_uint_eq(array.count, 3);
		for (int i = 0; i < 3; i++) {
			ck_assert_int_eq(numbered[i].index, 7 + i);
			ck_assert_int_eq(numbered[i].number, 1 + i);
		}
		free(array.items);
	}
}
END_TEST

/* ---- find, reduce, min, max ---- */

static int starts_with(const void *item, void *arg)
{
	return *(const char *)item == *(const char *)arg;
}

static int by_first_letter(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const char *)a - *(const char *)b;
}

static int longer(void *total, void *item, void *arg)
{
	const char **longest = total;
	(void)arg;
	if (strlen(item) > strlen(*longest))
		*longest = item;
	return 0;
}

START_TEST(ends_give_plain_pointers_as_they_are)
{
	char letter[] = "c";
	const char *names[] = {"b1", "a1", "c", "a2", "c10"};
	const char *found = NULL;
	ck_assert_int_eq(coro_iter_find(starts_with, letter, coro_iter_array(names, 5, 0), &found),
			 1);
	ck_assert_ptr_eq(found, names[2]);
	ck_assert_int_eq(coro_iter_reduce(longer, NULL, coro_iter_array(names, 5, 0), &found), 1);
	ck_assert_ptr_eq(found, names[4]);
	ck_assert_int_eq(coro_iter_min(by_first_letter, NULL, coro_iter_array(names, 5, 0), &found),
			 1);
	ck_assert_ptr_eq(found, names[1]);
	ck_assert_int_eq(coro_iter_max(by_first_letter, NULL, coro_iter_array(names, 5, 0), &found),
			 1);
	ck_assert_ptr_eq(found, names[2]);
}
END_TEST

static int by_number(const void *a, const void *b, void *arg)
{
	const struct coro_enumerated *x = a, *y = b;
	int64_t i = *(const int64_t *)x->item, j = *(const int64_t *)y->item;
	(void)arg;
	return (i > j) - (i < j);
}

START_TEST(of_equals_the_first_is_the_smallest_and_the_largest)
{
	int64_t numbers[] = {2, 1, 3, 1, 3};
	struct coro_iterator *it = coro_iter_enumerate(coro_iter_array(numbers, 5, 8), 0);
	struct coro_enumerated best;
	ck_assert_int_eq(coro_iter_min(by_number, NULL, it, &best), 1);
	ck_assert_int_eq(best.index, 1);
	ck_assert_ptr_eq(best.item, &numbers[1]);
	it = coro_iter_enumerate(coro_iter_array(numbers, 5, 8), 0);
	ck_assert_int_eq(coro_iter_max(by_number, NULL, it, &best), 1);
	ck_assert_int_eq(best.index, 2);
}
END_TEST

START_TEST(numbers_are_compared_without_overflow)
{
	const int64_t numbers[] = {INT64_MAX, INT64_MIN, 0};
	int64_t result;
	ck_assert_int_eq(coro_iter_min(NULL, NULL, coro_iter_array(numbers, 3, 8), &result), 1);
	ck_assert_int_eq(result, INT64_MIN);
	ck_assert_int_eq(coro_iter_max(NULL, NULL, coro_iter_array(numbers, 3, 8), &result), 1);
	ck_assert_int_eq(result, INT64_MAX);
}
END_TEST

/* ---- a whole pipeline ---- */

static int never(const void *item, void *arg)
{
	(void)item;
	(void)arg;
	return 0;
}

static int end_pipeline(struct coro_iterator *it)
{
	it = coro_iter_chain(2, it, coro_iter_count(100, 1));
	it = coro_iter_islice(coro_iter_filter(is_even, NULL, it), 0, 6, 1);
	it = coro_iter_zip(2, it, coro_iter_cycle(coro_iter_repeat(&three, sizeof(three), 2)));
	struct coro_iterator *others = coro_iter_enumerate(coro_iter_count(1, 1), 0);
	others = coro_iter_map(number_item, NULL, sizeof(struct numbered), others);
	return coro_iter_any(never, NULL, coro_iter_zip(2, it, others));
}

START_TEST(pipeline_is_closed_whichever_adaptor_has_no_memory)
{
	for (unsigned long n = 1; fail_possible(); n++) {
		struct probe probe;
		struct coro_iterator *it = numbers(FROM_PROBE, 9, &probe);
		fail_nth(n);
		int r = end_pipeline(it);
		bool failed = fail_off();
		ck_assert_int_eq(probe.closed, 1);
		ck_assert_int_eq(r, failed ? -ENOMEM : 0);
		if (!failed) {
			ck_assert_uint_gt(n, 10);
			break;
		}
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, end_gives_what_pythons_gives, 0, ENDS);
	tcase_add_loop_test(tests, end_closes_the_pipeline_once_also_after_an_error, 0, ENDS);
	tcase_add_loop_test(tests, end_gives_a_failure_in_closing_but_an_earlier_one_first, 0,
			    ENDS);
	tcase_add_loop_test(tests, end_of_what_is_no_iterator_is_an_error, 0, ENDS);
	tcase_add_loop_test(tests, end_without_memory_says_so_and_closes_the_pipeline, 0, ENDS);

	tcase_add_test(tests, a_missing_argument_is_invalid_and_closes_the_pipeline);
	tcase_add_test(tests, end_passes_the_error_of_its_function_on);
	tcase_add_test(tests, without_a_predicate_what_is_not_zero_counts);
	tcase_add_test(tests, ends_read_no_further_than_they_must);

	tcase_add_test(tests, for_each_ends_when_its_function_says_so);
	tcase_add_test(tests, sum_does_not_overflow_in_silence);

	tcase_add_test(tests, collect_of_many_items_keeps_all);
	tcase_add_test(tests, collect_of_plain_pointers_gives_the_pointers);
	tcase_add_test(tests, what_was_collected_is_an_array_again);
	tcase_add_test(tests, collect_copies_items_that_point_into_an_array);
	tcase_add_test(tests, item_larger_than_memory_is_no_memory);
	tcase_add_test(tests, collect_refuses_items_that_point_to_what_does_not_last);
	tcase_add_test(tests, map_makes_items_that_can_be_collected);

	tcase_add_test(tests, ends_give_plain_pointers_as_they_are);
	tcase_add_test(tests, of_equals_the_first_is_the_smallest_and_the_largest);
	tcase_add_test(tests, numbers_are_compared_without_overflow);

	tcase_add_test(tests, pipeline_is_closed_whichever_adaptor_has_no_memory);
}

TEST_MAIN("reduce", add_tests)
