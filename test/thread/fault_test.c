/* SPDX-License-Identifier: MIT */
/* What needs a mutex or memory of its own, without it. */
#include "thread/executors.h"

#include "coro/local.h"

static int ends(void *arg)
{
	return 0;
}

static int ends_in_each(unsigned number, void *arg)
{
	return 0;
}

static int creates_a_queue(void)
{
	struct coro_thread_queue *queue;
	int r = coro_thread_queue_create(0, &queue);
	return r < 0 ? r : coro_thread_queue_destroy(queue);
}

static int spawns_from_elsewhere(void)
{
	struct coro_remote *remote;
	int r = coro_spawn_threadsafe(loop, ends, NULL, &remote);
	if (r == 0)
		coro_remote_unref(remote);
	return r;
}

static int runs_threads(void)
{
	return coro_run_threads(1, ends_in_each, NULL);
}

static int creates_an_executor(void)
{
	struct coro_executor *executor;
	int r = coro_executor_create(NULL, &executor);
	return r < 0 ? r : coro_executor_destroy(executor);
}

static int (*const calls[])(void) = {creates_a_queue, spawns_from_elsewhere, runs_threads,
				     creates_an_executor};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

START_TEST(object_without_its_mutex_is_not_made)
{
	bool failed = true;
	int failures = 0;
	for (unsigned long n = 1; failed; n++) {
		fail_call("pthread_mutex_init", n, ENOMEM);
		int r = calls[_i]();
		failed = fail_call_off();
		ck_assert(r == 0 || (r == -ENOMEM && failed));
		failures += r < 0;
	}
	ck_assert_int_gt(failures, 0);
	run();
}
END_TEST

static struct coro_local local = CORO_LOCAL("local", NULL);

/* Its values go with the call, which needs memory for them. */
static int calls_with_values(void *ret)
{
	int r = coro_local_set(&local, &local, NULL);
	if (r < 0)
		return r;
	coro_to_thread(ends, NULL); /* there is a thread */
	fail_nth(1);
	*(int *)ret = coro_to_thread(ends, NULL);
	bool failed = fail_off();
	r = coro_to_thread(ends, NULL);
	return failed ? r : -EIO;
}

START_TEST(call_without_memory_for_its_values_is_not_made)
{
	int r = 0;
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	ck_assert_int_eq(result_of(calls_with_values, &r), 0);
	ck_assert_int_eq(r, -ENOMEM);
}
END_TEST

START_TEST(loop_without_memory_gets_its_executor_later)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	make_pool(1, 0);
	fail_nth(1);
	int r = coro_loop_set_executor(loop, pool);
	ck_assert(fail_off());
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_int_eq(coro_loop_set_executor(loop, pool), 0);
	loop_teardown();
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

static struct coro_remote *remote;
static int result_in_callback;

static void asks_in_a_callback(void *arg)
{
	result_in_callback = coro_remote_result(remote, CORO_FOREVER, NULL);
}

static void *spawns_in_thread(void *other)
{
	return coro_spawn_threadsafe(other, ends, NULL, &remote) == 0 ? other : NULL;
}

/* Neither for the result of its own loop nor of another. */
START_TEST(callback_cannot_wait_for_a_result)
{
	struct coro_loop *other;
	ck_assert_int_eq(coro_loop_create(NULL, &other), 0);
	ck_assert_ptr_nonnull(in_thread(spawns_in_thread, other));
	call_outside_tasks(asks_in_a_callback, NULL);
	ck_assert_int_lt(result_in_callback, 0);
	coro_remote_unref(remote);
	ck_assert_int_eq(coro_loop_close(other), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, object_without_its_mutex_is_not_made, 0, CALLS);
	tcase_add_test(tests, call_without_memory_for_its_values_is_not_made);
	tcase_add_test(tests, loop_without_memory_gets_its_executor_later);
	tcase_add_test(tests, callback_cannot_wait_for_a_result);
}

TEST_MAIN("thread fault", add)
