/* SPDX-License-Identifier: MIT */
/* Reports of errors that nobody asks for: which are reported, and when. */
#include "loop/reports.h"

static int is_cancelled(void *arg)
{
	coro_cancel(coro_current_task());
	return coro_sleep(1);
}

/* ---- who asks, and who does not ---- */

START_TEST(failed_task_that_nobody_holds_is_reported)
{
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, fails, NULL, NULL), 0);
	run();
	ck_assert_trace("unheard:Task-1:5:torn");
}
END_TEST

START_TEST(failed_task_is_reported_when_its_last_reference_goes)
{
	struct coro_future *task = failed_task();
	coro_future_ref(task);
	coro_future_unref(task);
	ck_assert_trace("");
	coro_future_unref(task);
	ck_assert_trace("unheard:Task-1:5:torn");
}
END_TEST

START_TEST(failed_future_is_reported_when_its_last_reference_goes)
{
	struct coro_future *future = failed_future();
	ck_assert_trace("");
	coro_future_unref(future);
	ck_assert_trace("unheard:-:5:torn");
}
END_TEST

static void check_report(const struct coro_report *report)
{
	ck_assert_str_eq(report->message, "Future exception was never retrieved");
	ck_assert_int_eq(report->error, -ENOENT);
	ck_assert_str_eq(report->error_message, coro_strerror(-ENOENT));
	ck_assert_ptr_null(report->origin);
	ck_assert_ptr_nonnull(report->future);
	ck_assert_ptr_null(report->generator);
}

START_TEST(error_without_a_message_is_reported_with_the_systems)
{
	struct coro_future *future = make_future();
	ck_assert_int_eq(coro_future_set_error(future, -ENOENT), 0);
	hear_with(loop, check_report);
	coro_future_unref(future);
	ck_assert_str_ne(trace_take(), "");
}
END_TEST

static void check_origin(const struct coro_report *report)
{
	ck_assert_str_eq(report->message, "Task exception was never retrieved");
	ck_assert_ptr_nonnull(strstr(report->origin, "reports.h:"));
	ck_assert(coro_future_done(report->future));
	ck_assert_str_eq(coro_future_message(report->future), "torn");
}

START_TEST(report_tells_where_the_error_was_raised)
{
	hear_with(loop, check_origin);
	coro_future_unref(failed_task());
	ck_assert_trace("unheard:Task-1:5:torn");
}
END_TEST

START_TEST(successes_and_cancellations_are_not_reported)
{
	struct coro_future *future = make_future(), *other = make_future();
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, gives_way, NULL, NULL), 0);
	ck_assert_int_eq(coro_loop_spawn(loop, NULL, is_cancelled, NULL, NULL), 0);
	coro_future_unref(start(waits, NULL));
	run();
	set(future, NULL);
	cancel(other);
	coro_future_unref(future);
	coro_future_unref(other);
	coro_future_unref(make_future());
	ck_assert_trace("");
}
END_TEST

static int asks_by_await(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_await(task, NULL), -EIO);
	return drop(task);
}

static int asks_by_await_when_done(void *arg)
{
	struct coro_future *task = failing(1);
	coro_sleep(5);
	ck_assert_int_eq(coro_await(task, NULL), -EIO);
	return drop(task);
}

static int asks_for_the_result(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_future_result(task, NULL), -EAGAIN);
	coro_sleep(5);
	ck_assert_int_eq(coro_future_result(task, NULL), -EIO);
	return drop(task);
}

static int asks_for_the_message(void *arg)
{
	struct coro_future *task = failing(1);
	coro_sleep(5);
	ck_assert_str_eq(coro_future_message(task), "torn");
	return drop(task);
}

static int asks_by_cancel_when_done(void *arg)
{
	struct coro_future *task = failing(1);
	coro_sleep(5);
	ck_assert_int_eq(coro_cancel(task), 0);
	return drop(task);
}

static int asks_by_wait_for(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_wait_for(task, 5, NULL), -EIO);
	return drop(task);
}

static int asks_by_shield(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_shield(task, NULL), -EIO);
	return drop(task);
}

static int asks_by_gather(void *arg)
{
	struct coro_future *tasks[] = {failing(1), failing(2)};
	ck_assert_int_eq(coro_gather(tasks, 2, NULL), -EIO);
	drop(tasks[0]);
	drop(tasks[1]);
	return (int)coro_sleep(
		5); /* the other fails after the end of the gather, which is its own */
}

static int asks_by_gather_all(void *arg)
{
	struct coro_future *tasks[] = {failing(1), failing(2)};
	ck_assert_int_eq(coro_gather_all(tasks, 2, NULL), 0);
	drop(tasks[0]);
	return drop(tasks[1]);
}

static int asks_by_wait_for_the_first_exception(void *arg)
{
	struct coro_future *tasks[] = {failing(1), spawn(waits, NULL)};
	ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_EXCEPTION, CORO_FOREVER), 1);
	drop(tasks[0]);
	return drop(tasks[1]);
}

static int asks_by_group(void *arg)
{
	struct coro_group *group;
	ck_assert_int_eq(coro_group_create(&group), 0);
	ck_assert_int_eq(coro_group_spawn(group, fails, NULL, NULL), 0);
	ck_assert_int_eq(coro_group_spawn(group, fails, NULL, NULL), 0);
	ck_assert_int_eq(coro_group_end(group, 0), -EIO);
	return 0;
}

static void ask(void *task)
{
	ck_assert_int_eq(coro_future_result(task, NULL), -EIO);
}

static int asks_in_a_callback(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_future_add_done_callback(task, ask, task), 0);
	return drop(task);
}

/* In asyncio the wait's callback still runs, and asks for the result. */
static int waits_for_the_first_exception_as_its_time_is_over(void *arg)
{
	struct coro_future *tasks[] = {failing(1), spawn(waits, NULL)};
	coro_sleep(0);
	ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_EXCEPTION, 1), 1);
	drop(tasks[0]);
	return drop(tasks[1]);
}

static coro_fn *const ways_to_ask[] = {
	asks_by_await,
	asks_by_await_when_done,
	asks_for_the_result,
	asks_for_the_message,
	asks_by_cancel_when_done,
	asks_by_wait_for,
	asks_by_shield,
	asks_by_gather,
	asks_by_gather_all,
	asks_by_wait_for_the_first_exception,
	asks_in_a_callback,
	waits_for_the_first_exception_as_its_time_is_over,
	asks_by_group,
};

enum { WAYS_TO_ASK = sizeof(ways_to_ask) / sizeof(*ways_to_ask) };

START_TEST(error_that_was_asked_for_is_not_reported)
{
	ck_assert_int_eq(result_of(ways_to_ask[_i], NULL), 0);
	run();
	ck_assert_trace("");
}
END_TEST

static int asks_whether_it_is_done(void *arg)
{
	struct coro_future *task = failing(1);
	coro_sleep(5);
	ck_assert(coro_future_done(task));
	ck_assert(!coro_future_cancelled(task));
	return drop(task);
}

static int adds_a_callback(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_future_add_done_callback(task, call_nothing, NULL), 0);
	coro_sleep(5);
	return drop(task);
}

static int waits_for_all(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_wait(&task, 1, CORO_ALL_COMPLETED, CORO_FOREVER), 1);
	return drop(task);
}

static int waits_for_the_first(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_wait(&task, 1, CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
	return drop(task);
}

/* asyncio's wait does not look at the error of the last. */
static int waits_for_the_first_exception_of_one(void *arg)
{
	struct coro_future *task = failing(1);
	ck_assert_int_eq(coro_wait(&task, 1, CORO_FIRST_EXCEPTION, CORO_FOREVER), 1);
	return drop(task);
}

static int waits_for_the_first_exception_of_one_named_twice(void *arg)
{
	struct coro_future *task = failing(1), *twice[] = {task, task};
	ck_assert_int_eq(coro_wait(twice, 2, CORO_FIRST_EXCEPTION, CORO_FOREVER), 1);
	return drop(task);
}

static int cancels_before_it_fails(void *arg)
{
	struct coro_future *task = failing(1);
	coro_sleep(0);
	ck_assert_int_eq(coro_cancel(task), 1); /* it pays no heed */
	coro_sleep(5);
	return drop(task);
}

static int gives_up_a_shield(void *arg)
{
	struct coro_future *task = failing(9);
	ck_assert_int_eq(coro_shield(task, NULL), -ECANCELED);
	drop(task);
	return 0;
}

static int has_its_shield_cancelled(void *arg)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_spawn(gives_up_a_shield, NULL, &task), 0);
	coro_sleep(1);
	ck_assert_int_eq(coro_cancel(task), 1);
	ck_assert_int_eq(coro_await(task, NULL), 0);
	coro_sleep(20);
	return drop(task);
}

static coro_fn *const ways_not_to_ask[] = {
	asks_whether_it_is_done,
	adds_a_callback,
	waits_for_all,
	waits_for_the_first,
	waits_for_the_first_exception_of_one,
	waits_for_the_first_exception_of_one_named_twice,
	cancels_before_it_fails,
};

enum { WAYS_NOT_TO_ASK = sizeof(ways_not_to_ask) / sizeof(*ways_not_to_ask) };

START_TEST(error_that_was_not_asked_for_is_reported)
{
	ck_assert_int_eq(result_of(ways_not_to_ask[_i], NULL), 0);
	run();
	const char *heard = trace_take();
	ck_assert_msg(strstr(heard, "unheard:Task-") == heard && strstr(heard, ":5:torn"), "%s",
		      heard);
}
END_TEST

START_TEST(error_after_the_shield_was_cancelled_is_reported_as_such)
{
	ck_assert_int_eq(result_of(has_its_shield_cancelled, NULL), 0);
	run();
	ck_assert_trace("exception in shielded future:Task-3:5:torn");
}
END_TEST

static struct coro_future *shielded;

static int shields(void *arg)
{
	return coro_shield(shielded, NULL);
}

static void cancel_and_fail(void *task)
{
	cancel(task);
	ck_assert_int_eq(coro_future_set_error(shielded, -EIO), 0);
}

START_TEST(shield_that_is_cancelled_when_its_future_fails_does_not_ask)
{
	shielded = make_future();
	struct coro_future *task = start(shields, NULL);
	call_outside_tasks(cancel_and_fail, task);
	run();
	assert_ended(task, -ECANCELED);
	coro_future_unref(shielded);
	char said[64];
	snprintf(said, sizeof(said), "unheard:-:%d:%s", EIO, coro_strerror(-EIO));
	ck_assert_trace(said);
}
END_TEST

/* The call already had the failure, but its caller was discarded before it got it. */
START_TEST(shield_cancelled_after_its_future_failed_is_reported)
{
	shielded = make_future();
	struct coro_future *task = start(shields, NULL);
	ck_assert_int_eq(coro_future_set_error(shielded, coro_raise(-EIO, "torn")), 0);
	turn();
	ck_assert(!coro_future_done(task));
	cancel(task);
	run();
	assert_ended(task, -ECANCELED);
	ck_assert_trace("unheard:-:5:torn");
	coro_future_unref(shielded);
	ck_assert_trace("");
}
END_TEST

static int group_fails(void *arg)
{
	coro_sleep(1);
	return coro_raise(-EIO, "torn");
}

static int leaves_a_group_open(void *arg)
{
	struct coro_group **group = arg;
	ck_assert_int_eq(coro_group_create(group), 0);
	ck_assert_int_eq(coro_group_spawn(*group, group_fails, NULL, NULL), 0);
	return coro_yield(arg, NULL) == CORO_EXIT ? coro_group_end(*group, 0) : 0;
}

static int takes_one(void *generator)
{
	return coro_next(generator, NULL);
}

START_TEST(failure_in_a_group_whose_owner_has_ended_is_reported)
{
	struct coro_group *group;
	struct coro *generator;
	ck_assert_int_eq(coro_create(leaves_a_group_open, &group, &generator), 0);
	ck_assert_int_eq(result_of(takes_one, generator), 1);
	run();
	ck_assert_ptr_nonnull(strstr(trace_take(), "Task has errored out but its parent"));
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_trace("");
}
END_TEST

START_TEST(run_until_complete_asks)
{
	struct coro_future *task = spawn(fails, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EIO);
	coro_future_unref(task);
	ck_assert_trace("");
}
END_TEST

/* ---- when ---- */

static void spawn_some(void)
{
	coro_future_unref(spawn(steps, "a"));
	coro_future_unref(spawn(fails, NULL));
	coro_future_unref(spawn(steps, "b"));
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "c", NULL), 0);
	coro_future_unref(spawn(steps, "d"));
}

START_TEST(report_comes_before_what_is_ready_and_changes_no_order)
{
	hear_with(loop, NULL);
	spawn_some();
	run();
	ck_assert_trace("a unheard:Task-2:5:torn b c d a b d a b d");
	coro_loop_set_exception_handler(loop, NULL, NULL);
	spawn_some();
	run();
	ck_assert_trace("a b c d a b d a b d");
}
END_TEST

START_TEST(reports_are_made_between_steps_in_the_order_of_their_causes)
{
	coro_future_unref(spawn(drops_two, NULL));
	run();
	ck_assert_trace("dropped unheard:Task-3:5:torn unheard:Task-2:5:torn after");
}
END_TEST

static void drop_in_callback(void *task)
{
	coro_future_unref(task);
	trace("dropped");
}

START_TEST(reports_of_a_callback_come_before_the_next)
{
	struct coro_future *task = failed_task();
	ck_assert_int_eq(coro_call_soon(loop, drop_in_callback, task, NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "next", NULL), 0);
	run();
	ck_assert_trace("dropped unheard:Task-1:5:torn next");
}
END_TEST

static int spawns_eagerly(void *arg)
{
	struct coro_options eager = {.flags = CORO_EAGER_START};
	ck_assert_int_eq(coro_loop_spawn(loop, &eager, fails, NULL, NULL), 0);
	trace("spawned");
	coro_task_yield();
	trace("after");
	return 0;
}

static void spawn_eagerly_in_callback(void *arg)
{
	struct coro_options eager = {.flags = CORO_EAGER_START};
	ck_assert_int_eq(coro_loop_spawn(loop, &eager, fails, NULL, NULL), 0);
	trace("spawned");
}

START_TEST(eager_tasks_are_reported_too)
{
	coro_future_unref(spawn(spawns_eagerly, NULL));
	run();
	const char *heard = trace_take();
	ck_assert(!strcmp(heard, "spawned unheard:Task-2:5:torn after") ||
		  !strcmp(heard, "unheard:Task-2:5:torn spawned after"));
	ck_assert_int_eq(coro_call_soon(loop, spawn_eagerly_in_callback, NULL, NULL), 0);
	ck_assert_int_eq(coro_call_soon(loop, trace_word, "next", NULL), 0);
	run();
	ck_assert_trace("spawned unheard:Task-3:5:torn next");
}
END_TEST

/* ---- without memory, and in numbers ---- */

static int program(void *arg)
{
	coro_loop_set_exception_handler(coro_running_loop(), hear, NULL);
	for (int i = 0; i < 3; i++) {
		int r = coro_spawn(fails, NULL, NULL);
		if (r < 0)
			return r;
	}
	int r = coro_sleep(1);
	return r < 0 ? r : coro_spawn(waits, NULL, NULL);
}

START_TEST(reports_survive_the_failure_of_any_allocation)
{
	fail_each_allocation(program);
	trace_take();
}
END_TEST

static void count_report(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	++*(int *)arg;
}

START_TEST(reports_allocate_nothing_and_none_is_lost)
{
	int heard = 0, number = many(2000, 200);
	for (int i = 0; i < number; i++) {
		coro_future_unref(spawn(fails, NULL));
		coro_future_unref(spawn(gives_way, NULL));
	}
	coro_loop_set_exception_handler(loop, count_report, &heard);
	run();
	ck_assert_int_eq(heard, number);

	/* Futures that failed without a message, dropped in a run. */
	struct coro_future *quiet[50];
	for (int i = 0; i < 50; i++) {
		quiet[i] = make_future();
		ck_assert_int_eq(coro_future_set_error(quiet[i], -ENOENT), 0);
		ck_assert_int_eq(coro_call_soon(loop, drop_in_callback, quiet[i], NULL), 0);
	}
	ck_assert_uint_eq(allocations_of_run(), 0);
	ck_assert_int_eq(heard, number + 50);
	trace_take();
}
END_TEST

static int leaves_a_group(void *arg)
{
	static struct coro_group *group; /* never freed, and no leak to LeakSanitizer */
	int r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_spawn(group, fails, arg, NULL);
	return r < 0 ? r : coro_sleep(10);
}

/* It ends by the group's request, which has no message. */
START_TEST(what_failed_in_a_group_that_was_never_ended_is_reported)
{
	struct coro_future *task = spawn(leaves_a_group, (void *)(intptr_t)_i);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -ECANCELED);
	coro_future_unref(task);
	ck_assert_trace("");
	loop_teardown();
	ck_assert_trace("held:Task-2:5:torn");
	loop_setup();
}
END_TEST

static int joins_and_asks(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	for (int i = 0; i < 2 && r == 0; i++)
		r = coro_group_spawn(group, fails, arg, NULL);
	return r < 0 ? r : coro_group_end(group, 0);
}

START_TEST(what_failed_in_a_group_that_was_ended_is_not)
{
	struct coro_future *task = spawn(joins_and_asks, (void *)(intptr_t)_i);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EIO);
	coro_future_unref(task);
	loop_teardown();
	ck_assert_trace("");
	loop_setup();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, failed_task_that_nobody_holds_is_reported);
	tcase_add_test(tests, failed_task_is_reported_when_its_last_reference_goes);
	tcase_add_test(tests, failed_future_is_reported_when_its_last_reference_goes);
	tcase_add_test(tests, error_without_a_message_is_reported_with_the_systems);
	tcase_add_test(tests, report_tells_where_the_error_was_raised);
	tcase_add_test(tests, successes_and_cancellations_are_not_reported);
	tcase_add_loop_test(tests, error_that_was_asked_for_is_not_reported, 0, WAYS_TO_ASK);
	tcase_add_loop_test(tests, error_that_was_not_asked_for_is_reported, 0, WAYS_NOT_TO_ASK);
	tcase_add_test(tests, error_after_the_shield_was_cancelled_is_reported_as_such);
	tcase_add_test(tests, shield_that_is_cancelled_when_its_future_fails_does_not_ask);
	tcase_add_test(tests, shield_cancelled_after_its_future_failed_is_reported);
	tcase_add_test(tests, failure_in_a_group_whose_owner_has_ended_is_reported);
	tcase_add_test(tests, run_until_complete_asks);
	tcase_add_test(tests, report_comes_before_what_is_ready_and_changes_no_order);
	tcase_add_test(tests, reports_are_made_between_steps_in_the_order_of_their_causes);
	tcase_add_test(tests, reports_of_a_callback_come_before_the_next);
	tcase_add_test(tests, eager_tasks_are_reported_too);
	tcase_add_test(tests, reports_survive_the_failure_of_any_allocation);
	tcase_add_test(tests, reports_allocate_nothing_and_none_is_lost);
	tcase_add_loop_test(tests, what_failed_in_a_group_that_was_never_ended_is_reported, 0, 2);
	tcase_add_loop_test(tests, what_failed_in_a_group_that_was_ended_is_not, 0, 2);
}

TEST_MAIN("exception", add_tests)
