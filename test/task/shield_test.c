/* SPDX-License-Identifier: MIT */
/* Shield scopes: which cancellations come through, and when the others arrive. */
#include "tasks.h"

static struct coro_shield_scope shared;

static void begin(struct coro_shield_scope *shield, int64_t delay)
{
	ck_assert_int_eq(coro_shield_begin(shield, delay), 0);
}

/* ---- requests from outside ---- */

static int cleans_up(void *arg)
{
	struct coro_shield_scope shield;
	begin(&shield, CORO_FOREVER);
	ck_assert_int_eq(coro_shield_end(&shield, coro_sleep(10)), 0);
	trace("clean");
	int r = coro_sleep(10);
	trace("%s", coro_message(r));
	return r;
}

START_TEST(request_waits_until_the_scope_ends_and_ends_the_next_wait)
{
	struct coro_future *task = start(cleans_up, NULL);
	ck_assert_int_eq(coro_cancel_with(task, "first"), 1);
	turn();
	ck_assert_int_eq(coro_cancel_with(task, "because"), 1);
	ck_assert_int_eq(coro_task_cancelling(task), 2);
	run();
	ck_assert_trace("clean because");
	assert_time(10);
	ck_assert_int_eq(coro_task_cancelling(task), 2);
	assert_ended(task, -ECANCELED);
}
END_TEST

START_TEST(without_a_request_the_task_goes_on)
{
	ck_assert_int_eq(result_of(cleans_up, NULL), 0);
	assert_time(20);
}
END_TEST

START_TEST(request_that_is_taken_back_meanwhile_does_not_arrive)
{
	struct coro_future *task = start(cleans_up, NULL);
	cancel(task);
	cancel(task);
	ck_assert_int_eq(coro_task_uncancel(task), 1);
	ck_assert_int_eq(coro_task_uncancel(task), 0);
	ck_assert_int_eq(coro_task_uncancel(task), 0);
	run();
	assert_time(20);
	assert_ended(task, 0);
}
END_TEST

static int is_cancelled_and_cleans_up(void *arg)
{
	cancel(coro_current_task());
	return cleans_up(arg);
}

START_TEST(request_from_before_that_has_not_arrived_waits_too)
{
	ck_assert_int_eq(result_of(is_cancelled_and_cleans_up, NULL), -ECANCELED);
	assert_time(10);
}
END_TEST

static int awaits_in_a_shield(void *task)
{
	struct coro_shield_scope shield;
	begin(&shield, CORO_FOREVER);
	return coro_shield_end(&shield, coro_await(task, NULL));
}

static int sleeps(void *arg)
{
	return coro_sleep(10);
}

START_TEST(what_the_task_awaits_inside_is_not_cancelled)
{
	struct coro_future *inner = spawn(sleeps, NULL);
	struct coro_future *task = start(awaits_in_a_shield, inner);
	cancel(task);
	run();
	assert_time(10);
	assert_ended(inner, 0);
	assert_ended(task, 0); /* it did not wait after that */
}
END_TEST

static int is_in_a_timeout(void *arg)
{
	struct coro_timeout timeout;
	struct coro_shield_scope shield;
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	begin(&shield, CORO_FOREVER);
	int r = coro_shield_end(&shield, coro_sleep(10));
	ck_assert_int_eq(r, 0);
	assert_time(10);
	return coro_timeout_end(&timeout, arg ? coro_sleep(10) : r);
}

START_TEST(timeout_around_it_waits_too)
{
	ck_assert_int_eq(result_of(is_in_a_timeout, &shared), -ETIMEDOUT);
	assert_time(10);
	coro_loop_close(loop);
	loop_setup();
	ck_assert_int_eq(result_of(is_in_a_timeout, NULL), 0); /* it is over by then */
}
END_TEST

static int fails(void *arg)
{
	return -EIO;
}

static int is_in_a_group(void *arg)
{
	struct coro_group *group;
	struct coro_shield_scope shield;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, fails, NULL, NULL), 0);
	begin(&shield, CORO_FOREVER);
	int r = coro_shield_end(&shield, coro_sleep(10));
	ck_assert_int_eq(r, 0);
	r = coro_sleep(10);
	ck_assert_int_eq(r, -ECANCELED);
	ck_assert_int_eq(coro_group_end(group, r), -EIO);
	return coro_sleep(5);
}

START_TEST(group_around_it_waits_too)
{
	ck_assert_int_eq(result_of(is_in_a_group, NULL), 0);
	assert_time(15);
}
END_TEST

/* ---- from inside ---- */

static int is_late(void *delay)
{
	struct coro_shield_scope shield;
	begin(&shield, *(int64_t *)delay);
	ck_assert_int_eq(coro_shield_end(&shield, coro_sleep(10)), -ETIMEDOUT);
	ck_assert_int_eq(coro_task_cancelling(coro_current_task()), 1);
	return coro_sleep(10);
}

START_TEST(scope_has_a_time_of_its_own)
{
	static int64_t delay = 3;
	struct coro_future *task = start(is_late, &delay);
	cancel(task);
	run();
	assert_time(3);
	assert_ended(task, -ECANCELED);
}
END_TEST

static int uses_scopes_inside(void *arg)
{
	struct coro_shield_scope shield;
	struct coro_timeout timeout;
	struct coro_group *group;
	begin(&shield, CORO_FOREVER);
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	ck_assert_int_eq(coro_timeout_end(&timeout, coro_sleep(10)), -ETIMEDOUT);
	assert_time(3);
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, fails, NULL, NULL), 0);
	ck_assert_int_eq(coro_group_end(group, coro_sleep(10)), -EIO);
	assert_time(3);
	ck_assert_int_eq(coro_sleep(1), 0);
	ck_assert_int_eq(coro_shield_end(&shield, 0), 0);
	return coro_sleep(1);
}

START_TEST(timeouts_and_groups_inside_work_as_everywhere)
{
	for (int i = 0; i < 2; i++) {
		struct coro_future *task = start(uses_scopes_inside, NULL);
		if (i == 0)
			cancel(task);
		run();
		assert_ended(task, i == 0 ? -ECANCELED : 0);
		coro_loop_close(loop);
		loop_setup();
	}
}
END_TEST

/* The scope's time is over when a group inside fails: the next wait is cancelled for that. */
static int is_late_for_a_failure(void *outside)
{
	struct coro_shield_scope shield;
	struct coro_group *group;
	struct coro_future *self = coro_current_task();
	begin(&shield, 0);
	if (outside)
		cancel(self);
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, fails, NULL, NULL), 0);
	ck_assert_int_eq(coro_group_end(group, coro_sleep(10)), -EIO);
	ck_assert_int_eq(coro_task_cancelling(self), outside ? 2 : 1);
	ck_assert_int_eq(coro_shield_end(&shield, coro_sleep(10)), -ETIMEDOUT);
	ck_assert_int_eq(coro_task_cancelling(self), outside ? 1 : 0);
	assert_time(0);
	return coro_sleep(10);
}

START_TEST(time_of_a_scope_and_a_failure_inside_come_together)
{
	ck_assert_int_eq(result_of(is_late_for_a_failure, NULL), 0);
	loop_teardown();
	loop_setup();
	ck_assert_int_eq(result_of(is_late_for_a_failure, "too"), -ECANCELED);
}
END_TEST

static int nests(void *arg)
{
	struct coro_timeout timeout;
	struct coro_shield_scope outer, inner;
	begin(&outer, CORO_FOREVER);
	ck_assert_int_eq(coro_timeout_begin(&timeout, 3), 0);
	begin(&inner, CORO_FOREVER);
	ck_assert_int_eq(coro_shield_end(&outer, 0), -EBUSY);
	ck_assert_int_eq(coro_sleep(5), 0);
	ck_assert_int_eq(coro_shield_end(&inner, 0), 0);
	/*
	 * The timeout between the two shields gets through, the cancellation from outside of both
	 * does not.
	 */
	ck_assert_int_eq(coro_timeout_end(&timeout, coro_sleep(5)), -ETIMEDOUT);
	assert_time(5);
	ck_assert_int_eq(coro_sleep(5), 0);
	ck_assert_int_eq(coro_shield_end(&outer, 0), 0);
	return coro_sleep(5);
}

START_TEST(request_waits_for_the_scopes_that_it_is_outside_of)
{
	struct coro_future *task = start(nests, NULL);
	cancel(task);
	run();
	assert_time(10);
	assert_ended(task, -ECANCELED);
}
END_TEST

/* Its cleanup makes light of the first cancellation, and waits on. */
static int hangs(void *times)
{
	const int64_t *delays = times;
	struct coro_shield_scope outer, inner;
	begin(&outer, delays[0]);
	begin(&inner, delays[1]);
	ck_assert_int_eq(coro_sleep(100), -ECANCELED);
	trace("%d", (int)coro_loop_time(loop));
	int r = coro_sleep(100);
	trace("%d", (int)coro_loop_time(loop));
	r = coro_shield_end(&outer, coro_shield_end(&inner, r));
	return r < 0 ? r : coro_sleep(100);
}

/* Neither the time of a scope around it nor, from 30 on, a request from outside. */
START_TEST(scope_whose_time_is_over_holds_no_request)
{
	static struct {
		int64_t delays[2];
		const char *trace;
		int64_t end;
		int status;
	} cases[] = {
		{{20, 10}, "10 20", 20, -ETIMEDOUT},
		{{10, 20}, "20 30", 30, -ECANCELED},
		{{CORO_FOREVER, 10}, "10 110", 110, -ECANCELED},
	};
	struct coro_future *task = start(hangs, cases[_i].delays);
	if (cases[_i].end > 20)
		at(30, cancel_it, task);
	run();
	ck_assert_trace(cases[_i].trace);
	assert_ended(task, cases[_i].status);
	assert_time(cases[_i].end);
}
END_TEST

/* ---- misuse ---- */

static int ends_the_shared(void *arg)
{
	return coro_shield_end(&shared, 0);
}

static int misuses(void *arg)
{
	ck_assert_int_eq(coro_shield_begin(NULL, 1), -EINVAL);
	ck_assert_int_eq(coro_shield_end(NULL, 1), -EINVAL);
	begin(&shared, CORO_FOREVER);
	ck_assert_int_eq(coro_shield_begin(&shared, 1), -EBUSY);
	struct coro_future *task;
	ck_assert_int_eq(coro_spawn(ends_the_shared, NULL, &task), 0);
	ck_assert_int_eq(coro_await(task, NULL), -EPERM);
	coro_future_unref(task);
	ck_assert_int_eq(coro_shield_end(&shared, 7), 7);
	ck_assert_int_eq(coro_shield_end(&shared, 7), -EALREADY);
	return 0;
}

START_TEST(misuse_is_refused)
{
	ck_assert_int_eq(coro_shield_begin(&shared, 1), -EPERM);
	ck_assert_int_eq(result_of(misuses, NULL), 0);
}
END_TEST

static int nests_deep(void *arg)
{
	static struct coro_shield_scope scopes[256];
	int depth = 0, r;
	while ((r = coro_shield_begin(&scopes[depth], CORO_FOREVER)) == 0)
		depth++;
	ck_assert_int_eq(r, -EOVERFLOW);
	ck_assert_int_eq(depth, 255);
	while (depth > 0)
		ck_assert_int_eq(coro_shield_end(&scopes[--depth], 0), 0);
	return 0;
}

START_TEST(scopes_nest_255_times)
{
	ck_assert_int_eq(result_of(nests_deep, NULL), 0);
}
END_TEST

static int generates_in_a_shield(void *arg)
{
	struct coro_shield_scope shield;
	begin(&shield, CORO_FOREVER);
	int r = coro_yield(arg, NULL);
	ck_assert_int_eq(coro_shield_end(&shield, r), r);
	trace("ended");
	return r;
}

static int takes_one(void *generator)
{
	ck_assert_int_eq(coro_next(generator, NULL), 1);
	return coro_sleep(20);
}

static int destroys(void *generator)
{
	return coro_destroy(generator);
}

START_TEST(scope_of_a_generator_ends_with_it)
{
	/* Closed by another task while its own waits, which is then cancelled; and after that. */
	for (int i = 0; i < 2; i++) {
		struct coro *generator;
		ck_assert_int_eq(coro_create(generates_in_a_shield, loop, &generator), 0);
		struct coro_future *task = start(takes_one, generator);
		turn();
		if (i == 0)
			cancel(task);
		else
			run();
		ck_assert(coro_future_done(task) == (i == 1));
		ck_assert_int_eq(result_of(destroys, generator), 0);
		ck_assert_trace("ended");
		run();
		assert_time(i == 0 ? 0 : 20);
		assert_ended(task, i == 0 ? -ECANCELED : 0);
	}
}
END_TEST

START_TEST(loop_can_be_closed_while_requests_wait)
{
	struct coro_loop *plain = loop;
	loop_setup();
	struct coro_future *task = start(cleans_up, NULL);
	ck_assert_int_eq(coro_cancel_with(task, "because"), 1);
	coro_future_unref(task);
	loop_teardown();
	loop = plain;
}
END_TEST

/* ---- memory ---- */

static int program(void *arg)
{
	struct coro_shield_scope shield;
	int r = coro_shield_begin(&shield, 5);
	if (r < 0)
		return r;
	coro_cancel_with(coro_current_task(), "%d", 5);
	r = coro_shield_end(&shield, coro_sleep(10));
	if (r != -ETIMEDOUT || coro_sleep(1) != -ECANCELED)
		return -EPROTO;
	return 0;
}

START_TEST(scope_that_finds_no_memory_has_not_begun)
{
	fail_each_allocation(program);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);

	tcase_add_test(tests, request_waits_until_the_scope_ends_and_ends_the_next_wait);
	tcase_add_test(tests, without_a_request_the_task_goes_on);
	tcase_add_test(tests, request_that_is_taken_back_meanwhile_does_not_arrive);
	tcase_add_test(tests, request_from_before_that_has_not_arrived_waits_too);
	tcase_add_test(tests, what_the_task_awaits_inside_is_not_cancelled);
	tcase_add_test(tests, timeout_around_it_waits_too);
	tcase_add_test(tests, group_around_it_waits_too);

	tcase_add_test(tests, scope_has_a_time_of_its_own);
	tcase_add_test(tests, timeouts_and_groups_inside_work_as_everywhere);
	tcase_add_test(tests, time_of_a_scope_and_a_failure_inside_come_together);
	tcase_add_test(tests, request_waits_for_the_scopes_that_it_is_outside_of);
	tcase_add_loop_test(tests, scope_whose_time_is_over_holds_no_request, 0, 3);

	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, scopes_nest_255_times);
	tcase_add_test(tests, scope_of_a_generator_ends_with_it);
	tcase_add_test(tests, loop_can_be_closed_while_requests_wait);
	tcase_add_test(tests, scope_that_finds_no_memory_has_not_begun);
}

TEST_MAIN("shield", add_tests)
