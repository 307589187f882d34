/* SPDX-License-Identifier: MIT */
/* Waits that signal handlers interrupt. */
#include "tasks.h"

#include <coro/interrupt.h>
#include <signal.h>

static bool restarting;

static void handle(int number)
{
	(void)number;
	coro_interrupt(restarting);
}

static void raise_one(void *arg)
{
	(void)arg;
	raise(SIGUSR1);
}

/* A task that sleeps, and traces how it ends. */
struct sleeping {
	const char *name;
	bool restarts;
};

static int sleeps(void *arg)
{
	const struct sleeping *sleeping = arg;
	struct coro_interruptible wait;
	int r = coro_interruptible_begin(&wait, sleeping->restarts);
	if (r == 0)
		r = coro_interruptible_end(&wait, coro_sleep(CORO_SEC));
	trace("%s:%d", sleeping->name, r);
	return 0;
}

static struct sleeping restarts = {"restarts", true}, fails = {"fails", false};

static void start_both(void)
{
	signal(SIGUSR1, handle);
	coro_future_unref(start(sleeps, &restarts));
	coro_future_unref(start(sleeps, &fails));
}

START_TEST(a_handler_interrupts_waits_of_its_loop)
{
	restarting = false;
	start_both();
	ck_assert_int_eq(coro_call_soon(loop, raise_one, NULL, NULL), 0);
	run();
	char expected[80];
	snprintf(expected, sizeof(expected), "restarts:%d fails:%d", -EINTR, -EINTR);
	ck_assert_trace(expected);
	assert_time(0);
}
END_TEST

START_TEST(one_that_restarts_interrupts_others_alone)
{
	restarting = true;
	start_both();
	ck_assert_int_eq(coro_call_soon(loop, raise_one, NULL, NULL), 0);
	run();
	char expected[80];
	snprintf(expected, sizeof(expected), "fails:%d restarts:0", -EINTR);
	ck_assert_trace(expected);
	assert_time(CORO_SEC);
}
END_TEST

START_TEST(without_a_running_loop_nothing_is_interrupted)
{
	restarting = false;
	start_both();
	raise(SIGUSR1);
	run();
	ck_assert_trace("restarts:0 fails:0");
}
END_TEST

static int begins_twice(void *arg)
{
	struct coro_interruptible wait;
	(void)arg;
	int r = coro_interruptible_begin(&wait, false);
	int again = coro_interruptible_begin(&wait, false);
	r = r < 0 ? r : coro_interruptible_end(&wait, 0);
	return r < 0 ? r : again;
}

START_TEST(misuse_is_an_error)
{
	struct coro_interruptible wait;
	ck_assert_int_eq(coro_interruptible_begin(&wait, false), -EPERM);
	ck_assert_int_eq(coro_interruptible_begin(NULL, false), -EINVAL);
	ck_assert_int_eq(coro_interruptible_end(NULL, 0), -EINVAL);
	struct coro_future *task = spawn(begins_twice, NULL);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), -EBUSY);
	coro_future_unref(task);
}
END_TEST

static int is_interrupted(void *arg)
{
	struct coro_interruptible wait;
	(void)arg;
	int r = coro_interruptible_begin(&wait, true);
	if (r < 0)
		return r;
	r = coro_call_soon(coro_running_loop(), raise_one, NULL, NULL);
	r = coro_interruptible_end(&wait, r < 0 ? r : coro_sleep(CORO_SEC));
	return r == -EINTR ? 0 : r == 0 ? -EIO : r;
}

START_TEST(without_memory_a_wait_does_not_begin_or_is_interrupted)
{
	restarting = false;
	signal(SIGUSR1, handle);
	fail_each_allocation(is_interrupted);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, loop_setup, loop_teardown);
	tcase_add_test(tests, a_handler_interrupts_waits_of_its_loop);
	tcase_add_test(tests, one_that_restarts_interrupts_others_alone);
	tcase_add_test(tests, without_a_running_loop_nothing_is_interrupted);
	tcase_add_test(tests, misuse_is_an_error);
	tcase_add_test(tests, without_memory_a_wait_does_not_begin_or_is_interrupted);
}

TEST_MAIN("interrupt", add)
