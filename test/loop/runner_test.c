/* SPDX-License-Identifier: MIT */
/* Runners: several programs on one loop, and how coro_run and a runner end what is left. */
#include "fail_alloc.h"
#include "support.h"

#include <coro.h>
#include <errno.h>
#include <signal.h>

static const struct coro_loop_options virtual = {.flags = CORO_VIRTUAL_CLOCK};
static struct coro_runner *held;

static void hear(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	const char *name = coro_is_task(report->future) ? coro_task_name(report->future) : "-";
	const char *what = strstr(report->message, "coro_run() shutdown") ? "shutdown"
			   : strstr(report->message, "but it is pending") ? "pending"
									  : report->message;
	trace("%s|%s|%d|%s", what, name, -report->error,
	      report->error_message ? report->error_message : "");
}

static void setup(void)
{
	unsetenv("CORO_DEBUG");
	ck_assert_int_eq(coro_runner_create(&virtual, &held), 0);
	ck_assert_int_eq(coro_loop_set_exception_handler(coro_runner_loop(held), hear, NULL), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(coro_runner_close(held), 0);
}

/* Closes the runner that setup made, and compares the reports. */
static const char *close_runner(void)
{
	ck_assert_int_eq(coro_runner_close(held), 0);
	held = NULL;
	return trace_take();
}

/* ---- runs ---- */

static int returns(void *arg)
{
	coro_sleep(10);
	return *(int *)arg;
}

START_TEST(runner_runs_one_after_another_on_one_loop)
{
	static int statuses[] = {0, 7, -EIO, -ECANCELED, CORO_USER_ERROR - 1};
	struct coro_loop *loop = coro_runner_loop(held);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(coro_runner_run(held, returns, &statuses[i]), statuses[i]);
		ck_assert_int_eq(coro_loop_time(loop), 10 * (i + 1));
		ck_assert_ptr_eq(coro_runner_loop(held), loop);
	}
}
END_TEST

static int counts(void *arg)
{
	int r;
	while ((r = coro_sleep(3)) == 0)
		++*(int *)arg;
	trace("%s", r == -ECANCELED ? "cancelled" : "failed");
	return r;
}

static int spawns_one_that_counts(void *arg)
{
	return coro_spawn(counts, arg, NULL);
}

START_TEST(what_a_run_leaves_goes_on_in_the_next_until_the_close)
{
	int count = 0, status = 0;
	ck_assert_int_eq(coro_runner_run(held, spawns_one_that_counts, &count), 0);
	ck_assert_int_eq(count, 0);
	ck_assert_int_eq(coro_runner_run(held, returns, &status), 0);
	ck_assert_int_eq(count, 3);
	ck_assert_str_eq(close_runner(), "cancelled");
}
END_TEST

static int is_named(void *arg)
{
	ck_assert_str_eq(coro_task_name(coro_current_task()), "main");
	ck_assert_ptr_nonnull(strstr(coro_task_site(coro_current_task()), "runner_test.c:"));
	return 0;
}

START_TEST(main_task_has_a_name_and_a_site)
{
	ck_assert_int_eq(coro_runner_run(held, is_named, NULL), 0);
	ck_assert_int_eq(coro_run(is_named, NULL), 0);
	ck_assert_int_eq(coro_run_with(&virtual, is_named, NULL), 0);
}
END_TEST

static int waits_for_nothing(void *arg)
{
	struct coro_future *never;
	ck_assert_int_eq(coro_future_create(coro_running_loop(), &never), 0);
	int r = coro_await(never, NULL);
	coro_future_unref(never);
	trace("%s", r == -ECANCELED ? "cancelled" : "done");
	return r;
}

START_TEST(main_that_waits_for_nothing_is_cancelled_at_the_close)
{
	int status = 3;
	ck_assert_int_eq(coro_runner_run(held, waits_for_nothing, NULL), -EDEADLK);
	ck_assert_int_eq(coro_runner_run(held, returns, &status), 3);
	ck_assert_trace("");
	ck_assert_str_eq(close_runner(), "cancelled");
}
END_TEST

static int yields_and_says(void *arg)
{
	int r = coro_loop_note_asyncgen();
	if (r == 0)
		r = coro_yield(NULL, NULL);
	trace("closed");
	return r;
}

static int drives(void *generator)
{
	return coro_next(generator, NULL);
}

static int fails_in_its_cleanup(void *arg)
{
	return coro_sleep(9) == -ECANCELED ? coro_raise(-EIO, "torn") : 0;
}

static int hangs_in_its_cleanup(void *arg)
{
	struct coro_event never;
	coro_event_init(&never);
	coro_sleep(9);
	return coro_event_wait(&never);
}

static int leaves_three(void *generator)
{
	int r = coro_spawn(fails_in_its_cleanup, NULL, NULL);
	if (r == 0)
		r = coro_spawn(hangs_in_its_cleanup, NULL, NULL);
	if (r == 0)
		r = coro_task_yield();
	return r < 0 ? r : drives(generator);
}

/* A generator may wait for what a hanging task holds; and failures may be unreported still. */
START_TEST(where_a_task_hangs_at_the_close_generators_stay_open)
{
	struct coro *generator;
	ck_assert_int_eq(coro_create(yields_and_says, NULL, &generator), 0);
	ck_assert_int_eq(coro_runner_run(held, leaves_three, generator), 1);
	ck_assert_str_eq(close_runner(), "Task exception was never retrieved|Task-2|5|torn "
					 "pending|Task-3|0|");
	ck_assert_int_eq(coro_state(generator), CORO_SUSPENDED);
	ck_assert_int_eq(coro_destroy(generator), 0);
	ck_assert_trace("closed");
}
END_TEST

static int stops(void *arg)
{
	coro_loop_stop(coro_running_loop());
	return coro_sleep(5);
}

START_TEST(stop_ends_one_run_only)
{
	int status = 3;
	ck_assert_int_eq(coro_runner_run(held, stops, NULL), -ESHUTDOWN);
	ck_assert_int_eq(coro_runner_run(held, returns, &status), 3);
}
END_TEST

static int __attribute__((noinline)) recurse(int depth)
{
	volatile char frame[512];
	frame[0] = (char)depth;
	if (depth < 0)
		return frame[0];
	return recurse(depth + 1) + frame[0];
}

static int overflows(void *arg)
{
	return recurse(0);
}

static int run_overflowing(void *arg)
{
	return coro_run(overflows, NULL);
}

START_TEST(overflow_of_the_main_task_names_its_site)
{
	if (running_slow())
		skip_test("a checker handles faults itself");
	struct child child = child_run(run_overflowing, NULL);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_ptr_nonnull(strstr(child.said, "coro: stack overflow in main, spawned at "
						 "test/loop/runner_test.c:"));
}
END_TEST

/* ---- misuse ---- */

static int uses_inside(void *arg)
{
	struct coro_runner *other;
	ck_assert_int_eq(coro_runner_run(held, is_named, NULL), -EBUSY);
	ck_assert_int_eq(coro_runner_close(held), -EBUSY);
	ck_assert_int_eq(coro_runner_create(&virtual, &other), 0);
	ck_assert_int_eq(coro_runner_run(other, is_named, NULL), -EBUSY);
	ck_assert_int_eq(coro_runner_close(other), -EBUSY);
	*(struct coro_runner **)arg = other;
	return 0;
}

static void *use_elsewhere(void *arg)
{
	int *results = arg;
	results[0] = coro_runner_run(held, is_named, NULL);
	results[1] = coro_runner_close(held);
	return NULL;
}

START_TEST(misuse_is_refused)
{
	struct coro_loop_options flags = {.flags = 1u << 30};
	struct coro_runner *other = NULL;
	int results[2];
	ck_assert_int_eq(coro_runner_create(&flags, &other), -EINVAL);
	ck_assert_ptr_null(other);
	ck_assert_int_eq(coro_runner_create(NULL, NULL), -EINVAL);
	ck_assert_int_eq(coro_runner_run(NULL, is_named, NULL), -EINVAL);
	ck_assert_int_eq(coro_runner_run(held, NULL, NULL), -EINVAL);
	ck_assert_ptr_null(coro_runner_loop(NULL));
	ck_assert_int_eq(coro_runner_close(NULL), 0);
	ck_assert_int_eq(coro_runner_run(held, uses_inside, &other), 0);
	ck_assert_int_eq(coro_runner_close(other), 0);
	in_thread(use_elsewhere, results);
	ck_assert_int_eq(results[0], -EPERM);
	ck_assert_int_eq(results[1], -EPERM);
}
END_TEST

START_TEST(loop_may_be_closed_under_the_runner)
{
	struct coro_loop *loop = coro_runner_loop(held);
	ck_assert_int_eq(coro_loop_close(loop), 0);
	ck_assert_int_eq(coro_runner_run(held, is_named, NULL), -EPIPE);
	ck_assert(coro_loop_closed(coro_runner_loop(held)));
	ck_assert_str_eq(close_runner(), "");
}
END_TEST

/* ---- what is left ---- */

static int fails_in_cleanup(void *arg)
{
	coro_sleep(1000);
	return coro_raise(-ENOENT, "in cleanup");
}

static int leaves_a_failing_one(void *arg)
{
	struct coro_future **task = arg;
	ck_assert_int_eq(coro_spawn(counts, NULL, NULL), 0);
	ck_assert_int_eq(coro_spawn(fails_in_cleanup, NULL, task), 0);
	coro_sleep(1);
	return coro_raise(-ENOENT, "of main");
}

START_TEST(error_in_the_cleanup_at_the_end_is_reported)
{
	ck_assert_int_eq(coro_runner_run(held, leaves_a_failing_one, NULL), -ENOENT);
	ck_assert_trace("");
	ck_assert_str_eq(close_runner(), "cancelled shutdown|Task-3|2|in cleanup");
	/* The same code with another message. */
	ck_assert_str_eq(coro_message(-ENOENT), "of main");
}
END_TEST

START_TEST(error_of_one_that_is_held_is_reported_once)
{
	struct coro_future *task;
	ck_assert_int_eq(coro_runner_run(held, leaves_a_failing_one, &task), -ENOENT);
	ck_assert_str_eq(close_runner(), "cancelled shutdown|Task-3|2|in cleanup");
	coro_future_unref(task);
	ck_assert_trace("");
}
END_TEST

static int fails_with_words(void *arg)
{
	return coro_raise(-EIO, "of main");
}

static int fails_without(void *arg)
{
	ck_assert_int_eq(coro_spawn(fails_in_cleanup, NULL, NULL), 0);
	coro_sleep(1);
	return -ENOENT;
}

START_TEST(close_leaves_the_message_as_it_was)
{
	ck_assert_int_eq(coro_runner_run(held, fails_without, NULL), -ENOENT);
	close_runner();
	ck_assert_str_eq(coro_message(-ENOENT), coro_strerror(-ENOENT));
	ck_assert_int_eq(coro_run_with(&virtual, fails_with_words, NULL), -EIO);
	ck_assert_str_eq(coro_message(-EIO), "of main");
	ck_assert_ptr_nonnull(strstr(coro_origin(-EIO), "runner_test.c:"));
}
END_TEST

static int respawns(void *arg)
{
	coro_sleep(1000);
	trace("again");
	return (intptr_t)arg > 0 ? coro_spawn(respawns, (void *)((intptr_t)arg - 1), NULL) : 0;
}

static int spawns_one_that_respawns(void *arg)
{
	ck_assert_int_eq(coro_spawn(respawns, (void *)3, NULL), 0);
	return coro_sleep(1);
}

START_TEST(what_cleanup_spawns_is_ended_too)
{
	ck_assert_int_eq(coro_runner_run(held, spawns_one_that_respawns, NULL), 0);
	ck_assert_str_eq(close_runner(), "again again again again");
	ck_assert_int_eq(coro_run_with(&virtual, spawns_one_that_respawns, NULL), 0);
	ck_assert_trace("again again again again");
}
END_TEST

static int respawns_for_ever(void *arg)
{
	coro_sleep(1000);
	return coro_spawn(respawns_for_ever, NULL, NULL);
}

static int spawns_one_that_respawns_for_ever(void *arg)
{
	return coro_spawn(respawns_for_ever, NULL, NULL) + coro_sleep(1);
}

START_TEST(tasks_that_respawn_for_ever_are_discarded)
{
	ck_assert_int_eq(coro_runner_run(held, spawns_one_that_respawns_for_ever, NULL), 0);
	ck_assert_str_eq(close_runner(), "pending|Task-10|0|");
	ck_assert_int_eq(coro_run_with(&virtual, spawns_one_that_respawns_for_ever, NULL), 0);
}
END_TEST

static int stubborn(void *arg)
{
	struct coro_future *never = arg;
	coro_sleep(1000);
	coro_await(never, NULL);
	ck_abort_msg("it ran on");
}

static int leaves_a_stubborn_one(void *arg)
{
	ck_assert_int_eq(coro_spawn(stubborn, arg, NULL), 0);
	return coro_sleep(1);
}

START_TEST(one_that_cannot_end_is_reported_and_discarded)
{
	struct coro_future *never;
	ck_assert_int_eq(coro_future_create(coro_runner_loop(held), &never), 0);
	ck_assert_int_eq(coro_runner_run(held, leaves_a_stubborn_one, never), 0);
	ck_assert_str_eq(close_runner(), "pending|Task-2|0|");
	coro_future_unref(never);
}
END_TEST

static void closes_the_runner(struct coro_loop *from, const struct coro_report *report, void *arg)
{
	trace("%d", coro_runner_close(held) == -EBUSY);
}

static int does_not_end(void *arg)
{
	struct coro_event never;
	coro_event_init(&never);
	while (coro_event_wait(&never) < 0)
		;
	return 0;
}

static int leaves_one_that_does_not_end(void *arg)
{
	return coro_spawn(does_not_end, NULL, NULL) + coro_task_yield();
}

START_TEST(runner_that_is_being_closed_is_busy)
{
	coro_loop_set_exception_handler(coro_runner_loop(held), closes_the_runner, NULL);
	ck_assert_int_eq(coro_runner_run(held, leaves_one_that_does_not_end, NULL), 0);
	ck_assert_str_eq(close_runner(), "1");
}
END_TEST

static int stops_in_cleanup(void *arg)
{
	for (int i = 0; i < 3; i++) {
		coro_loop_stop(coro_running_loop());
		coro_sleep(1000);
	}
	trace("clean");
	return 0;
}

static int leaves_one_that_stops(void *arg)
{
	coro_spawn(stops_in_cleanup, NULL, NULL);
	return 0;
}

START_TEST(stop_does_not_cut_the_end_short)
{
	ck_assert_int_eq(coro_runner_run(held, leaves_one_that_stops, NULL), 0);
	coro_loop_stop(coro_runner_loop(held));
	ck_assert_str_eq(close_runner(), "clean");
}
END_TEST

static int awaits_in_generator(void *arg)
{
	int r = coro_sleep(1);
	if (r == 0)
		r = coro_yield(NULL, NULL);
	trace("%s", r == CORO_EXIT ? "exit" : "other");
	if (arg)
		coro_loop_stop(coro_running_loop());
	coro_sleep(1);
	trace("closed");
	return r;
}

static struct coro *left_open[2];

static int leaves_generators_open(void *arg)
{
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(coro_create(awaits_in_generator, arg, &left_open[i]), 0);
		ck_assert_int_eq(coro_next(left_open[i], NULL), 1);
	}
	return 0;
}

/* In loop _i: without and with a stop in their cleanup. */
START_TEST(generators_that_are_left_open_are_closed)
{
	void *arg = _i ? &held : NULL;
	ck_assert_int_eq(coro_runner_run(held, leaves_generators_open, arg), 0);
	coro_loop_stop(coro_runner_loop(held));
	ck_assert_str_eq(close_runner(), "exit exit closed closed");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_destroy(left_open[i]), 0);
	ck_assert_int_eq(coro_run_with(&virtual, leaves_generators_open, arg), 0);
	ck_assert_trace("exit exit closed closed");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(coro_destroy(left_open[i]), 0);
}
END_TEST

/* ---- without memory ---- */

static int leaves_many(void *arg)
{
	coro_loop_set_exception_handler(coro_running_loop(), hear, NULL);
	for (int i = 0; i < 5; i++) {
		int r = coro_spawn(fails_in_cleanup, NULL, NULL);
		if (r < 0)
			return r;
	}
	return coro_sleep(1);
}

struct attempt {
	unsigned long n; /* the allocation that is to fail */
	int results[2];
	bool failed;
};

static void *attempt(void *arg)
{
	struct attempt *this = arg;
	struct coro_runner *own;
	fail_nth(this->n);
	int r = coro_runner_create(&virtual, &own);
	this->results[0] = this->results[1] = r;
	if (r == 0) {
		this->results[0] = coro_runner_run(own, leaves_many, NULL);
		this->results[1] = coro_runner_run(own, leaves_many, NULL);
		coro_runner_close(own);
	}
	this->failed = fail_off();
	return NULL;
}

START_TEST(runner_survives_the_failure_of_any_allocation)
{
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	struct attempt this = {.failed = true};
	for (this.n = 1; this.failed; this.n++) {
		in_thread(attempt, &this);
		for (int i = 0; i < 2; i++)
			ck_assert(this.results[i] == 0 ||
				  (this.failed && this.results[i] == -ENOMEM));
		trace_take();
		ck_assert_uint_lt(this.n, 10000);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);

	tcase_add_test(tests, runner_runs_one_after_another_on_one_loop);
	tcase_add_test(tests, what_a_run_leaves_goes_on_in_the_next_until_the_close);
	tcase_add_test(tests, main_task_has_a_name_and_a_site);
	tcase_add_test(tests, main_that_waits_for_nothing_is_cancelled_at_the_close);
	tcase_add_test(tests, where_a_task_hangs_at_the_close_generators_stay_open);
	tcase_add_test(tests, stop_ends_one_run_only);
	tcase_add_test(tests, overflow_of_the_main_task_names_its_site);

	tcase_add_test(tests, misuse_is_refused);
	tcase_add_test(tests, loop_may_be_closed_under_the_runner);

	tcase_add_test(tests, error_in_the_cleanup_at_the_end_is_reported);
	tcase_add_test(tests, error_of_one_that_is_held_is_reported_once);
	tcase_add_test(tests, close_leaves_the_message_as_it_was);
	tcase_add_test(tests, what_cleanup_spawns_is_ended_too);
	tcase_add_test(tests, tasks_that_respawn_for_ever_are_discarded);
	tcase_add_test(tests, one_that_cannot_end_is_reported_and_discarded);
	tcase_add_test(tests, stop_does_not_cut_the_end_short);
	tcase_add_test(tests, runner_that_is_being_closed_is_busy);
	tcase_add_loop_test(tests, generators_that_are_left_open_are_closed, 0, 2);

	tcase_add_test(tests, runner_survives_the_failure_of_any_allocation);
}

TEST_MAIN("runner", add_tests)
