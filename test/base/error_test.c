/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "coro/base.h"
#include "fail_alloc.h"
#include "support.h"

#include <errno.h>
#include <limits.h>
#include <wchar.h>

static struct failure *CORO_PRINTF(3, 4) make(int error, const char *site, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	struct failure *failure = failure_create(error, site, format, args);
	va_end(args);
	return failure;
}

START_TEST(every_error_has_a_message)
{
	ck_assert_str_eq(coro_strerror(-ENOENT), strerror(ENOENT));
	ck_assert_str_eq(coro_strerror(ENOENT), strerror(ENOENT));
	ck_assert_str_eq(coro_strerror(0), strerror(0));
	ck_assert_str_ne(coro_strerror(-4095), "");
	ck_assert_str_eq(coro_strerror(CORO_EXIT), "Asked to leave");
	ck_assert_str_eq(coro_strerror(-CORO_EXIT), "Asked to leave");
	ck_assert_str_eq(coro_strerror(CORO_UNTRUSTED), "Certificate not accepted");
	ck_assert_str_eq(coro_strerror(-8191), "Unknown error");
	ck_assert_str_eq(coro_strerror(CORO_USER_ERROR + 1), "Unknown error");
	ck_assert_str_eq(coro_strerror(CORO_USER_ERROR), "Error of the program");
	ck_assert_str_eq(coro_strerror(CORO_USER_ERROR - 77), "Error of the program");
	ck_assert_str_eq(coro_strerror(INT_MIN), "Error of the program");
	ck_assert_str_eq(coro_strerror(INT_MAX), "Error of the program");
}
END_TEST

START_TEST(the_text_of_an_error_is_not_allocated)
{
	if (!fail_possible())
		skip_test("allocations are not counted here");
	fail_nth(0);
	for (int error = 0; error < 200; error++)
		coro_strerror(-error);
	coro_strerror(-4095);
	unsigned long count = fail_count();
	fail_off();
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(version_is_that_of_the_header)
{
	char text[32];
	snprintf(text, sizeof(text), "%d.%d.%d", CORO_VERSION_MAJOR, CORO_VERSION_MINOR,
		 CORO_VERSION_PATCH);
	ck_assert_str_eq(coro_version(), text);
}
END_TEST

START_TEST(here_is_file_and_line)
{
	char text[256];
	snprintf(text, sizeof(text), "%s:%d", __FILE__, __LINE__ + 1);
	ck_assert_str_eq(CORO_HERE, text);
}
END_TEST

START_TEST(failure_carries_code_message_and_place)
{
	struct failure *failure = make(-EIO, "here:1", "%s number %d", "disk", 3);
	ck_assert_int_eq(failure->error, -EIO);
	ck_assert_str_eq(failure->site, "here:1");
	ck_assert_str_eq(failure->message, "disk number 3");
	failure_unref(failure);
}
END_TEST

START_TEST(message_may_be_of_any_length_or_none)
{
	struct failure *failure = make(-EIO, NULL, "%*d", 100000, 1);
	ck_assert_uint_eq(strlen(failure->message), 100000);
	failure_unref(failure);
	failure = make(-EIO, NULL, "%s", "");
	ck_assert_str_eq(failure->message, "");
	failure_unref(failure);
	static const wchar_t no_character[] = {0x7fffffff, 0};
	ck_assert_ptr_null(make(-EIO, NULL, "%ls", no_character));
}
END_TEST

START_TEST(failure_lives_until_the_last_lets_go)
{
	struct failure *failure = make(-EIO, NULL, "%s", "shared");
	ck_assert_ptr_eq(failure_ref(failure), failure);
	failure_unref(failure);
	ck_assert_str_eq(failure->message, "shared");
	failure_unref(failure);
	ck_assert_ptr_null(failure_ref(NULL));
	failure_unref(NULL);
}
END_TEST

START_TEST(without_memory_there_is_no_failure)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	fail_nth(1);
	struct failure *failure = make(-EIO, NULL, "%s", "words");
	ck_assert(fail_off());
	ck_assert_ptr_null(failure);
}
END_TEST

START_TEST(durations_are_given_in_the_largest_unit_that_fits)
{
	char text[DURATION_SIZE];
	ck_assert_str_eq(duration_text(text, 50 * CORO_MSEC), "50 ms");
	ck_assert_str_eq(duration_text(text, 1500 * CORO_MSEC), "1.5 s");
	ck_assert_str_eq(duration_text(text, 2 * CORO_USEC), "2 us");
	ck_assert_str_eq(duration_text(text, 999), "999 ns");
	ck_assert_str_eq(duration_text(text, 0), "0 ns");
	ck_assert_str_eq(duration_text(text, 1005 * CORO_MSEC), "1.005 s");
	ck_assert_str_eq(duration_text(text, 1999999), "1.999 ms");
	ck_assert_str_eq(duration_text(text, 1000001), "1 ms");
	ck_assert_str_eq(duration_text(text, 86400 * CORO_SEC), "86400 s");
	ck_assert_ptr_nonnull(duration_text(text, INT64_MAX));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, every_error_has_a_message);
	tcase_add_test(tests, the_text_of_an_error_is_not_allocated);
	tcase_add_test(tests, version_is_that_of_the_header);
	tcase_add_test(tests, here_is_file_and_line);
	tcase_add_test(tests, failure_carries_code_message_and_place);
	tcase_add_test(tests, message_may_be_of_any_length_or_none);
	tcase_add_test(tests, failure_lives_until_the_last_lets_go);
	tcase_add_test(tests, without_memory_there_is_no_failure);
	tcase_add_test(tests, durations_are_given_in_the_largest_unit_that_fits);
}

TEST_MAIN("error", add_tests)
