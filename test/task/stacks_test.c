/* SPDX-License-Identifier: MIT */
/* What garbage collectors and unwinders learn of stacks: their bounds and stack pointers. */
#include "tasks.h"

/* Every body has a local; where they are. */
enum { MOST = 16 };
static const char *locals[MOST];
static int count;

static void note_local(const char *local)
{
	locals[count++] = local;
}

static int seen[MOST], running, stacks;

static int look(const struct coro_stack *stack, void *arg)
{
	const char *low = stack->low, *high = stack->high, *at = stack->at;
	stacks++;
	running += !at;
	ck_assert(!at || (at >= low && at < high));
	for (int i = 0; i < count; i++) {
		const char *local = locals[i];
		if (local >= (at ? at : low) && local < high)
			seen[i]++;
	}
	return 0;
}

/*
 * Called when there are `expected` stacks: each local lies on one of them, above its stack pointer.
 */
static void look_at_all(int expected)
{
	memset(seen, 0, sizeof(seen));
	running = stacks = 0;
	ck_assert_int_eq(coro_stack_for_each(look, NULL), 0);
	ck_assert_int_eq(stacks, expected);
	ck_assert_int_eq(running, 1);
	for (int i = 0; i < count; i++)
		ck_assert_msg(seen[i] == 1, "local %d is seen %d times", i, seen[i]);
}

static int yields(void *arg)
{
	char local = 0;
	note_local(&local);
	return coro_yield(NULL, NULL);
}

START_TEST(thread_with_coroutines)
{
	char local = 0;
	struct coro *a, *b;
	note_local(&local);
	look_at_all(1);
	ck_assert_int_eq(coro_create(yields, NULL, &a), 0);
	ck_assert_int_eq(coro_create(yields, NULL, &b), 0);
	ck_assert_int_eq(coro_resume(a, NULL, NULL), 1);
	ck_assert_int_eq(coro_resume(b, NULL, NULL), 1);
	look_at_all(3);

	struct coro_stack stack;
	ck_assert_int_eq(coro_stack_get(a, &stack), 0);
	ck_assert_ptr_eq(stack.co, a);
	ck_assert_uint_eq((size_t)((char *)stack.high - (char *)stack.low), CORO_STACK_SIZE);
	ck_assert(stack.at && (char *)stack.at <= locals[1] && locals[1] < (char *)stack.high);
	ck_assert_int_eq(coro_stack_get(NULL, &stack), 0);
	ck_assert_ptr_null(stack.co);
	ck_assert_ptr_null(stack.at);
	ck_assert(&local >= (char *)stack.low && &local < (char *)stack.high);
	ck_assert_int_eq(coro_destroy(a), 0);
	ck_assert_int_eq(coro_destroy(b), 0);
}
END_TEST

/* A generator that is suspended in the middle of its body. */
static int yields_then_waits(void *arg)
{
	char local = 0;
	note_local(&local);
	int r = coro_yield(NULL, NULL);
	return r < 0 ? r : coro_sleep(CORO_FOREVER);
}

static int waits_in_a_generator(void *arg)
{
	char local = 0;
	struct coro *generator;
	note_local(&local);
	ck_assert_int_eq(coro_create(yields_then_waits, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	int r = coro_next(generator, NULL);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return r;
}

static int waits(void *arg)
{
	char local = 0;
	note_local(&local);
	return coro_sleep(CORO_FOREVER);
}

static int looks(void *arg)
{
	char local = 0;
	note_local(&local);
	look_at_all(*(int *)arg);
	return coro_yield(NULL, NULL);
}

/* Has waited in a generator before, and drives another that looks. */
static int looks_deep_down(void *arg)
{
	char local = 0;
	struct coro *generator, *looking;
	int six = 6, seven = 7;
	note_local(&local);
	ck_assert_int_eq(coro_create(yields, NULL, &generator), 0);
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	ck_assert_int_eq(coro_sleep(1), 0);
	look_at_all(six);
	ck_assert_int_eq(coro_create(looks, &seven, &looking), 0);
	ck_assert_int_eq(coro_next(looking, NULL), 1);
	look_at_all(seven);
	ck_assert_int_eq(coro_destroy(looking), 0);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return 0;
}

static int ends_at_once(const struct coro_stack *stack, void *arg)
{
	return ++*(int *)arg == 2 ? -EIO : 0;
}

START_TEST(loop_with_tasks_in_generators)
{
	char local = 0;
	int visits = 0;
	note_local(&local);
	struct coro_future *one = start(waits, NULL), *two = start(waits_in_a_generator, NULL);
	look_at_all(4);
	struct coro_future *three = spawn(looks_deep_down, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, three, NULL), 0);
	count = 4;
	look_at_all(4);
	ck_assert_int_eq(coro_stack_for_each(ends_at_once, &visits), -EIO);
	ck_assert_int_eq(visits, 2);
	coro_cancel(one);
	coro_cancel(two);
	run();
	coro_future_unref(one);
	coro_future_unref(two);
	coro_future_unref(three);
}
END_TEST

static void *asks_from_another_thread(void *co)
{
	struct coro_stack stack;
	ck_assert_int_eq(coro_stack_get(co, &stack), -EPERM);
	return NULL;
}

START_TEST(stack_that_cannot_be_told)
{
	struct coro *co;
	struct coro_stack stack;
	ck_assert_int_eq(coro_stack_for_each(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_create(yields, NULL, &co), 0);
	ck_assert_int_eq(coro_stack_get(co, NULL), -EINVAL);
	ck_assert_int_eq(coro_stack_get(co, &stack), -EAGAIN);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 1);
	in_thread(asks_from_another_thread, co);
	ck_assert_int_eq(coro_resume(co, NULL, NULL), 0);
	ck_assert_int_eq(coro_stack_get(co, &stack), -EAGAIN);
	ck_assert_int_eq(coro_destroy(co), 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, thread_with_coroutines);
	tcase_add_test(tests, loop_with_tasks_in_generators);
	tcase_add_test(tests, stack_that_cannot_be_told);
}

TEST_MAIN("stacks", add_tests)
