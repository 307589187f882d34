/* SPDX-License-Identifier: MIT */
/* CORO_SAVE_EXCEPTIONS of coroutines, by way of a stand-in for the C++ runtime. */
#include "coro/generator.h"
#include "exceptions.h"
#include "support.h"

#include <errno.h>

/* The exception whose catch block we are in. */
static void trace_caught(void)
{
	trace("%s", globals.caught ? globals.caught->name : "-");
}

static struct coro *make(coro_fn *fn, void *arg, unsigned flags)
{
	struct coro_options options = {.flags = flags};
	struct coro *co;
	ck_assert_int_eq(coro_create_with(&options, fn, arg, &co), 0);
	return co;
}

/* Yields inside of a catch block in a catch block. */
static int yield_in_catch(void *arg)
{
	struct cxx_exception outer, inner;
	trace_caught();
	catch_begin(&outer, arg);
	int r = coro_yield(NULL, NULL);
	trace_caught();
	catch_begin(&inner, "inner");
	if (r == 0)
		r = coro_yield(NULL, NULL);
	trace_caught();
	catch_end();
	trace_caught();
	catch_end();
	trace_caught();
	return r;
}

START_TEST(catch_blocks_of_two_coroutines_do_not_meet)
{
	struct coro *a = make(yield_in_catch, "a", CORO_SAVE_EXCEPTIONS);
	struct coro *b = make(yield_in_catch, "b", CORO_SAVE_EXCEPTIONS);
	for (int i = 0; i < 3; i++) {
		coro_resume(a, NULL, NULL);
		trace_caught();
		coro_resume(b, NULL, NULL);
		trace_caught();
	}
	ck_assert_trace("- - - - a - b - inner a - - inner b - -");
	ck_assert_int_eq(coro_destroy(a), 0);
	ck_assert_int_eq(coro_destroy(b), 0);
}
END_TEST

START_TEST(resumer_keeps_its_own_catch_block)
{
	struct cxx_exception mine;
	struct coro *co = make(yield_in_catch, "a", CORO_SAVE_EXCEPTIONS);
	coro_resume(co, NULL, NULL);
	catch_begin(&mine, "mine");
	coro_resume(co, NULL, NULL);
	trace_caught();
	catch_end();
	coro_resume(co, NULL, NULL);
	trace_caught();
	ck_assert_trace("- a mine inner a - -");
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(catch_block_is_left_in_closing)
{
	struct cxx_exception mine;
	struct coro *co = make(yield_in_catch, "a", CORO_SAVE_EXCEPTIONS);
	coro_resume(co, NULL, NULL);
	catch_begin(&mine, "mine");
	ck_assert_int_eq(coro_destroy(co), 0);
	trace_caught();
	catch_end();
	ck_assert_trace("- a inner a - mine");
}
END_TEST

START_TEST(next_on_the_stack_begins_without_a_catch_block)
{
	struct cxx_exception mine;
	for (int i = 0; i < 3; i++) {
		struct coro *co = make(yield_in_catch, "a", i == 1 ? 0 : CORO_SAVE_EXCEPTIONS);
		if (i == 0)
			catch_begin(&mine, "mine");
		for (int round = 0; round < 3; round++)
			coro_resume(co, NULL, NULL);
		if (i == 0)
			catch_end();
		ck_assert_trace("- a inner a -");
		ck_assert_int_eq(coro_destroy(co), 0);
	}
	trace_caught();
	ck_assert_trace("-");
}
END_TEST

static int yield_twice(void *arg)
{
	int r = coro_yield(NULL, NULL);
	return r < 0 ? r : coro_yield(NULL, NULL);
}

static int delegate_in_catch(void *arg)
{
	struct cxx_exception outer;
	catch_begin(&outer, "outer");
	int r = coro_yield_from(arg, NULL);
	trace_caught();
	catch_end();
	trace_caught();
	return r;
}

START_TEST(generator_may_delegate_inside_a_catch_block)
{
	for (int saves = 0; saves < 2; saves++) {
		struct cxx_exception mine;
		struct coro *inner = make(yield_twice, NULL, saves ? CORO_SAVE_EXCEPTIONS : 0);
		struct coro *g = make(delegate_in_catch, inner, CORO_SAVE_EXCEPTIONS);
		ck_assert_int_eq(coro_next(g, NULL), 1);
		trace_caught();
		catch_begin(&mine, "mine");
		ck_assert_int_eq(coro_next(g, NULL), 1);
		trace_caught();
		ck_assert_int_eq(_i ? coro_close(g) : coro_next(g, NULL), 0);
		trace_caught();
		catch_end();
		trace_caught();
		ck_assert_trace("- mine outer - mine -");
		ck_assert_int_eq(coro_destroy(g), 0);
		ck_assert_int_eq(coro_destroy(inner), 0);
	}
}
END_TEST

static int yield_of_another(void *arg)
{
	struct cxx_exception outer;
	void *ret = NULL;
	struct coro *a = make(yield_in_catch, "a", 0), *b = make(yield_in_catch, "b", 0);
	catch_begin(&outer, arg);
	for (int i = 0; i < 3; i++) {
		coro_next(a, NULL);
		trace_caught();
	}
	int r = coro_yield_from(b, &ret);
	trace_caught();
	catch_end();
	coro_destroy(a);
	coro_destroy(b);
	return r;
}

START_TEST(generators_of_a_body_that_saves_them_save_them_too)
{
	struct coro *g = make(yield_of_another, "mine", CORO_SAVE_EXCEPTIONS);
	ck_assert_int_eq(coro_next(g, NULL), 1);
	ck_assert_trace("- mine a mine inner a - mine -");
	trace_caught();
	ck_assert_int_eq(coro_next(g, NULL), 1);
	ck_assert_int_eq(coro_next(g, NULL), 0);
	trace_caught();
	ck_assert_trace("- b inner b - mine -");
	ck_assert_int_eq(coro_destroy(g), 0);
}
END_TEST

/* Yields in a destructor while an exception is on its way. */
static int yields_while_thrown(void *arg)
{
	ck_assert_uint_eq(globals.uncaught, 0);
	globals.uncaught = 2;
	int r = coro_yield(NULL, NULL);
	ck_assert_uint_eq(globals.uncaught, 2);
	globals.uncaught = 0;
	return r;
}

START_TEST(exceptions_on_their_way_are_each_coroutines_own)
{
	struct coro *co = make(yields_while_thrown, NULL, CORO_SAVE_EXCEPTIONS);
	globals.uncaught = 1;
	ck_assert_int_ge(coro_resume(co, NULL, NULL), 0);
	ck_assert_uint_eq(globals.uncaught, 1);
	ck_assert_int_ge(coro_resume(co, NULL, NULL), 0);
	ck_assert_uint_eq(globals.uncaught, 1);
	ck_assert_int_eq(coro_destroy(co), 0);
	globals.uncaught = 0;
}
END_TEST

static int yields_and_fails(void *arg)
{
	ck_assert_int_eq(coro_yield(arg, NULL), 0);
	ck_assert_int_eq(coro_yield(arg, NULL), 0);
	return -EIO;
}

static int delegates_to(void *inner)
{
	int r = coro_yield_from(inner, NULL);
	trace("%d", r);
	return r;
}

/* The delegate is under way: its yield has a result, and so has the delegation. */
START_TEST(results_go_both_ways_where_exceptions_are_saved)
{
	void *item = NULL;
	struct coro *inner = make(yields_and_fails, "item", 0);
	struct coro *outer = make(delegates_to, inner, CORO_SAVE_EXCEPTIONS);
	ck_assert_int_eq(coro_next(inner, &item), 1);
	ck_assert_int_eq(coro_next(outer, &item), 1);
	ck_assert_str_eq(item, "item");
	ck_assert_int_eq(coro_next(outer, &item), -EIO);
	char expected[16];
	snprintf(expected, sizeof(expected), "%d", -EIO);
	ck_assert_trace(expected);
	ck_assert_int_eq(coro_destroy(outer), 0);
	ck_assert_int_eq(coro_destroy(inner), 0);
}
END_TEST

START_TEST(who_saves_none_has_its_resumers_and_so_has_its_delegate)
{
	struct cxx_exception mine;
	struct coro *inner = make(yield_in_catch, "a", 0);
	struct coro *outer = make(delegates_to, inner, 0);
	catch_begin(&mine, "mine");
	ck_assert_int_eq(coro_next(outer, NULL), 1);
	ck_assert_trace("mine");
	trace_caught();
	ck_assert_trace("a");
	while (coro_next(outer, NULL) > 0)
		;
	ck_assert_trace("a inner a mine 0");
	catch_end();
	ck_assert_int_eq(coro_destroy(outer), 0);
	ck_assert_int_eq(coro_destroy(inner), 0);
}
END_TEST

START_TEST(who_saves_them_does_so_under_one_that_does_not)
{
	struct coro *inner = make(yield_in_catch, "a", CORO_SAVE_EXCEPTIONS);
	struct coro *outer = make(delegates_to, inner, 0);
	ck_assert_int_eq(coro_next(outer, NULL), 1);
	trace_caught();
	ck_assert_trace("- -");
	while (coro_next(outer, NULL) > 0)
		trace_caught();
	ck_assert_trace("a - inner a - 0");
	ck_assert_int_eq(coro_destroy(outer), 0);
	ck_assert_int_eq(coro_destroy(inner), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, catch_blocks_of_two_coroutines_do_not_meet);
	tcase_add_test(tests, resumer_keeps_its_own_catch_block);
	tcase_add_test(tests, catch_block_is_left_in_closing);
	tcase_add_test(tests, next_on_the_stack_begins_without_a_catch_block);
	tcase_add_test(tests, generators_of_a_body_that_saves_them_save_them_too);
	tcase_add_loop_test(tests, generator_may_delegate_inside_a_catch_block, 0, 2);
	tcase_add_test(tests, results_go_both_ways_where_exceptions_are_saved);
	tcase_add_test(tests, exceptions_on_their_way_are_each_coroutines_own);
	tcase_add_test(tests, who_saves_none_has_its_resumers_and_so_has_its_delegate);
	tcase_add_test(tests, who_saves_them_does_so_under_one_that_does_not);
}

TEST_MAIN("exception", add_tests)
