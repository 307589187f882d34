/* SPDX-License-Identifier: MIT */
/* Stacks of tasks: their sizes, when they are taken, and what tasks cost. */
#include "task/bodies.h"

/* ---- stacks ---- */

/* The running body's stack, with its guard. */
static int stack_of(void *arg)
{
	return (int)coro_current()->frame->stack.size->bytes;
}

START_TEST(stack_size_is_the_tasks_or_the_loops_or_the_default)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .stack_size = 128 * 1024};
	struct coro_options own = {.stack_size = 512 * 1024},
			    smallest = {.stack_size = coro_stack_min()};
	struct coro_loop *small;
	struct coro_future *task;
	ck_assert_int_eq(result_of(stack_of, NULL), CORO_STACK_SIZE);

	ck_assert_int_eq(coro_loop_create(&options, &small), 0);
	ck_assert_int_eq(coro_loop_spawn(small, NULL, stack_of, NULL, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(small, task, NULL), 128 * 1024);
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_spawn(small, &own, stack_of, NULL, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(small, task, NULL), 512 * 1024);
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_spawn(small, &smallest, stack_of, NULL, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(small, task, NULL), (int)coro_stack_min());
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_close(small), 0);
}
END_TEST

/* Uses n bytes of stack, in steps, and sleeps there. */
static int go_down(size_t bytes)
{
	volatile char step[16 * 1024];
	memset((char *)step, 1, sizeof(step));
	int r = bytes > sizeof(step) ? go_down(bytes - sizeof(step)) : coro_sleep(1);
	return r + step[sizeof(step) / 2];
}

static int uses_much(void *arg)
{
	return go_down(*(size_t *)arg);
}

START_TEST(stack_can_be_used_to_its_size)
{
	size_t bytes = 6 << 20;
	struct coro_options options = {.stack_size = 8 << 20};
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(loop, &options, uses_much, &bytes, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), (int)(bytes >> 14));
	coro_future_unref(task);
}
END_TEST

START_TEST(options_that_cannot_be_are_refused)
{
	struct coro_future *task;
	struct coro_options small = {.stack_size = coro_stack_min() - 1},
			    flags = {.flags = 1u << 9};
	struct coro_options large = {.stack_size = SIZE_MAX};
	ck_assert_int_eq(coro_loop_spawn(loop, &small, nothing, NULL, &task), -EINVAL);
	ck_assert_int_eq(coro_loop_spawn(loop, &large, nothing, NULL, &task), -EINVAL);
	ck_assert_int_eq(coro_loop_spawn(loop, &flags, nothing, NULL, &task), -EINVAL);
	run();
}
END_TEST

static int never(void *arg)
{
	ck_abort_msg("it ran");
}

static int awaits_without_stack(void *arg)
{
	struct coro_options options = {.stack_size = too_large()};
	struct coro_future *child;
	ck_assert_int_eq(coro_loop_spawn(loop, &options, never, NULL, &child), 0);
	int r = coro_await(child, NULL);
	ck_assert_str_eq(coro_future_message(child), coro_strerror(-ENOMEM));
	coro_future_unref(child);
	return r;
}

START_TEST(task_without_a_stack_fails_and_the_loop_goes_on)
{
	coro_future_unref(spawn(ticks, NULL));
	ck_assert_int_eq(result_of(awaits_without_stack, NULL), -ENOMEM);
	run();
	ck_assert_trace("tick tick tick");
}
END_TEST

START_TEST(only_the_task_that_found_no_stack_fails)
{
	/* The first stack takes several allocations, the last of them within the step that starts the task. */
	for (unsigned long n = 1;; n++) {
		int done = 0;
		struct coro_future *first = spawn(sets, &done);
		struct coro_future *second = spawn(sets, &done);
		coro_pool_trim();
		fail_nth(n);
		int r = coro_run_forever(loop);
		bool failed = fail_off();
		ck_assert_int_eq(r, -EDEADLK);
		int one = coro_future_result(first, NULL), two = coro_future_result(second, NULL);
		ck_assert(one == 0 || (failed && one == -ENOMEM));
		ck_assert(two == 0 || (failed && one == 0 && two == -ENOMEM));
		coro_future_unref(first);
		coro_future_unref(second);
		if (!failed)
			break;
	}
}
END_TEST

START_TEST(short_tasks_share_one_warm_stack)
{
	struct coro_pool_stats stats;
	for (int i = 0; i < 1000; i++)
		coro_future_unref(spawn(nothing, NULL));
	run();
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
	ck_assert_uint_eq(stats.warm, 1);
}
END_TEST

START_TEST(stack_of_a_task_is_free_at_its_end_whoever_holds_it)
{
	struct coro_pool_stats stats;
	struct coro_future *tasks[10];
	int done;
	for (int i = 0; i < 10; i++)
		tasks[i] = spawn(sets, &done);
	run();
	coro_pool_stats(&stats);
	ck_assert_uint_eq(stats.in_use, 0);
	for (int i = 0; i < 10; i++)
		coro_future_unref(tasks[i]);
}
END_TEST

START_TEST(tasks_may_outnumber_the_pool)
{
	static int done[200];
	ck_assert_int_eq(coro_pool_limit(3), 0);
	for (int round = 0; round < 3; round++) {
		memset(done, 0, sizeof(done));
		for (int i = 0; i < 200; i++)
			coro_future_unref(spawn(sets, &done[i]));
		run();
		for (int i = 0; i < 200; i++)
			ck_assert_int_eq(done[i], 1);
	}
}
END_TEST

static int waits_in_every_way(void *arg)
{
	struct coro_future *child;
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_sleep(i), 0);
		ck_assert_int_eq(coro_task_yield(), 0);
		ck_assert_int_eq(coro_spawn(returns_value, NULL, &child), 0);
		ck_assert_int_eq(coro_await(child, NULL), 5);
		coro_future_unref(child);
	}
	return reads_slowly(NULL);
}

START_TEST(tasks_that_keep_exceptions_wait_as_others_do)
{
	struct coro_options options = {.flags = CORO_SAVE_EXCEPTIONS};
	struct coro_future *tasks[3];
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
			coro_loop_spawn(loop, &options, waits_in_every_way, NULL, &tasks[i]), 0);
	run();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(coro_future_result(tasks[i], NULL), 6);
		coro_future_unref(tasks[i]);
	}
}
END_TEST

/* ---- memory ---- */

START_TEST(a_task_is_small)
{
	ck_assert_uint_le(sizeof(struct task), 152);
}
END_TEST

static struct coro_future *made_done;

static int waits_on_nothing(void *arg)
{
	for (int i = 0; i < 100; i++) {
		coro_task_yield();
		coro_sleep(i % 4);
		coro_sleep_until(coro_loop_time(loop) + 1);
	}
	return coro_await(made_done, NULL);
}

static int ends_the_wait(void *arg)
{
	coro_sleep(10000);
	return coro_future_set_result(made_done, NULL);
}

START_TEST(waiting_allocates_nothing)
{
	if (!fail_possible())
		return;
	struct coro_future *tasks[50];
	ck_assert_int_eq(coro_future_create(loop, &made_done), 0);
	for (int i = 0; i < 50; i++)
		tasks[i] = spawn(waits_on_nothing, NULL);
	coro_future_unref(spawn(ends_the_wait, NULL));
	/* One turn, by which all have their stacks. */
	coro_loop_stop(loop);
	ck_assert_int_eq(coro_run_forever(loop), 0);

	fail_nth(0);
	int r = coro_run_forever(loop);
	fail_off();
	ck_assert_int_eq(r, -EDEADLK);
	ck_assert_uint_eq(fail_count(), 0);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(coro_future_result(tasks[i], NULL), 0);
		coro_future_unref(tasks[i]);
	}
	coro_future_unref(made_done);
}
END_TEST

START_TEST(tasks_come_and_go_in_any_number)
{
	static int done[3000];
	int count = many(3000, 300);
	for (int i = 0; i < count; i++)
		coro_future_unref(spawn(sets, &done[i]));
	run();
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(done[i], 1);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, stack_size_is_the_tasks_or_the_loops_or_the_default);
	tcase_add_test(tests, stack_can_be_used_to_its_size);
	tcase_add_test(tests, options_that_cannot_be_are_refused);
	tcase_add_test(tests, task_without_a_stack_fails_and_the_loop_goes_on);
	tcase_add_test(tests, only_the_task_that_found_no_stack_fails);
	tcase_add_test(tests, short_tasks_share_one_warm_stack);
	tcase_add_test(tests, stack_of_a_task_is_free_at_its_end_whoever_holds_it);
	tcase_add_test(tests, tasks_may_outnumber_the_pool);
	tcase_add_test(tests, tasks_that_keep_exceptions_wait_as_others_do);
	tcase_add_test(tests, a_task_is_small);
	tcase_add_test(tests, waiting_allocates_nothing);
	tcase_add_test(tests, tasks_come_and_go_in_any_number);
}

TEST_MAIN("task_stack", add_tests)
