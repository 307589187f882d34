/* SPDX-License-Identifier: MIT */
#include "coro/coroutine.h"

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

static void *number(int n)
{
	return (void *)(intptr_t)n;
}

static int number_of(void *value)
{
	return (int)(intptr_t)value;
}

static size_t stacks_in_use(void)
{
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	return stats.in_use;
}

/* ---- bodies ---- */

static int return_arg(void *arg)
{
	return number_of(arg);
}

static int yield_once(void *arg)
{
	return coro_yield(arg, NULL);
}

/* Yields whatever is sent, until it is told to leave. */
static int echo(void *arg)
{
	void *value = arg;
	int r;
	while ((r = coro_yield(value, &value)) == 0)
		;
	return r;
}

/* Yields the error that was thrown in as a value, and goes on. */
static int yield_errors(void *arg)
{
	int r = 0;
	while (r != CORO_EXIT)
		r = coro_yield(number(r), NULL);
	return 0;
}

/* ---- resume and yield ---- */

static int trace_and_yield(void *arg)
{
	trace("in");
	coro_yield(NULL, NULL);
	trace("again");
	return 0;
}

START_TEST(body_runs_from_resume_to_yield_to_end)
{
	struct coro *co = make(trace_and_yield, NULL);
	trace("created");
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	trace("out");
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	trace("over");
	ck_assert_trace("created in out again over");
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(values_go_both_ways)
{
	int a, b, c;
	void *got = NULL;
	struct coro *co = make(echo, &a);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 1);
	ck_assert_ptr_eq(got, &a);
	ck_assert_int_eq(coro_resume(co, &b, &got), 1);
	ck_assert_ptr_eq(got, &b);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 1);
	ck_assert_ptr_null(got);
	ck_assert_int_eq(coro_resume(co, &c, &got), 1);
	ck_assert_ptr_eq(got, &c);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(resumer_need_not_take_the_value)
{
	int a, b;
	void *got = NULL;
	struct coro *co = make(echo, &a);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_resume(co, &b, NULL), 1);
	ck_assert_int_eq(coro_resume(co, &a, &got), 1);
	ck_assert_ptr_eq(got, &a);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int yield_a_local(void *arg)
{
	int local = 0;
	while (local < 3) {
		local++;
		int r = coro_yield(&local, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

START_TEST(value_is_the_yielders_own_object)
{
	struct coro *co = make(yield_a_local, NULL);
	void *got = NULL, *before = NULL;
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(coro_resume(co, NULL, &got), 1);
		ck_assert_int_eq(*(int *)got, i);
		ck_assert(!before || got == before);
		before = got;
	}
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int __attribute__((noinline)) yield_deep(int depth)
{
	volatile int here = depth;
	int r = depth > 1 ? yield_deep(depth - 1) : coro_yield(number(77), NULL);
	return r < 0 ? r : here == depth ? r + 1 : -1;
}

static int yield_ten_calls_deep(void *arg)
{
	return yield_deep(10);
}

START_TEST(yield_ten_calls_deep_returns_to_the_resumer)
{
	struct coro *co = make(yield_ten_calls_deep, NULL);
	void *got = NULL;
	ck_assert_int_eq(coro_resume(co, NULL, &got), 1);
	ck_assert_int_eq(number_of(got), 77);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_status(co), 10);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int recurse_and_yield(void *arg)
{
	return yield_deep(number_of(arg));
}

START_TEST(recursion_may_go_a_thousand_calls_deep)
{
	struct coro_options options = {.stack_size = (size_t)1024 * 1024};
	struct coro *co;
	ck_assert_int_eq(coro_create_with(&options, recurse_and_yield, number(1000), &co), 0);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_status(co), 1000);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(two_coroutines_alternate)
{
	struct coro *a = make(yield_a_local, NULL), *b = make(yield_a_local, NULL);
	void *got;
	for (int i = 0; i < 3; i++) {
		coro_resume(a, NULL, &got);
		trace("a%d", *(int *)got);
		coro_resume(b, NULL, &got);
		trace("b%d", *(int *)got);
	}
	ck_assert_trace("a1 b1 a2 b2 a3 b3");
	ck_assert_int_eq(coro_destroy(a), 0);
	ck_assert_int_eq(coro_destroy(b), 0);
}
END_TEST

/* Resumes the coroutine that it is given, and yields what comes. */
static int pass_on(void *arg)
{
	void *got = NULL;
	int r;
	while ((r = coro_resume(arg, NULL, &got)) > 0) {
		r = coro_yield(got, NULL);
		if (r < 0)
			break;
	}
	return r;
}

START_TEST(yield_goes_to_the_resumer_not_to_the_creator)
{
	struct coro *inner = make(yield_a_local, NULL), *outer = make(pass_on, inner);
	void *got = NULL;
	ck_assert_int_eq(coro_resume(outer, NULL, &got), 1);
	ck_assert_int_eq(*(int *)got, 1);
	ck_assert_int_eq(coro_resume(inner, NULL, &got), 1); /* another resumer */
	ck_assert_int_eq(*(int *)got, 2);
	ck_assert_int_eq(coro_resume(outer, NULL, &got), 1);
	ck_assert_int_eq(*(int *)got, 3);
	ck_assert_int_eq(coro_resume(outer, NULL, NULL), 0);
	ck_assert_int_eq(coro_state(inner), CORO_DONE);
	ck_assert_int_eq(coro_destroy(outer), 0);
	ck_assert_int_eq(coro_destroy(inner), 0);
}
END_TEST

/* Each makes the next one, deeper and deeper. */
static int descend(void *arg)
{
	int depth = number_of(arg), r;
	struct coro *co;
	void *got = NULL;
	if (depth == 0) {
		r = coro_yield(number(42), NULL);
		return r < 0 ? r : coro_return(number(1000));
	}
	r = coro_create(descend, number(depth - 1), &co);
	if (r < 0)
		return r;
	while ((r = coro_resume(co, NULL, &got)) > 0) {
		r = coro_yield(got, NULL);
		if (r < 0)
			break;
	}
	coro_return(number(number_of(got) + 1));
	int r2 = coro_destroy(co);
	return r < 0 ? r : r2;
}

START_TEST(coroutines_nest_a_thousand_deep)
{
	int depth = many(1000, 100);
	struct coro *co = make(descend, number(depth));
	void *got = NULL;
	ck_assert_int_eq(coro_resume(co, NULL, &got), 1);
	ck_assert_int_eq(number_of(got), 42);
	ck_assert_uint_eq(stacks_in_use(), depth + 1);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 0);
	ck_assert_int_eq(number_of(got), 1000 + depth);
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_uint_eq(stacks_in_use(), 0);
}
END_TEST

START_TEST(closing_the_outermost_closes_a_thousand_nested)
{
	struct coro *co = make(descend, number(many(1000, 100)));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_uint_eq(stacks_in_use(), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(ten_thousand_live_at_once)
{
	int count = many(10000, 300);
	struct coro **cos = calloc((size_t)count, sizeof(struct coro *));
	void *got = NULL;
	bool right = true;
	for (int i = 0; i < count; i++) {
		cos[i] = make(echo, number(i));
		right &= coro_resume(cos[i], NULL, &got) == 1 && number_of(got) == i;
	}
	for (int i = 0; i < count; i++) {
		int n = i * 7919 % count;
		right &= coro_resume(cos[n], number(n + 5), &got) == 1 && number_of(got) == n + 5;
	}
	ck_assert_uint_eq(stacks_in_use(), count);
	for (int i = 0; i < count; i++)
		right &= coro_destroy(cos[i]) == 0;
	ck_assert(right);
	ck_assert_uint_eq(stacks_in_use(), 0);
	free(cos);
}
END_TEST

/* ---- ends ---- */

START_TEST(status_of_the_body_is_kept)
{
	static const int statuses[] = {0, 1, 77, INT32_MAX};
	for (int i = 0; i < 4; i++) {
		void *got = &got;
		struct coro *co = make(return_arg, number(statuses[i]));
		ck_assert_int_eq(coro_status(co), -EAGAIN);
		ck_assert_int_eq(coro_resume(co, NULL, &got), 0);
		ck_assert_ptr_null(got);
		ck_assert_int_eq(coro_status(co), statuses[i]);
		ck_assert_int_eq(coro_destroy(co), 0);
	}
}
END_TEST

START_TEST(failure_reaches_the_resumer_unchanged)
{
	static const int errors[] = {-1,
				     -ENOENT,
				     -ECANCELED,
				     -4095,
				     CORO_EXIT,
				     CORO_USER_ERROR,
				     CORO_USER_ERROR - 123456,
				     INT32_MIN};
	for (int i = 0; i < 8; i++) {
		void *got = &got;
		struct coro *co = make(return_arg, number(errors[i]));
		ck_assert_int_eq(coro_resume(co, NULL, &got), errors[i]);
		ck_assert_ptr_eq(got, &got);
		ck_assert_int_eq(coro_status(co), errors[i]);
		ck_assert_int_eq(coro_resume(co, NULL, &got), -EALREADY);
		ck_assert_int_eq(coro_destroy(co), 0);
	}
}
END_TEST

static int return_twice(void *arg)
{
	coro_return(number(1));
	int r = coro_yield(NULL, NULL);
	if (r < 0)
		return r;
	return coro_return(arg);
}

START_TEST(last_value_given_to_coro_return_is_the_result)
{
	int value;
	void *got = NULL;
	struct coro *co = make(return_twice, &value);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 1);
	ck_assert_ptr_null(got);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 0);
	ck_assert_ptr_eq(got, &value);
	ck_assert_int_eq(coro_status(co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int return_and_fail(void *arg)
{
	coro_return(arg);
	return -EIO;
}

START_TEST(value_of_a_body_that_fails_is_lost)
{
	void *got = &got;
	struct coro *co = make(return_and_fail, &co);
	ck_assert_int_eq(coro_resume(co, NULL, &got), -EIO);
	ck_assert_ptr_eq(got, &got);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int run_with_value(void *arg)
{
	void *got = NULL;
	struct coro *co;
	coro_return(number(1));
	int r = coro_create(return_twice, arg, &co);
	if (r == 0)
		r = coro_resume(co, NULL, NULL);
	if (r == 1)
		r = coro_resume(co, NULL, &got);
	coro_destroy(co);
	return got == arg ? r : -1;
}

START_TEST(value_belongs_to_the_body_that_gave_it)
{
	void *got = NULL;
	struct coro *co = make(run_with_value, &got);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 0);
	ck_assert_int_eq(number_of(got), 1);
	ck_assert_int_eq(coro_destroy(co), 0);
	/* The next body on that stack does not inherit it. */
	co = make(return_arg, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 0);
	ck_assert_ptr_null(got);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/* ---- states ---- */

static enum coro_state seen_of_outer, seen_of_self;

static int look_at(void *arg)
{
	struct coro *const *both = arg;
	seen_of_outer = coro_state(both[0]);
	seen_of_self = coro_state(both[1]);
	return coro_yield(NULL, NULL);
}

static int resume_second(void *arg)
{
	struct coro *const *both = arg;
	return coro_resume(both[1], NULL, NULL) == 1 ? 0 : -1;
}

START_TEST(state_tells_what_a_coroutine_does)
{
	struct coro *both[2];
	both[0] = make(resume_second, both);
	both[1] = make(look_at, both);
	ck_assert_int_eq(coro_state(both[0]), CORO_CREATED);
	ck_assert_int_eq(coro_state(both[1]), CORO_CREATED);
	ck_assert_int_eq(coro_resume(both[0], NULL, NULL), 0);
	ck_assert_int_eq(seen_of_outer, CORO_RUNNING);
	ck_assert_int_eq(seen_of_self, CORO_RUNNING);
	ck_assert_int_eq(coro_state(both[0]), CORO_DONE);
	ck_assert_int_eq(coro_state(both[1]), CORO_SUSPENDED);
	ck_assert_int_eq(coro_close(both[1]), 0);
	ck_assert_int_eq(coro_state(both[1]), CORO_DONE);
	ck_assert_int_eq(coro_state(NULL), CORO_DONE);
	ck_assert_int_eq(coro_destroy(both[0]), 0);
	ck_assert_int_eq(coro_destroy(both[1]), 0);
}
END_TEST

static int tell_current(void *arg)
{
	*(struct coro **)arg = coro_current();
	return coro_yield(NULL, NULL);
}

START_TEST(current_is_the_caller)
{
	struct coro *current = NULL, *co = make(tell_current, &current);
	ck_assert_ptr_null(coro_current());
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_ptr_eq(current, co);
	ck_assert_ptr_null(coro_current());
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_ptr_null(coro_current());
}
END_TEST

static int remember_current(void *arg)
{
	struct coro *self = coro_current(), *inner;
	int r = coro_create(tell_current, arg, &inner);
	if (r == 0)
		r = coro_resume(inner, NULL, NULL);
	if (r == 1)
		r = coro_current() == self && *(struct coro **)arg == inner ? 0 : -1;
	coro_destroy(inner);
	return r < 0 ? r : coro_current() == self ? 0 : -2;
}

START_TEST(current_is_the_outer_one_again_after_the_inner)
{
	struct coro *current = NULL, *co = make(remember_current, &current);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/* ---- throw ---- */

START_TEST(error_thrown_in_is_what_the_yield_returns)
{
	void *got = &got;
	struct coro *co = make(yield_errors, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 1);
	ck_assert_ptr_null(got);
	ck_assert_int_eq(coro_throw(co, -EIO, &got), 1);
	ck_assert_int_eq(number_of(got), -EIO);
	ck_assert_int_eq(coro_throw(co, CORO_USER_ERROR - 3, &got), 1);
	ck_assert_int_eq(number_of(got), CORO_USER_ERROR - 3);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 1);
	ck_assert_int_eq(number_of(got), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int keep_sent(void *arg)
{
	void *sent = arg;
	int r = coro_yield(NULL, &sent);
	return r == -EIO && sent == arg ? -ENXIO : -1;
}

START_TEST(yield_leaves_its_ret_alone_when_an_error_comes)
{
	struct coro *co = make(keep_sent, &co);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_throw(co, -EIO, NULL), -ENXIO);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(error_that_is_not_handled_comes_back)
{
	void *got = &got;
	struct coro *co = make(yield_once, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_throw(co, -ENOSPC, &got), -ENOSPC);
	ck_assert_ptr_eq(got, &got);
	ck_assert_int_eq(coro_state(co), CORO_DONE);
	ck_assert_int_eq(coro_status(co), -ENOSPC);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int return_at_error(void *arg)
{
	int r = coro_yield(NULL, NULL);
	return r < 0 ? coro_return(arg) : 0;
}

START_TEST(body_may_end_well_at_an_error)
{
	void *got = NULL;
	struct coro *co = make(return_at_error, &got);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_throw(co, -EIO, &got), 0);
	ck_assert_ptr_eq(got, &got);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(throwing_into_one_that_has_not_started_ends_it_unrun)
{
	void *got = &got;
	struct coro *co = make(trace_and_yield, NULL);
	ck_assert_int_eq(coro_throw(co, -EIO, &got), -EIO);
	ck_assert_ptr_eq(got, &got);
	ck_assert_trace("");
	ck_assert_int_eq(coro_state(co), CORO_DONE);
	ck_assert_int_eq(coro_status(co), -EIO);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -EALREADY);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(throwing_into_one_that_is_done_gives_the_error_back)
{
	struct coro *co = make(return_arg, number(3));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_throw(co, -EIO, NULL), -EIO);
	ck_assert_int_eq(coro_throw(co, CORO_EXIT, NULL), CORO_EXIT);
	ck_assert_int_eq(coro_status(co), 3);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/* ---- close and destroy ---- */

static int clean_up(void *arg)
{
	int r = coro_yield(NULL, NULL);
	trace(r == CORO_EXIT ? "exit" : "other");
	return arg ? number_of(arg) : r;
}

START_TEST(close_lets_the_body_clean_up)
{
	struct coro *co = make(clean_up, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_trace("exit");
	ck_assert_int_eq(coro_state(co), CORO_DONE);
	ck_assert_int_eq(coro_status(co), CORO_EXIT);
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_trace("");
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(body_may_close_with_success_or_a_failure_of_its_own)
{
	struct coro *co = make(clean_up, number(5));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_int_eq(coro_status(co), 5);
	ck_assert_int_eq(coro_destroy(co), 0);

	co = make(clean_up, number(-EIO));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_close(co), -EIO);
	ck_assert_int_eq(coro_state(co), CORO_DONE);
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(close_of_one_that_has_not_started_does_not_run_it)
{
	struct coro *co = make(trace_and_yield, NULL);
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_int_eq(coro_state(co), CORO_DONE);
	ck_assert_trace("");
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_uint_eq(stacks_in_use(), 0);
}
END_TEST

/* Yields n times after it was asked to leave. */
static int stubborn(void *arg)
{
	int *left = arg;
	int r = coro_yield(NULL, NULL);
	while (r == CORO_EXIT && (*left)-- > 0)
		r = coro_yield(left, NULL);
	return r;
}

START_TEST(body_that_yields_when_asked_to_leave_is_eproto_and_lives_on)
{
	int left = 2;
	void *got = NULL;
	struct coro *co = make(stubborn, &left);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_close(co), -EPROTO);
	ck_assert_int_eq(coro_state(co), CORO_SUSPENDED);
	ck_assert_int_eq(coro_destroy(co), -EPROTO); /* not freed */
	ck_assert_int_eq(coro_state(co), CORO_SUSPENDED);
	ck_assert_int_eq(coro_resume(co, NULL, &got), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(exit_thrown_in_and_ignored_is_an_ordinary_yield)
{
	int left = 1;
	void *got = NULL;
	struct coro *co = make(stubborn, &left);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_throw(co, CORO_EXIT, &got), 1);
	ck_assert_ptr_eq(got, &left);
	ck_assert_int_eq(coro_close(co), 0);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

START_TEST(destroy_closes_first)
{
	struct coro *co = make(clean_up, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_trace("exit");
	co = make(clean_up, number(-ENOSPC));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_destroy(co), -ENOSPC);
	ck_assert_trace("exit");
	ck_assert_uint_eq(stacks_in_use(), 0);
	ck_assert_int_eq(coro_destroy(NULL), 0);
	ck_assert_int_eq(coro_destroy(make(clean_up, NULL)), 0);
	ck_assert_trace("");
}
END_TEST

static int use_others_in_cleanup(void *arg)
{
	int r = coro_yield(NULL, NULL);
	struct coro *co;
	void *got = NULL;
	if (coro_create(echo, arg, &co) < 0)
		return -1;
	if (coro_resume(co, NULL, &got) != 1 || got != arg || coro_destroy(co) != 0)
		return -2;
	return r;
}

START_TEST(cleanup_may_use_coroutines)
{
	struct coro *co = make(use_others_in_cleanup, &co);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int destroy_another(void *arg)
{
	return coro_destroy(arg);
}

START_TEST(coroutine_may_destroy_another)
{
	struct coro *other = make(clean_up, NULL), *co = make(destroy_another, other);
	ck_assert_int_eq(coro_resume(other, NULL, NULL), 1);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_status(co), 0);
	ck_assert_trace("exit");
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

/* ---- words of errors ---- */

static const char *raised_at;

static int raise_words(void *arg)
{
	return raised_at = CORO_HERE, coro_raise(-ENOENT, "no %s in %d", "key", number_of(arg));
}

START_TEST(message_goes_up_with_the_error)
{
	struct coro *co = make(raise_words, number(7));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -ENOENT);
	ck_assert_str_eq(coro_message(-ENOENT), "no key in 7");
	ck_assert_str_eq(coro_origin(-ENOENT), raised_at);
	/* The message belongs to that error alone. */
	ck_assert_str_eq(coro_message(-EIO), strerror(EIO));
	ck_assert_ptr_null(coro_origin(-EIO));
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_str_eq(coro_message(-ENOENT), "no key in 7");
}
END_TEST

static int raise_from_inner(void *arg)
{
	struct coro *co;
	int r = coro_create(raise_words, arg, &co);
	if (r == 0)
		r = coro_resume(co, NULL, NULL);
	coro_destroy(co);
	return r;
}

static int raise_from_innermost(void *arg)
{
	struct coro *co;
	int r = coro_create(raise_from_inner, arg, &co);
	if (r == 0)
		r = coro_resume(co, NULL, NULL);
	if (strcmp(coro_message(r), "no key in 8") != 0)
		r = -1;
	coro_destroy(co);
	return r;
}

START_TEST(message_goes_up_through_nested_coroutines)
{
	struct coro *co = make(raise_from_innermost, number(8));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -ENOENT);
	ck_assert_str_eq(coro_message(-ENOENT), "no key in 8");
	ck_assert_str_eq(coro_origin(-ENOENT), raised_at);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static int raise_but_return_another(void *arg)
{
	int r = raise_words(arg);
	return arg ? -EIO : r < 0 ? 0 : 1;
}

START_TEST(message_of_an_error_that_is_not_returned_stays_behind)
{
	for (int i = 0; i < 2; i++) {
		struct coro *co = make(raise_but_return_another, number(i));
		coro_resume(co, NULL, NULL);
		ck_assert_str_eq(coro_message(-ENOENT), strerror(ENOENT));
		ck_assert_str_eq(coro_message(-EIO), strerror(EIO));
		ck_assert_int_eq(coro_destroy(co), 0);
	}
}
END_TEST

START_TEST(error_without_a_message_forgets_the_one_before)
{
	struct coro *co = make(raise_words, number(1)), *bare = make(return_arg, number(-ENOENT));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -ENOENT);
	ck_assert_str_eq(coro_message(-ENOENT), "no key in 1");
	ck_assert_int_eq(coro_resume(bare, NULL, NULL), -ENOENT);
	ck_assert_str_eq(coro_message(-ENOENT), strerror(ENOENT));
	ck_assert_ptr_null(coro_origin(-ENOENT));
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_int_eq(coro_destroy(bare), 0);
}
END_TEST

START_TEST(message_is_kept_until_two_other_errors_have_one)
{
	struct coro *co = make(raise_words, number(1)), *bare = make(return_arg, number(-EIO));
	ck_assert_int_eq(coro_resume(co, NULL, NULL), -ENOENT);
	ck_assert_int_eq(coro_resume(bare, NULL, NULL), -EIO);
	ck_assert_str_eq(coro_message(-ENOENT), "no key in 1");
	ck_assert_str_eq(coro_message(-EIO), strerror(EIO));
	ck_assert_int_eq(coro_raise(-EIO, "%s", "with words"), -EIO);
	ck_assert_str_eq(coro_message(-ENOENT), "no key in 1");
	ck_assert_int_eq(coro_raise(-EPROTO, "%s", "with words"), -EPROTO);
	ck_assert_str_eq(coro_message(-ENOENT), strerror(ENOENT));
	ck_assert_str_eq(coro_message(-EIO), "with words");
	ck_assert_int_eq(coro_destroy(co), 0);
	ck_assert_int_eq(coro_destroy(bare), 0);
}
END_TEST

START_TEST(message_may_be_raised_outside_of_a_coroutine)
{
	ck_assert_int_eq(coro_raise(CORO_USER_ERROR - 1, "%s", "mine"), CORO_USER_ERROR - 1);
	ck_assert_str_eq(coro_message(CORO_USER_ERROR - 1), "mine");
	ck_assert_int_eq(coro_raise(-EIO, "%s", "other"), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "other");
	ck_assert_int_eq(coro_raise(CORO_USER_ERROR - 1, NULL), CORO_USER_ERROR - 1);
	ck_assert_str_eq(coro_message(CORO_USER_ERROR - 1), "Error of the program");
}
END_TEST

static int raise_and_yield(void *arg)
{
	int r = coro_raise(-EIO, "kept over a yield");
	coro_yield(NULL, NULL);
	return strcmp(coro_message(-EIO), "kept over a yield") == 0 ? r : -1;
}

START_TEST(message_is_each_coroutines_own)
{
	struct coro *a = make(raise_and_yield, NULL), *b = make(raise_words, number(2));
	ck_assert_int_eq(coro_resume(a, NULL, NULL), 1);
	ck_assert_str_eq(coro_message(-EIO), strerror(EIO));
	ck_assert_int_eq(coro_resume(b, NULL, NULL), -ENOENT);
	ck_assert_int_eq(coro_resume(a, NULL, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "kept over a yield");
	ck_assert_int_eq(coro_destroy(a), 0);
	ck_assert_int_eq(coro_destroy(b), 0);
}
END_TEST

START_TEST(body_that_is_closed_may_raise)
{
	struct coro *co = make(raise_and_yield, NULL);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	ck_assert_int_eq(coro_destroy(co), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "kept over a yield");
}
END_TEST

/* ---- without memory ---- */

/* Everything in the library that needs memory; returns 0, or the first error. */
static int scenario(void)
{
	struct coro_options options = {.stack_size = (size_t)128 * 1024};
	struct coro *a = NULL, *b = NULL;
	int r = coro_create(raise_words, NULL, &a);
	if (r == 0)
		r = coro_create_with(&options, yield_once, NULL, &b);
	if (r == 0)
		r = coro_resume(b, NULL, NULL);
	if (r == 1)
		r = coro_resume(a, NULL, NULL);
	if (r == -ENOENT) /* the words may be missing */
		r = 0;
	int closed = coro_destroy(b);
	if (r == 0)
		r = closed;
	coro_destroy(a);
	coro_pool_trim();
	return r;
}

struct attempt {
	unsigned long n; /* of the allocation that fails */
	int r, again;
	bool failed;
	size_t in_use;
};

static void *attempt(void *arg)
{
	struct attempt *attempt = arg;
	fail_nth(attempt->n);
	attempt->r = scenario();
	attempt->failed = fail_off();
	attempt->in_use = stacks_in_use();
	attempt->again = scenario();
	return NULL;
}

START_TEST(nth_allocation_fails_without_harm)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct attempt try = {0};
	in_thread(attempt, &try); /* what libc allocates once per process */
	in_thread(attempt, &try);
	ck_assert_int_eq(try.r, 0);
	size_t before = allocated();
	int refused = 0;
	do {
		try.n++;
		in_thread(attempt, &try);
		ck_assert_msg(try.r == 0 || try.r == -ENOMEM, "%lu: %d", try.n, try.r);
		ck_assert_uint_eq(try.in_use, 0);
		ck_assert_msg(try.again == 0, "%lu: then %d", try.n, try.again);
		refused += try.r == -ENOMEM;
		ck_assert_uint_eq(allocated(), before);
	} while (try.failed);
	ck_assert_int_eq(try.r, 0);
	ck_assert_int_gt(refused, 4);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, body_runs_from_resume_to_yield_to_end);
	tcase_add_test(tests, values_go_both_ways);
	tcase_add_test(tests, resumer_need_not_take_the_value);
	tcase_add_test(tests, value_is_the_yielders_own_object);
	tcase_add_test(tests, yield_ten_calls_deep_returns_to_the_resumer);
	tcase_add_test(tests, recursion_may_go_a_thousand_calls_deep);
	tcase_add_test(tests, two_coroutines_alternate);
	tcase_add_test(tests, yield_goes_to_the_resumer_not_to_the_creator);
	tcase_add_test(tests, coroutines_nest_a_thousand_deep);
	tcase_add_test(tests, closing_the_outermost_closes_a_thousand_nested);
	tcase_add_test(tests, ten_thousand_live_at_once);

	tcase_add_test(tests, status_of_the_body_is_kept);
	tcase_add_test(tests, failure_reaches_the_resumer_unchanged);
	tcase_add_test(tests, last_value_given_to_coro_return_is_the_result);
	tcase_add_test(tests, value_of_a_body_that_fails_is_lost);
	tcase_add_test(tests, value_belongs_to_the_body_that_gave_it);

	tcase_add_test(tests, state_tells_what_a_coroutine_does);
	tcase_add_test(tests, current_is_the_caller);
	tcase_add_test(tests, current_is_the_outer_one_again_after_the_inner);

	tcase_add_test(tests, error_thrown_in_is_what_the_yield_returns);
	tcase_add_test(tests, yield_leaves_its_ret_alone_when_an_error_comes);
	tcase_add_test(tests, error_that_is_not_handled_comes_back);
	tcase_add_test(tests, body_may_end_well_at_an_error);
	tcase_add_test(tests, throwing_into_one_that_has_not_started_ends_it_unrun);
	tcase_add_test(tests, throwing_into_one_that_is_done_gives_the_error_back);

	tcase_add_test(tests, close_lets_the_body_clean_up);
	tcase_add_test(tests, body_may_close_with_success_or_a_failure_of_its_own);
	tcase_add_test(tests, close_of_one_that_has_not_started_does_not_run_it);
	tcase_add_test(tests, body_that_yields_when_asked_to_leave_is_eproto_and_lives_on);
	tcase_add_test(tests, exit_thrown_in_and_ignored_is_an_ordinary_yield);
	tcase_add_test(tests, destroy_closes_first);
	tcase_add_test(tests, cleanup_may_use_coroutines);
	tcase_add_test(tests, coroutine_may_destroy_another);

	tcase_add_test(tests, message_goes_up_with_the_error);
	tcase_add_test(tests, message_goes_up_through_nested_coroutines);
	tcase_add_test(tests, message_of_an_error_that_is_not_returned_stays_behind);
	tcase_add_test(tests, error_without_a_message_forgets_the_one_before);
	tcase_add_test(tests, message_is_kept_until_two_other_errors_have_one);
	tcase_add_test(tests, message_may_be_raised_outside_of_a_coroutine);
	tcase_add_test(tests, message_is_each_coroutines_own);
	tcase_add_test(tests, body_that_is_closed_may_raise);

	tcase_add_test(tests, nth_allocation_fails_without_harm);
}

TEST_MAIN("coroutine", add_tests)
