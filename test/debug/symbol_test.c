/* SPDX-License-Identifier: MIT */
/* The names of functions. */
#include "support.h"

#include "base/text.h"
#include "debug/symbol.h"
#include "fail_call.h"

#include <errno.h>
#include <sys/mman.h>

static int __attribute__((noinline)) own(int n)
{
	return n + n / 3;
}

static const char *name_of(const void *code, void (*add)(struct text *text, const void *code))
{
	static char chars[256];
	struct text text = {chars, sizeof(chars), 0};
	add(&text, code);
	return chars;
}

static volatile int sink;

#define OWN ((const char *)(uintptr_t)own)

/* Objects are known by their files where there is /proc. */
static bool knows_files(void)
{
	return strchr(name_of(OWN, symbol_add), '(');
}

START_TEST(function_is_named_with_its_file)
{
	if (!knows_files())
		skip_test("no object files here");
	ck_assert_str_eq(name_of(OWN, symbol_add), "own (symbol_test)");
	ck_assert_str_eq(name_of(OWN + 2, symbol_add), "own+0x2 (symbol_test)");
	ck_assert_ptr_nonnull(strstr(name_of((const void *)(uintptr_t)getpid, symbol_add), "("));
}
END_TEST

/* A call that is the last of its function returns to the first instruction of the next. */
START_TEST(caller_is_the_function_before_its_return_address)
{
	if (!knows_files())
		skip_test("no object files here");
	ck_assert_str_eq(name_of(OWN + 1, symbol_add_caller), "own+0x1 (symbol_test)");
	ck_assert_ptr_null(strstr(name_of(OWN, symbol_add_caller), "own "));
}
END_TEST

START_TEST(code_without_a_name_is_an_address)
{
	if (!knows_files())
		skip_test("no object files here");
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char address[32];
	snprintf(address, sizeof(address), "%#jx", (uintmax_t)(uintptr_t)page);
	ck_assert_str_eq(name_of(page, symbol_add), address);
	munmap(page, 4096);
	ck_assert_str_eq(name_of((void *)16, symbol_add), "0x10");
}
END_TEST

START_TEST(file_that_cannot_be_read_leaves_the_offset)
{
	if (!knows_files())
		skip_test("no object files here");
	static const char *const calls[] = {"open", "pread"};
	for (int i = 0; i < 2; i++) {
		fail_calls_from(calls[i], 1, EACCES);
		const char *name = name_of(OWN, symbol_add);
		ck_assert(fail_call_off());
		ck_assert_ptr_eq(strstr(name, "0x"), name);
		ck_assert_ptr_nonnull(strstr(name, " (symbol_test)"));
	}
	for (unsigned long n = 2; n < 100; n++) { /* each read in turn; some have an alternative */
		fail_calls_from("pread", n, EIO);
		const char *name = name_of(OWN, symbol_add);
		if (!fail_call_off())
			return;
		ck_assert_ptr_nonnull(strstr(name, " (symbol_test)"));
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	sink = own(3);
	tcase_add_test(tests, function_is_named_with_its_file);
	tcase_add_test(tests, caller_is_the_function_before_its_return_address);
	tcase_add_test(tests, code_without_a_name_is_an_address);
	tcase_add_test(tests, file_that_cannot_be_read_leaves_the_offset);
}

TEST_MAIN("symbol", add_tests)
