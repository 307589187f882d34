/* SPDX-License-Identifier: MIT */
/* The iterator protocol and its sources. */
#include "coro/defer.h"
#include "fail_alloc.h"
#include "numbers.h"
#include "support.h"

/* ---- the protocol ---- */

START_TEST(only_what_has_a_next_is_an_iterator)
{
	struct coro_iterator bare = {0};
	struct probe probe = probe_of(1);
	ck_assert(!coro_iter_check(NULL));
	ck_assert(!coro_iter_check(&bare));
	ck_assert(coro_iter_check(&probe.iterator));
	ck_assert_int_eq(coro_iter_next(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_iter_next(&bare, NULL), -EINVAL);
}
END_TEST

START_TEST(next_keeps_value_end_and_error_apart)
{
	struct probe probe = probe_of(1);
	void *item = NULL;
	ck_assert_int_eq(coro_iter_next(&probe.iterator, &item), 1);
	ck_assert_int_eq(*(int64_t *)item, 1);
	ck_assert_int_eq(coro_iter_next(&probe.iterator, &item), 0);

	probe = probe_of(0);
	probe.error = -EIO;
	ck_assert_int_eq(coro_iter_next(&probe.iterator, &item), -EIO);
	ck_assert_int_eq(coro_iter_next(&probe.iterator, &item), 0);
}
END_TEST

START_TEST(next_may_skip_an_item)
{
	struct coro_iterator *it = coro_iter_range(0, 3, 1);
	ck_assert_int_eq(coro_iter_next(it, NULL), 1);
	ck_assert_str_eq(text_and_close(it, show_number, 9), "1 2.");
}
END_TEST

START_TEST(close_gives_back_what_close_of_the_type_returns)
{
	struct probe probe = probe_of(1);
	probe.close_error = -EIO;
	ck_assert_int_eq(coro_iter_close(&probe.iterator), -EIO);
	ck_assert_int_eq(probe.closed, 1);
	probe.iterator.close = NULL;
	ck_assert_int_eq(coro_iter_close(&probe.iterator), 0);
	ck_assert_int_eq(coro_iter_close(NULL), 0);
}
END_TEST

START_TEST(what_could_not_be_made_gives_its_error_and_may_be_closed)
{
	struct coro_iterator *it = invalid();
	ck_assert_ptr_nonnull(it);
	ck_assert(coro_iter_check(it));
	ck_assert_str_eq(text_of(it, show_number, 9), "error -22");
	ck_assert_str_eq(text_and_close(it, show_number, 9), "error -22");
}
END_TEST

/* ---- arrays and strings ---- */

START_TEST(array_gives_pointers_into_it)
{
	int64_t array[] = {4, 7, 0, 3};
	struct coro_iterator *it = coro_iter_array(array, 4, sizeof(*array));
	void *item;
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(coro_iter_next(it, &item), 1);
		ck_assert_ptr_eq(item, &array[i]);
	}
	ck_assert_int_eq(coro_iter_next(it, &item), 0);
	ck_assert_int_eq(coro_iter_next(it, &item), 0);
	ck_assert_int_eq(coro_iter_close(it), 0);
}
END_TEST

START_TEST(array_of_pointers_gives_the_pointers)
{
	const char *names[] = {"b", "a", NULL};
	struct coro_iterator *it = coro_iter_array(names, 3, 0);
	void *item;
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_iter_next(it, &item), 1);
		ck_assert_ptr_eq(item, names[i]);
	}
	ck_assert_int_eq(coro_iter_next(it, &item), 0);
	ck_assert_int_eq(coro_iter_close(it), 0);
}
END_TEST

START_TEST(array_may_be_empty_but_not_missing)
{
	int64_t array[1] = {1};
	ck_assert_int_eq(error_of(coro_iter_array(array, 0, sizeof(*array))), 0);
	ck_assert_int_eq(error_of(coro_iter_array(NULL, 0, 8)), 0);
	ck_assert_int_eq(error_of(coro_iter_array(NULL, 1, 8)), -EINVAL);
	ck_assert_int_eq(error_of(coro_iter_array(array, 1, CORO_NOCOPY)), -EINVAL);
}
END_TEST

START_TEST(string_gives_its_bytes)
{
	ck_assert_str_eq(text_and_close(coro_iter_string("caf\303\251"), show_letter, 9),
			 "c a f \303 \251.");
	ck_assert_str_eq(text_and_close(coro_iter_string(""), show_letter, 9), ".");
	ck_assert_int_eq(error_of(coro_iter_string(NULL)), -EINVAL);
}
END_TEST

/* ---- numbers ---- */

START_TEST(range_is_pythons)
{
	static const struct {
		int64_t start, stop, step;
		const char *text;
	} rows[] = {
		{0, 5, 1, "0 1 2 3 4."},
		{0, 5, 2, "0 2 4."},
		{1, 5, 2, "1 3."},
		{5, 0, -2, "5 3 1."},
		{5, -1, -2, "5 3 1."},
		{0, 0, 1, "."},
		{3, 0, 1, "."},
		{0, 3, -1, "."},
		{-2, 3, 2, "-2 0 2."},
		{0, 1, INT64_MAX, "0."},
		{0, -1, INT64_MIN, "0."},
		{INT64_MAX - 1, INT64_MAX, 5, "9223372036854775806."},
		{INT64_MIN, INT64_MAX, INT64_MAX, "-9223372036854775808 -1 9223372036854775806."},
		{INT64_MAX, INT64_MIN, INT64_MIN, "9223372036854775807 -1."},
		{INT64_MIN + 1, INT64_MIN, -1, "-9223372036854775807."},
		{INT64_MIN, INT64_MAX, 1, "-9223372036854775808 -9223372036854775807"},
	};
	const char *text;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int most = strchr(rows[i].text, '.') ? 9 : 2;
		text = text_and_close(coro_iter_range(rows[i].start, rows[i].stop, rows[i].step),
				      show_number, most);
		ck_assert_str_eq(text, rows[i].text);
	}
	ck_assert_int_eq(error_of(coro_iter_range(0, 1, 0)), -EINVAL);
}
END_TEST

START_TEST(count_goes_on_until_there_are_no_more_numbers)
{
	ck_assert_str_eq(text_and_close(coro_iter_count(0, 1), show_number, 4), "0 1 2 3");
	ck_assert_str_eq(text_and_close(coro_iter_count(10, -5), show_number, 4), "10 5 0 -5");
	ck_assert_str_eq(text_and_close(coro_iter_count(7, 0), show_number, 3), "7 7 7");
	struct coro_iterator *it = coro_iter_count(INT64_MAX - 1, 1);
	ck_assert_str_eq(text_of(it, show_number, 9),
			 "9223372036854775806 9223372036854775807 error -" NUMBER(EOVERFLOW));
	ck_assert_str_eq(text_and_close(it, show_number, 9), ".");
	ck_assert_str_eq(text_and_close(coro_iter_count(INT64_MIN, -1), show_number, 9),
			 "-9223372036854775808 error -" NUMBER(EOVERFLOW));
}
END_TEST

START_TEST(writing_to_an_item_does_not_disturb_the_numbers)
{
	struct coro_iterator *its[] = {coro_iter_range(0, 9, 1), coro_iter_count(0, 1)};
	for (int i = 0; i < 2; i++) {
		void *item;
		ck_assert_int_eq(coro_iter_next(its[i], &item), 1);
		*(int64_t *)item = 100;
		ck_assert_str_eq(text_and_close(its[i], show_number, 2), "1 2");
	}
}
END_TEST

/* ---- repeat ---- */

START_TEST(repeat_gives_a_copy_n_times)
{
	int64_t item = 17;
	struct coro_iterator *it = coro_iter_repeat(&item, sizeof(item), 3);
	item = SPOILT;
	ck_assert_str_eq(text_of(it, show_number, 9), "17 17 17.");
	ck_assert_str_eq(text_and_close(it, show_number, 9), ".");
	ck_assert_int_eq(error_of(coro_iter_repeat(&item, sizeof(item), 0)), 0);
}
END_TEST

START_TEST(repeat_of_a_negative_number_does_not_end)
{
	int64_t item = 17;
	struct coro_iterator *it = coro_iter_repeat(&item, sizeof(item), -1);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(coro_iter_next(it, NULL), 1);
	coro_iter_close(it);
}
END_TEST

START_TEST(repeat_gives_plain_pointers_as_they_are)
{
	void *item;
	struct coro_iterator *it = coro_iter_repeat("a", 0, 1);
	ck_assert_int_eq(coro_iter_next(it, &item), 1);
	ck_assert_str_eq(item, "a");
	coro_iter_close(it);
	it = coro_iter_repeat(NULL, 0, 1);
	ck_assert_int_eq(coro_iter_next(it, &item), 1);
	ck_assert_ptr_null(item);
	coro_iter_close(it);
	ck_assert_int_eq(error_of(coro_iter_repeat(NULL, 8, 1)), -EINVAL);
	ck_assert_int_eq(error_of(coro_iter_repeat("a", CORO_NOCOPY, 1)), -EINVAL);
	ck_assert_int_eq(error_of(coro_iter_repeat("a", CORO_NOCOPY - 8, 1)), -ENOMEM);
}
END_TEST

/* ---- generators ---- */

/* How the generator below ended. */
static struct {
	int started, left;
	int error; /* what to leave with when asked to */
	bool stubborn;
} body;

static int yield_then_clean_up(void *arg)
{
	int64_t item = *(int64_t *)arg;
	body.started++;
	int r = coro_yield(&item, NULL);
	while (body.stubborn)
		r = coro_yield(&item, NULL);
	body.left++;
	return r == CORO_EXIT ? body.error : r;
}

static struct coro *generator_of(coro_fn *fn, void *arg)
{
	struct coro *generator;
	memset(&body, 0, sizeof(body));
	ck_assert_int_eq(coro_create(fn, arg, &generator), 0);
	return generator;
}

START_TEST(generator_is_destroyed_by_close)
{
	int64_t item = 5;
	struct coro_iterator *it = coro_iter_generator(generator_of(yield_then_clean_up, &item), 8);
	ck_assert_int_eq(body.started, 0);
	ck_assert_str_eq(text_of(it, show_number, 1), "5");
	ck_assert_int_eq(body.left, 0);
	ck_assert_int_eq(coro_iter_close(it), 0);
	ck_assert_int_eq(body.left, 1);
}
END_TEST

START_TEST(generator_that_never_started_is_destroyed_too)
{
	struct coro_iterator *it = coro_iter_generator(generator_of(yield_then_clean_up, NULL), 8);
	ck_assert_int_eq(coro_iter_close(it), 0);
	ck_assert_int_eq(body.started, 0);
}
END_TEST

START_TEST(generators_failure_in_closing_is_returned)
{
	int64_t item = 5;
	struct coro_iterator *it = coro_iter_generator(generator_of(yield_then_clean_up, &item), 8);
	body.error = -EIO;
	coro_iter_next(it, NULL);
	ck_assert_int_eq(coro_iter_close(it), -EIO);
}
END_TEST

START_TEST(generator_that_does_not_leave_is_the_callers_again)
{
	int64_t item = 5;
	struct coro *generator = generator_of(yield_then_clean_up, &item);
	struct coro_iterator *it = coro_iter_generator(generator, 8);
	body.stubborn = true;
	coro_iter_next(it, NULL);
	ck_assert_int_eq(coro_iter_close(it), -EPROTO);
	body.stubborn = false;
	ck_assert_int_eq(coro_state(generator), CORO_SUSPENDED);
	ck_assert_int_eq(coro_destroy(generator), 0);
}
END_TEST

static void count_up(void *count)
{
	++*(int *)count;
}

/* Leaves at the n-th time that it is asked. */
struct stubborn {
	int asked, leaves_at, deferred;
	struct coro *inner; /* delegates to it; NULL: does it itself */
	struct coro_iterator *it;
	int closed;
};

static int yields_when_closed(void *arg)
{
	struct stubborn *stubborn = arg;
	int64_t item = 5;
	coro_defer(count_up, &stubborn->deferred);
	if (stubborn->inner)
		return coro_yield_from(stubborn->inner, NULL);
	while (stubborn->asked < stubborn->leaves_at)
		stubborn->asked += coro_yield(&item, NULL) < 0;
	return CORO_EXIT;
}

START_TEST(an_iterators_generator_that_does_not_leave_is_not_lost)
{
	struct stubborn patient = {.leaves_at = 3}, never = {.leaves_at = INT32_MAX};
	struct stubborn *each[] = {&patient, &never};
	for (int i = 0; i < 2; i++) {
		struct coro_iterator *it = coro_iter_generate(yields_when_closed, each[i], 8);
		ck_assert_int_eq(coro_iter_next(it, NULL), 1);
		ck_assert_int_eq(coro_iter_close(it), -EPROTO);
		ck_assert_int_eq(each[i]->deferred, 1);
		ck_assert_uint_eq(stacks_in_use(), 0);
	}
	ck_assert_int_eq(patient.asked, 3);
}
END_TEST

START_TEST(generator_that_delegates_and_does_not_leave_is_not_lost)
{
	struct stubborn inner = {.leaves_at = INT32_MAX}, outer = {0};
	outer.inner = generator_of(yields_when_closed, &inner);
	struct coro_iterator *it = coro_iter_generate(yields_when_closed, &outer, 8);
	ck_assert_int_eq(coro_iter_next(it, NULL), 1);
	ck_assert_int_eq(coro_iter_close(it), -EPROTO);
	ck_assert_int_eq(outer.deferred + inner.deferred, 2);
	ck_assert_uint_eq(stacks_in_use(), 0);
	ck_assert_int_eq(coro_state(outer.inner), CORO_DONE);
	ck_assert_int_eq(coro_destroy(outer.inner), 0);
}
END_TEST

static int closes_itself(void *arg)
{
	struct stubborn *self = arg;
	int64_t item = 5;
	self->closed = coro_iter_close(self->it);
	return coro_yield(&item, NULL);
}

START_TEST(generator_that_closes_its_own_iterator_is_not_lost)
{
	struct stubborn self = {0};
	self.it = coro_iter_generate(closes_itself, &self, 8);
	ck_assert_int_eq(coro_iter_next(self.it, NULL), 1);
	ck_assert_int_eq(self.closed, -EBUSY);
	ck_assert_int_eq(coro_iter_close(self.it), 0);
	ck_assert_uint_eq(stacks_in_use(), 0);
}
END_TEST

static int yield_then_fail(void *arg)
{
	int64_t item = 5;
	(void)arg;
	coro_yield(&item, NULL);
	return -EIO;
}

START_TEST(generators_failure_is_an_error_and_then_the_end)
{
	struct coro_iterator *it = coro_iter_generate(yield_then_fail, NULL, 8);
	ck_assert_str_eq(text_of(it, show_number, 9), "5 error -5");
	ck_assert_str_eq(text_and_close(it, show_number, 9), ".");
}
END_TEST

START_TEST(generators_return_value_is_no_item)
{
	/* yield_numbers returns a value; text_of sees that the item is untouched at the end. */
	struct probe probe = probe_of(3);
	struct coro_iterator *it = generated(&probe);
	ck_assert_str_eq(text_of(it, show_number, 9), "1 2 3.");
	ck_assert_str_eq(text_and_close(it, show_number, 9), ".");
}
END_TEST

static int yield_from_below(int64_t depth)
{
	if (depth == 0)
		return 0;
	int r = coro_yield(&depth, NULL);
	return r < 0 ? r : yield_from_below(depth - 1);
}

static int yield_from_any_depth(void *arg)
{
	(void)arg;
	return yield_from_below(4);
}

START_TEST(generator_may_yield_from_any_depth_of_calls)
{
	struct coro_iterator *it = coro_iter_generate(yield_from_any_depth, NULL, 8);
	ck_assert_str_eq(text_and_close(it, show_number, 9), "4 3 2 1.");
}
END_TEST

/* A generator that drives a pipeline over another one. */
static int yield_evens(void *arg)
{
	struct coro_iterator *it = coro_iter_filter(is_even, NULL, generated(arg));
	void *item;
	int r;
	while ((r = coro_iter_next(it, &item)) > 0) {
		r = coro_yield(item, NULL);
		if (r < 0)
			break;
	}
	int closed = coro_iter_close(it);
	return r < 0 ? r : closed;
}

START_TEST(generators_and_iterators_nest)
{
	struct probe probe = probe_of(6);
	struct coro_iterator *it = coro_iter_generate(yield_evens, &probe, 8);
	ck_assert_str_eq(text_and_close(it, show_number, 9), "2 4 6.");
	ck_assert_int_eq(probe.closed, 1);
	probe = probe_of(6);
	it = coro_iter_generate(yield_evens, &probe, 8);
	ck_assert_str_eq(text_of(it, show_number, 1), "2");
	ck_assert_int_eq(coro_iter_close(it), 0);
	ck_assert_int_eq(probe.closed, 1);
	ck_assert_uint_eq(stacks_in_use(), 0);
}
END_TEST

START_TEST(generator_of_nothing_is_invalid)
{
	ck_assert_int_eq(error_of(coro_iter_generator(NULL, 8)), -EINVAL);
	ck_assert_int_eq(error_of(coro_iter_generate(NULL, NULL, 8)), -EINVAL);
}
END_TEST

/* ---- lending ---- */

START_TEST(borrowed_iterator_is_left_open)
{
	struct probe probe = probe_of(5);
	struct coro_iterator *it = coro_iter_borrow(&probe.iterator);
	ck_assert_str_eq(text_and_close(it, show_number, 2), "1 2");
	ck_assert_int_eq(probe.closed, 0);
	it = coro_iter_islice(coro_iter_borrow(&probe.iterator), 0, 2, 1);
	ck_assert_str_eq(text_and_close(it, show_number, 9), "3 4.");
	ck_assert_int_eq(probe.closed, 0);
	ck_assert_str_eq(text_of(&probe.iterator, show_number, 9), "5.");
}
END_TEST

START_TEST(borrowing_passes_errors_on)
{
	struct probe probe = probe_of(1);
	probe.error = -EIO;
	struct coro_iterator *it = coro_iter_borrow(&probe.iterator);
	ck_assert_str_eq(text_of(it, show_number, 9), "1 error -5");
	ck_assert_str_eq(text_and_close(it, show_number, 9), ".");
	ck_assert_int_eq(error_of(coro_iter_borrow(NULL)), -EINVAL);
	ck_assert_int_eq(error_of(coro_iter_borrow(invalid())), -EINVAL);
}
END_TEST

/* ---- a typed view ---- */

struct page {
	int number;
	const char *title;
};

CORO_ITERATOR(pages, struct page);

static int yield_pages(void *arg)
{
	struct page page = {1, arg};
	for (; page.number <= 2; page.number++) {
		int r = coro_yield(&page, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

START_TEST(typed_view_gives_the_type)
{
	char title[] = "one";
	struct page array[] = {{1, title}, {2, title}};
	struct coro_iterator *its[] = {
		pages_iter_array(array, 2),
		pages_iter_generator(generator_of(yield_pages, title)),
	};
	for (int i = 0; i < 2; i++) {
		struct page *page = NULL;
		ck_assert_uint_eq(its[i]->item_size, sizeof(*page));
		ck_assert_int_eq(pages_iter_next(its[i], NULL), 1);
		ck_assert_int_eq(pages_iter_next(its[i], &page), 1);
		ck_assert_int_eq(page->number, 2);
		ck_assert_str_eq(page->title, "one");
		ck_assert_int_eq(pages_iter_next(its[i], &page), 0);
		ck_assert_int_eq(coro_iter_close(its[i]), 0);
	}
}
END_TEST

/* ---- without memory ---- */

static const int64_t one = 1;
static struct probe probed;

static struct coro_iterator *make_array(void)
{
	return coro_iter_array(&one, 1, sizeof(one));
}

static struct coro_iterator *make_string(void)
{
	return coro_iter_string("a");
}

static struct coro_iterator *make_range(void)
{
	return coro_iter_range(0, 1, 1);
}

static struct coro_iterator *make_count(void)
{
	return coro_iter_count(0, 1);
}

static struct coro_iterator *make_repeat(void)
{
	return coro_iter_repeat(&one, sizeof(one), 1);
}

static struct coro_iterator *make_generator(void)
{
	probed = probe_of(1);
	return generated(&probed);
}

static struct coro_iterator *make_borrowed(void)
{
	probed = probe_of(1);
	return coro_iter_borrow(&probed.iterator);
}

static struct coro_iterator *(*const makers[])(void) = {
	make_array, make_string, make_range, make_count, make_repeat, make_generator, make_borrowed,
};

START_TEST(source_without_memory_says_so)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail");
	for (unsigned long n = 1;; n++) {
		fail_nth(n);
		struct coro_iterator *it = makers[_i]();
		int r = coro_iter_next(it, NULL);
		bool failed = fail_off();
		coro_iter_close(it);
		if (!failed) {
			ck_assert_int_eq(r, 1);
			ck_assert_uint_gt(n, 1);
			break;
		}
		/* A call that stacks can do without may fail unnoticed. */
		ck_assert(r == -ENOMEM || (makers[_i] == make_generator && r == 1));
	}
}
END_TEST

START_TEST(generator_without_memory_for_its_iterator_is_destroyed)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail");
	int64_t item = 5;
	struct coro *generator = generator_of(yield_then_clean_up, &item);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	fail_nth(1);
	struct coro_iterator *it = coro_iter_generator(generator, 8);
	ck_assert(fail_off());
	ck_assert_int_eq(body.left, 1);
	ck_assert_int_eq(error_of(it), -ENOMEM);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, only_what_has_a_next_is_an_iterator);
	tcase_add_test(tests, next_keeps_value_end_and_error_apart);
	tcase_add_test(tests, next_may_skip_an_item);
	tcase_add_test(tests, close_gives_back_what_close_of_the_type_returns);
	tcase_add_test(tests, what_could_not_be_made_gives_its_error_and_may_be_closed);

	tcase_add_test(tests, array_gives_pointers_into_it);
	tcase_add_test(tests, array_of_pointers_gives_the_pointers);
	tcase_add_test(tests, array_may_be_empty_but_not_missing);
	tcase_add_test(tests, string_gives_its_bytes);

	tcase_add_test(tests, range_is_pythons);
	tcase_add_test(tests, count_goes_on_until_there_are_no_more_numbers);
	tcase_add_test(tests, writing_to_an_item_does_not_disturb_the_numbers);

	tcase_add_test(tests, repeat_gives_a_copy_n_times);
	tcase_add_test(tests, repeat_of_a_negative_number_does_not_end);
	tcase_add_test(tests, repeat_gives_plain_pointers_as_they_are);

	tcase_add_test(tests, generator_is_destroyed_by_close);
	tcase_add_test(tests, generator_that_never_started_is_destroyed_too);
	tcase_add_test(tests, generators_failure_in_closing_is_returned);
	tcase_add_test(tests, generator_that_does_not_leave_is_the_callers_again);
	tcase_add_test(tests, an_iterators_generator_that_does_not_leave_is_not_lost);
	tcase_add_test(tests, generator_that_delegates_and_does_not_leave_is_not_lost);
	tcase_add_test(tests, generator_that_closes_its_own_iterator_is_not_lost);
	tcase_add_test(tests, generators_failure_is_an_error_and_then_the_end);
	tcase_add_test(tests, generators_return_value_is_no_item);
	tcase_add_test(tests, generator_may_yield_from_any_depth_of_calls);
	tcase_add_test(tests, generators_and_iterators_nest);
	tcase_add_test(tests, generator_of_nothing_is_invalid);

	tcase_add_test(tests, borrowed_iterator_is_left_open);
	tcase_add_test(tests, borrowing_passes_errors_on);

	tcase_add_test(tests, typed_view_gives_the_type);

	tcase_add_loop_test(tests, source_without_memory_says_so, 0,
			    sizeof(makers) / sizeof(*makers));
	tcase_add_test(tests, generator_without_memory_for_its_iterator_is_destroyed);
}

TEST_MAIN("iterator", add_tests)
