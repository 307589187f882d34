/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include "support.h"

START_TEST(pieces_follow_one_another)
{
	char chars[32];
	struct text text = {chars, sizeof(chars), 0};
	text_add(&text, "task %d", 7);
	text_add(&text, ", %s", "ready");
	ck_assert_str_eq(chars, "task 7, ready");
	ck_assert_uint_eq(text.length, strlen(chars));
}
END_TEST

START_TEST(what_does_not_fit_is_left_out)
{
	char chars[8];
	struct text text = {chars, sizeof(chars), 0};
	text_add(&text, "%s", "1234567");
	ck_assert_str_eq(chars, "1234567");
	text_add(&text, "89");
	ck_assert_str_eq(chars, "1234567");
	ck_assert_uint_eq(text.length, 7);

	text.length = 0;
	text_add(&text, "%s", "123");
	text_add(&text, "%s", "456789");
	ck_assert_str_eq(chars, "1234567");
	ck_assert_uint_eq(text.length, 7);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, pieces_follow_one_another);
	tcase_add_test(tests, what_does_not_fit_is_left_out);
}

TEST_MAIN("text", add_tests)
