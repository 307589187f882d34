/* SPDX-License-Identifier: MIT */
/* Typed views, of types that could be taken for names of the library's own. */
#include "support.h"

#include "core/views.h"

#include <errno.h>

static int yield_items(void *sum)
{
	item one = {7}, two = {8};
	(void)sum;
	int result = items_yield(&one);
	return result < 0 ? result : items_yield(&two);
}

START_TEST(generator_gives_its_items)
{
	struct coro *made;
	item *got = NULL;
	ck_assert_int_eq(items_create(yield_items, NULL, &made), 0);
	ck_assert_int_eq(items_next(made, &got), 1);
	ck_assert_int_eq(got->n, 7);
	ck_assert_int_eq(items_next(made, NULL), 1);
	item *last = got;
	ck_assert_int_eq(items_next(made, &got), 0);
	ck_assert_ptr_eq(got, last);
	ck_assert_int_eq(items_destroy(made), 0);
}
END_TEST

static int yield_text(void *text)
{
	return texts_yield(text);
}

START_TEST(generator_of_what_is_constant)
{
	struct coro *made;
	const char *got = NULL;
	ck_assert_int_eq(texts_create(yield_text, (void *)"text", &made), 0);
	ck_assert_int_eq(texts_next(made, &got), 1);
	ck_assert_str_eq(got, "text");
	ck_assert_int_eq(texts_destroy(made), 0);
}
END_TEST

START_TEST(iterator_gives_its_items)
{
	it numbers[] = {3, 4}, *got;
	struct coro_iterator *over = its_iter_array(numbers, 2);
	ck_assert_int_eq(its_iter_next(over, &got), 1);
	ck_assert_ptr_eq(got, &numbers[0]);
	ck_assert_int_eq(its_iter_next(over, &got), 1);
	ck_assert_int_eq(its_iter_next(over, &got), 0);
	ck_assert_ptr_eq(got, &numbers[1]);
	ck_assert_int_eq(coro_iter_close(over), 0);

	struct coro *made;
	item *first = NULL;
	ck_assert_int_eq(items_create(yield_items, NULL, &made), 0);
	over = items_iter_generator(made);
	ck_assert_int_eq(items_iter_next(over, &first), 1);
	ck_assert_int_eq(first->n, 7);
	ck_assert_int_eq(coro_iter_close(over), 0);
}
END_TEST

START_TEST(channel_hands_its_items_over)
{
	struct coro_channel *made;
	ret got = 0;
	ck_assert_int_eq(ret_channels_create(1, &made), 0);
	ck_assert_int_eq(ret_channels_try_send(made, 42), 0);
	ck_assert_int_eq(ret_channels_try_send(made, 43), -EAGAIN);
	ck_assert_int_eq(ret_channels_try_receive(made, &got), 0);
	ck_assert_int_eq(got, 42);
	ck_assert_int_eq(coro_channel_destroy(made), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, generator_gives_its_items);
	tcase_add_test(tests, generator_of_what_is_constant);
	tcase_add_test(tests, iterator_gives_its_items);
	tcase_add_test(tests, channel_hands_its_items_over);
}

TEST_MAIN("views", add_tests)
