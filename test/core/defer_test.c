/* SPDX-License-Identifier: MIT */
/* Deferred calls of coroutines and generators; those of tasks are in test/task/defer_test.c. */
#include "coro/defer.h"

#include "coro/generator.h"
#include "fail_alloc.h"
#include "support.h"

#include <errno.h>
#include <stdint.h>

static struct coro *make(coro_fn *fn, void *arg)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(fn, arg, &co), 0);
	return co;
}

static void destroy(struct coro *co)
{
	ck_assert_int_eq(coro_destroy(co), 0);
}

static void say(void *word)
{
	trace("%s", (const char *)word);
}

static void defer(coro_callback *fn, void *arg)
{
	ck_assert_int_eq(coro_defer(fn, arg), 0);
}

/* ---- when, and in which order ---- */

static int defers_three(void *arg)
{
	defer(say, "first");
	defer(say, "second");
	defer(say, "third");
	trace("body");
	return 0;
}

START_TEST(deferred_calls_run_after_the_body_the_last_one_first)
{
	struct coro *co = make(defers_three, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	trace("resumer");
	ck_assert_trace("body third second first resumer");
	destroy(co);
}
END_TEST

static int deep(int depth)
{
	if (depth == 0)
		return defer(say, "deferred"), 0;
	int r = deep(depth - 1);
	trace("%d", depth);
	return r;
}

static int goes_deep(void *arg)
{
	int r = deep(2);
	trace("body");
	return r;
}

START_TEST(a_call_deferred_deep_down_is_for_the_end_of_the_body)
{
	struct coro *co = make(goes_deep, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_trace("1 2 body deferred");
	destroy(co);
}
END_TEST

static int yields_once(void *arg)
{
	defer(say, "deferred");
	return coro_yield(arg, NULL);
}

START_TEST(closing_a_generator_runs_what_it_deferred)
{
	struct coro *co = make(yields_once, NULL);
	ck_assert_int_eq(coro_next(co, NULL), 1);
	ck_assert_trace("");
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_trace("deferred");
	ck_assert_int_eq(coro_status(co), CORO_EXIT);
	destroy(co);
	ck_assert_trace("");
}
END_TEST

START_TEST(an_error_thrown_in_runs_what_was_deferred_and_comes_out)
{
	struct coro *co = make(yields_once, NULL);
	ck_assert_int_eq(coro_next(co, NULL), 1);
	ck_assert_int_eq(coro_throw(co, -EIO, NULL), -EIO);
	ck_assert_trace("deferred");
	destroy(co);
}
END_TEST

START_TEST(one_that_never_started_defers_nothing)
{
	struct coro *co = make(yields_once, NULL);
	destroy(co);
	ck_assert_trace("");
}
END_TEST

static void defers_more(void *arg)
{
	trace("more");
	defer(say, "last");
	defer(say, "next");
}

static int defers_in_deferred(void *arg)
{
	defer(say, "earlier");
	defer(defers_more, NULL);
	return 0;
}

START_TEST(what_a_deferred_call_defers_runs_next)
{
	struct coro *co = make(defers_in_deferred, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_trace("more next last earlier");
	destroy(co);
}
END_TEST

static int inner(void *arg)
{
	defer(say, "inner");
	return coro_yield(arg, NULL);
}

static int outer(void *arg)
{
	struct coro *generator = make(inner, arg);
	defer(say, "outer");
	int r = coro_next(generator, NULL);
	destroy(generator);
	trace("body");
	return r < 0 ? r : 0;
}

START_TEST(each_body_has_its_own)
{
	struct coro *co = make(outer, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_trace("inner body outer");
	destroy(co);
}
END_TEST

START_TEST(a_stack_that_is_used_again_has_nothing_deferred)
{
	for (int i = 0; i < 3; i++) {
		struct coro *co = make(i == 1 ? defers_three : yields_once, NULL);
		coro_resume(co, NULL, NULL);
		destroy(co);
	}
	ck_assert_trace("deferred body third second first deferred");
}
END_TEST

/* ---- what it may do ---- */

static void yields(void *value)
{
	trace("%d", coro_yield(value, NULL));
}

static int yields_in_deferred(void *arg)
{
	defer(say, "done");
	defer(yields, arg);
	return coro_yield(NULL, NULL);
}

START_TEST(a_deferred_call_may_yield)
{
	static int item;
	void *got = NULL;
	struct coro *co = make(yields_in_deferred, &item);
	ck_assert_int_eq(coro_next(co, NULL), 1);
	ck_assert_int_eq(coro_next(co, &got), 1);
	ck_assert_ptr_eq(got, &item);
	ck_assert_int_eq(coro_state(co), CORO_SUSPENDED);
	ck_assert_int_eq(coro_next(co, NULL), 0);
	ck_assert_trace("0 done");
	destroy(co);
}
END_TEST

START_TEST(one_that_yields_while_it_is_closed_has_not_left)
{
	struct coro *co = make(yields_in_deferred, NULL);
	ck_assert_int_eq(coro_next(co, NULL), 1);
	ck_assert_int_eq(coro_close(co), -EPROTO);
	ck_assert_trace("");
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_trace("-4096 done");
	destroy(co);
}
END_TEST

static int delegates(void *generator)
{
	int r = coro_yield_from(generator, NULL);
	trace("inner gave %d", r);
	return r;
}

START_TEST(the_consumer_of_a_chain_gets_the_inner_ones_last_items)
{
	static int item;
	void *got = NULL;
	struct coro *in = make(yields_in_deferred, &item), *out = make(delegates, in);
	ck_assert_int_eq(coro_next(out, NULL), 1);
	ck_assert_int_eq(coro_next(out, &got), 1);
	ck_assert_ptr_eq(got, &item);
	ck_assert_int_eq(coro_next(out, NULL), 0);
	ck_assert_trace("0 done inner gave 0");
	destroy(out);
	destroy(in);
}
END_TEST

START_TEST(closing_a_chain_runs_what_each_of_it_deferred)
{
	struct coro *in = make(inner, NULL), *out = make(delegates, in);
	ck_assert_int_eq(coro_next(out, NULL), 1);
	ck_assert_int_eq(coro_close(out), 0);
	ck_assert_trace("inner inner gave -4096");
	destroy(out);
	destroy(in);
}
END_TEST

/* ---- the result stays ---- */

static int raises(void *arg)
{
	return coro_raise(-EIO, "of the cleanup");
}

static void fails(void *error)
{
	struct coro *co = make(raises, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "of the cleanup");
	destroy(co);
	coro_raise(*(int *)error, "again");
	coro_return(error);
}

static int result;

static int fails_and_cleans_up(void *error)
{
	static int mine;
	defer(fails, error);
	coro_return(&mine);
	return result ? coro_raise(result, "of the body") : 0;
}

START_TEST(a_failure_keeps_its_message_whatever_the_cleanup_raises)
{
	int errors[] = {-EIO, -EINVAL, CORO_EXIT};
	for (int i = 0; i < 3; i++) {
		result = -EIO;
		struct coro *co = make(fails_and_cleans_up, &errors[i]);
		ck_assert_int_eq(coro_resume(co, NULL, NULL), -EIO);
		ck_assert_str_eq(coro_message(-EIO), "of the body");
		destroy(co);
	}
}
END_TEST

START_TEST(a_success_keeps_its_value_whatever_the_cleanup_returns)
{
	int error = -EIO;
	void *value = NULL;
	result = 0;
	struct coro *co = make(fails_and_cleans_up, &error);
	ck_assert_int_eq(coro_resume(co, NULL, &value), 0);
	ck_assert_ptr_ne(value, NULL);
	ck_assert_ptr_ne(value, &error);
	destroy(co);
}
END_TEST

static int without_words(void *arg)
{
	defer(fails, arg);
	return -EIO;
}

START_TEST(a_failure_without_a_message_does_not_get_the_cleanups)
{
	int error = -EIO;
	struct coro *co = make(without_words, &error);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), coro_strerror(-EIO));
	destroy(co);
}
END_TEST

/* ---- undefer ---- */

static int takes_back(void *arg)
{
	static char same[] = "same";
	defer(say, same);
	defer(say, "middle");
	defer(say, same);
	defer(say, "top");
	ck_assert_int_eq(coro_undefer(say, same), 0);
	ck_assert_int_eq(coro_undefer(fails, same), -ENOENT);
	ck_assert_int_eq(coro_undefer(say, NULL), -ENOENT);
	return 0;
}

START_TEST(undefer_takes_back_the_last_of_its_kind)
{
	struct coro *co = make(takes_back, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_trace("top middle same");
	destroy(co);
}
END_TEST

static char never[] = "never";

static void takes_back_another(void *arg)
{
	ck_assert_int_eq(coro_undefer(takes_back_another, arg), -ENOENT); /* it has begun */
	ck_assert_int_eq(coro_undefer(say, never), 0);
}

static int is_taken_back(void *arg)
{
	defer(say, "kept");
	defer(say, never);
	defer(takes_back_another, NULL);
	return 0;
}

START_TEST(a_deferred_call_may_take_others_back)
{
	struct coro *co = make(is_taken_back, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_trace("kept");
	destroy(co);
}
END_TEST

/* ---- misuse, memory ---- */

static int misuses(void *arg)
{
	ck_assert_int_eq(coro_defer(NULL, arg), -EINVAL);
	ck_assert_int_eq(coro_undefer(NULL, arg), -EINVAL);
	ck_assert_int_eq(coro_undefer(say, arg), -ENOENT);
	return 0;
}

static void *in_a_new_thread(void *arg)
{
	return (void *)(intptr_t)coro_defer(say, arg);
}

START_TEST(misuse_is_refused)
{
	ck_assert_int_eq(coro_defer(say, NULL), -EPERM);
	ck_assert_int_eq(coro_undefer(say, NULL), -EPERM);
	ck_assert_int_eq((int)(intptr_t)in_thread(in_a_new_thread, NULL), -EPERM);
	struct coro *co = make(misuses, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	destroy(co);
}
END_TEST

static int defers_without_memory(void *arg)
{
	defer(say, "kept");
	fail_nth(1);
	int r = coro_defer(say, "lost");
	bool failed = fail_off();
	ck_assert(failed);
	return r;
}

START_TEST(without_memory_nothing_is_deferred)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct coro *co = make(defers_without_memory, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -ENOMEM);
	ck_assert_trace("kept");
	destroy(co);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, deferred_calls_run_after_the_body_the_last_one_first);
	tcase_add_test(tests, a_call_deferred_deep_down_is_for_the_end_of_the_body);
	tcase_add_test(tests, closing_a_generator_runs_what_it_deferred);
	tcase_add_test(tests, an_error_thrown_in_runs_what_was_deferred_and_comes_out);
	tcase_add_test(tests, one_that_never_started_defers_nothing);
	tcase_add_test(tests, what_a_deferred_call_defers_runs_next);
	tcase_add_test(tests, each_body_has_its_own);
	tcase_add_test(tests, a_stack_that_is_used_again_has_nothing_deferred);
	tcase_add_test(tests, a_deferred_call_may_yield);
	tcase_add_test(tests, one_that_yields_while_it_is_closed_has_not_left);
	tcase_add_test(tests, the_consumer_of_a_chain_gets_the_inner_ones_last_items);
	tcase_add_test(tests, closing_a_chain_runs_what_each_of_it_deferred);
	tcase_add_test(tests, a_failure_keeps_its_message_whatever_the_cleanup_raises);
	tcase_add_test(tests, a_success_keeps_its_value_whatever_the_cleanup_returns);
	tcase_add_test(tests, a_failure_without_a_message_does_not_get_the_cleanups);
	tcase_add_test(tests, undefer_takes_back_the_last_of_its_kind);
	tcase_add_test(tests, a_deferred_call_may_take_others_back);
	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, without_memory_nothing_is_deferred);
}

TEST_MAIN("defer", add)
