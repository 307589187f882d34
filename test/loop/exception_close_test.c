/* SPDX-License-Identifier: MIT */
/* Reports at the end of a loop: of discarded tasks, and of what they held. */
#include "loop/reports.h"

/* ---- the end of a loop ---- */

static int awaits(void *future)
{
	return coro_await(future, NULL);
}

static void look_at_pending(const struct coro_report *report)
{
	ck_assert_str_eq(report->message, "Task was destroyed but it is pending!");
	ck_assert(!coro_future_done(report->future));
	ck_assert_int_eq(report->error, 0);
	ck_assert_ptr_null(report->error_message);
	ck_assert(coro_loop_closed(loop));
	ck_assert_int_eq(coro_cancel(report->future), -EPIPE);
	ck_assert_int_eq(coro_call_soon(loop, call_nothing, NULL, NULL), -EPIPE);
	ck_assert_int_eq(coro_loop_close(loop), 0);
}

START_TEST(task_that_is_discarded_is_reported)
{
	struct coro_future *gate = make_future();
	struct coro_options named = {.name = "reader", .site = CORO_HERE};
	hear_with(loop, look_at_pending);
	coro_future_unref(start(waits, NULL));
	ck_assert_int_eq(coro_loop_spawn(loop, &named, awaits, gate, NULL), 0);
	turn();
	coro_future_unref(spawn(waits, NULL));
	coro_future_unref(spawn(fails, NULL)); /* never starts */
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_trace("pending:Task-1:0 pending:reader:0 pending:Task-3:0 pending:Task-4:0");
	coro_future_unref(gate);
	loop_setup();
}
END_TEST

static struct coro_future *pair[2];

static int waits_for_both(void *arg)
{
	return coro_wait(pair, 2, CORO_ALL_COMPLETED, CORO_FOREVER);
}

/* The wait has the last reference to a failed task, and is discarded with its own task. */
START_TEST(what_discarded_tasks_held_is_reported_after_all_of_them)
{
	pair[0] = spawn(fails, NULL);
	pair[1] = spawn(waits, NULL);
	coro_future_unref(start(waits_for_both, NULL));
	coro_future_unref(spawn(waits, NULL));
	turn();
	coro_future_unref(pair[0]);
	coro_future_unref(pair[1]);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_trace("pending:Task-2:0 pending:Task-3:0 pending:Task-4:0 unheard:Task-1:5:torn");
	loop_setup();
}
END_TEST

START_TEST(failure_that_is_held_is_reported_when_its_loop_is_closed)
{
	struct coro_future *task = failed_task(), *plain = failed_future(), *asked = failed_task();
	coro_future_ref(plain);
	coro_future_unref(plain);
	ck_assert_int_eq(coro_future_result(asked, NULL), -EIO);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_trace("held:Task-1:5:torn held:-:5:torn");
	ck_assert_int_eq(coro_future_result(task, NULL), -EIO);
	coro_future_unref(task);
	coro_future_unref(plain);
	coro_future_unref(asked); /* and now the loop itself goes */
	ck_assert_trace("");
	loop_setup();
}
END_TEST

/* Bodies that wait, or have waited, for a task that fails in the last turn. */

static struct coro_future *fails_last;

static int stops_and_fails(void *arg)
{
	coro_sleep(5);
	ck_assert_int_eq(coro_loop_stop(loop), 0);
	return coro_raise(-EIO, "torn");
}

static int awaits_it(void *arg)
{
	return coro_await(fails_last, NULL);
}

static int shields_it(void *arg)
{
	return coro_shield(fails_last, NULL);
}

static int gathers_it(void *arg)
{
	return coro_gather(&fails_last, 1, NULL);
}

static int has_gathered_it(void *arg)
{
	struct coro_future *tasks[] = {failing(1), fails_last};
	ck_assert_int_eq(coro_gather(tasks, 2, NULL), -EIO);
	drop(tasks[0]);
	return coro_sleep(1000);
}

static void give_back(void *task)
{
	coro_future_unref(task);
}

static int waits_for_its_exception(void *arg)
{
	struct coro_future *tasks[] = {fails_last, spawn(waits, NULL)};
	ck_assert_int_eq(coro_defer(give_back, tasks[1]), 0);
	int r = coro_wait(tasks, 2, CORO_FIRST_EXCEPTION, CORO_FOREVER);
	return r < 0 ? r : coro_sleep(1000);
}

/* Its time is over when the task fails. */
static int has_waited_for_its_exception(void *arg)
{
	struct coro_future *tasks[] = {fails_last, spawn(waits, NULL)};
	coro_sleep(0);
	ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_EXCEPTION, 5), 1);
	drop(tasks[1]);
	return coro_sleep(1000);
}

static coro_fn *const ways_to_ask_late[] = {awaits_it,
					    shields_it,
					    gathers_it,
					    has_gathered_it,
					    waits_for_its_exception,
					    has_waited_for_its_exception};

enum { WAYS_TO_ASK_LATE = sizeof(ways_to_ask_late) / sizeof(*ways_to_ask_late) };

/* Stopped in the turn in which the task fails; the loop runs so many turns more. */
static void run_until_it_fails(coro_fn *way, int more)
{
	fails_last = spawn(stops_and_fails, NULL);
	coro_future_unref(spawn(way, NULL));
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert(coro_future_done(fails_last));
	for (int i = 0; i < more; i++) {
		ck_assert_int_eq(coro_loop_stop(loop), 0);
		ck_assert_int_eq(coro_run_forever(loop), 0);
	}
	ck_assert_int_eq(coro_loop_close(loop), 0);
	coro_future_unref(fails_last);
	loop_setup();
}

START_TEST(failure_that_came_too_late_for_who_waits_is_reported)
{
	run_until_it_fails(ways_to_ask_late[_i], 0);
	const char *heard = trace_take();
	ck_assert_msg(strstr(heard, "held:Task-1:5:torn"), "%s", heard);
}
END_TEST

static int awaits_it_and_gives_it_back(void *arg)
{
	ck_assert_int_eq(coro_defer(give_back, fails_last), 0);
	return coro_await(fails_last, NULL);
}

START_TEST(failure_that_only_who_waits_has_held_is_reported_too)
{
	fails_last = spawn(stops_and_fails, NULL);
	coro_future_unref(spawn(awaits_it_and_gives_it_back, NULL));
	ck_assert_int_eq(coro_run_forever(loop), 0);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_trace("pending:Task-2:0 unheard:Task-1:5:torn");
	loop_setup();
}
END_TEST

START_TEST(failure_that_a_waiter_got_is_not_reported)
{
	run_until_it_fails(ways_to_ask_late[_i], 1);
	const char *heard = trace_take();
	ck_assert_msg(!strstr(heard, "held:"), "%s", heard);
}
END_TEST

static int gathers_and_never_ends(void *arg)
{
	struct coro_future *tasks[] = {failing(1), fails_last}, *never = arg;
	ck_assert_int_eq(coro_gather(tasks, 2, NULL), -EIO);
	drop(tasks[0]);
	return coro_await(never, NULL);
}

START_TEST(failure_before_a_deadlock_reaches_the_gatherer)
{
	struct coro_future *never = make_future();
	fails_last = spawn(fails, (void *)(intptr_t)5);
	coro_future_unref(spawn(gathers_and_never_ends, never));
	ck_assert_int_eq(coro_run_until_complete(loop, never, NULL), -EDEADLK);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	const char *heard = trace_take();
	ck_assert_msg(!strstr(heard, "torn"), "%s", heard);
	coro_future_unref(fails_last);
	coro_future_unref(never);
	loop_setup();
}
END_TEST

static struct coro_future *gone;

static void lets_go(const struct coro_report *report)
{
	coro_future_unref(gone);
	gone = NULL;
}

START_TEST(handler_may_let_go_of_what_is_reported_at_the_close)
{
	gone = failed_task();
	coro_future_unref(failed_task()); /* in no list any more */
	ck_assert_trace("unheard:Task-2:5:torn");
	struct coro_loop *closed = coro_loop_ref(loop);
	hear_with(closed, lets_go);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_trace("held:Task-1:5:torn");
	ck_assert_ptr_null(gone);
	coro_loop_unref(closed);
	loop_setup();
}
END_TEST

static int done_at_once(void *arg)
{
	return 0;
}

START_TEST(tasks_that_are_done_are_not_pending)
{
	struct coro_future *task = spawn(done_at_once, NULL);
	run();
	ck_assert_int_eq(coro_loop_close(loop), 0);
	coro_future_unref(task);
	ck_assert_trace("");
	loop_setup();
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, loop_teardown);
	tcase_add_test(tests, task_that_is_discarded_is_reported);
	tcase_add_test(tests, what_discarded_tasks_held_is_reported_after_all_of_them);
	tcase_add_test(tests, failure_that_is_held_is_reported_when_its_loop_is_closed);
	tcase_add_loop_test(tests, failure_that_came_too_late_for_who_waits_is_reported, 0,
			    WAYS_TO_ASK_LATE);
	tcase_add_loop_test(tests, failure_that_a_waiter_got_is_not_reported, 0, WAYS_TO_ASK_LATE);
	tcase_add_test(tests, failure_that_only_who_waits_has_held_is_reported_too);
	tcase_add_test(tests, failure_before_a_deadlock_reaches_the_gatherer);
	tcase_add_test(tests, handler_may_let_go_of_what_is_reported_at_the_close);
	tcase_add_test(tests, tasks_that_are_done_are_not_pending);
}

TEST_MAIN("exception_close", add_tests)
