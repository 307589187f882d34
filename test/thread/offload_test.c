/* SPDX-License-Identifier: MIT */
/* coro_to_thread, and code that runs in a thread in between. */
#include "thread/executors.h"

/* ---- the loop's own ---- */

static int leaves_one_behind(void *gate)
{
	struct coro_future *future;
	int r = coro_executor_submit(NULL, passes, gate, release, &future);
	if (r < 0)
		return r;
	coro_future_unref(future);
	return 3;
}

static void *run_and_leave(void *gate)
{
	return (void *)(intptr_t)coro_run(leaves_one_behind, gate);
}

START_TEST(coro_run_waits_at_its_end_for_what_was_submitted)
{
	struct gate gate = GATE;
	pthread_t thread;
	void *r;
	released = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, run_and_leave, &gate), 0);
	gate_await(&gate, 1);
	gate_open(&gate);
	ck_assert_int_eq(pthread_join(thread, &r), 0);
	ck_assert_int_eq((intptr_t)r, 3);
	ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(loops_may_share_an_executor_that_is_not_theirs)
{
	int result = 5;
	make_pool(1, 0);
	ck_assert_int_eq(coro_loop_set_executor(loop, pool), 0);
	ck_assert_int_eq(coro_loop_set_executor(loop, pool), -EBUSY);
	ck_assert_int_eq(result_of(goes_to_thread, &result), 5);
	ck_assert_uint_eq(coro_executor_threads(pool), 1);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	ck_assert_int_eq(coro_loop_set_executor(loop, pool), 0);
	ck_assert_int_eq(result_of(goes_to_thread, &result), 5);
	ck_assert_uint_eq(coro_executor_threads(pool), 1);
}
END_TEST

/* ---- offload ---- */

static int offloads_gate(void *gate)
{
	int r = offload(passes, gate);
	trace("%d", r);
	r = coro_task_yield();
	trace("%d", r);
	return r;
}

START_TEST(an_offloaded_call_that_ran_gives_its_result)
{
	struct gate gate = GATE;
	struct coro_future *task = start(offloads_gate, &gate);
	gate_await(&gate, 1);
	cancel(task);
	turn();
	gate_open(&gate);
	run();
	ck_assert_trace("7 -" NUMBER(ECANCELED));
	assert_ended(task, -ECANCELED);
}
END_TEST

static int offloads_in_timeout(void *gate)
{
	struct coro_timeout timeout;
	coro_timeout_begin(&timeout, 0);
	int r = coro_timeout_end(&timeout, offload(passes, gate));
	trace("%d %d", r, coro_task_yield());
	return 0;
}

static int fails(void *arg)
{
	return -EIO;
}

static int offloads_in_group(void *gate)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_spawn(group, fails, NULL, NULL);
	if (r < 0)
		return r;
	int result = offload(passes, gate);
	r = coro_group_end(group, result);
	trace("%d %d %d", result, r, coro_task_yield());
	return 0;
}

START_TEST(a_cancellation_too_late_does_not_outlive_its_scope)
{
	coro_fn *fns[] = {offloads_in_timeout, offloads_in_group};
	for (int i = 0; i < 2; i++) {
		struct gate gate = GATE;
		struct coro_future *task = start(fns[i], &gate);
		gate_await(&gate, 1);
		for (int turns = 0; turns < 4; turns++)
			turn();
		gate_open(&gate);
		run();
		assert_ended(task, 0);
	}
	ck_assert_trace("7 0 7 -5 0");
}
END_TEST

START_TEST(an_offloaded_call_that_has_not_begun_is_cancelled)
{
	struct gate gate = GATE, never = GATE;
	make_pool(1, 0);
	ck_assert_int_eq(coro_loop_set_executor(loop, pool), 0);
	struct coro_future *one = start(passes_gate, &gate);
	struct coro_future *task = start(offloads_gate, &never);
	cancel(task);
	turn();
	turn();
	ck_assert_trace("-" NUMBER(ECANCELED) " 0");
	assert_ended(task, 0);
	gate_open(&gate);
	run();
	assert_ended(one, 7);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}
END_TEST

static int offloads(void *result)
{
	return offload(notes_thread, result);
}

START_TEST(without_a_task_or_a_thread_an_offloaded_call_is_made_here)
{
	int result = 5;
	ck_assert_int_eq(offload(notes_thread, &result), 5);
	ck_assert(pthread_equal(elsewhere, pthread_self()));
	ck_assert_int_eq(result_of(offloads, &result), 5);
	ck_assert(!pthread_equal(elsewhere, pthread_self()));
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
	fail_calls_from("pthread_create", 1, EAGAIN);
	ck_assert_int_eq(result_of(offloads, &result), 5);
	ck_assert(fail_call_off());
	ck_assert(pthread_equal(elsewhere, pthread_self()));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, coro_run_waits_at_its_end_for_what_was_submitted);
	tcase_add_test(tests, loops_may_share_an_executor_that_is_not_theirs);
	tcase_add_test(tests, an_offloaded_call_that_ran_gives_its_result);
	tcase_add_test(tests, a_cancellation_too_late_does_not_outlive_its_scope);
	tcase_add_test(tests, an_offloaded_call_that_has_not_begun_is_cancelled);
	tcase_add_test(tests, without_a_task_or_a_thread_an_offloaded_call_is_made_here);
}

TEST_MAIN("offload", add_tests)
