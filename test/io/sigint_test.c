/* SPDX-License-Identifier: MIT */
/* SIGINT and SIGTERM end coro_run's main task; each test in a process of its own. */
#include "io/signals.h"

/* ---- coro_run and SIGINT: in processes of their own, where it has its default action ---- */

/* What coro_run returns for that main task: as an exit status. */
static int exit_code(coro_fn *main_task)
{
	signal(SIGINT, SIG_DFL);
	int r = coro_run(main_task, NULL);
	if (action_of(SIGINT) != SIG_DFL)
		return 99;
	return r < 0 ? -r : r;
}

static int interrupts_and_sleeps(void *arg)
{
	raise(SIGINT);
	return coro_sleep(3600 * CORO_SEC);
}

static int is_interrupted(void *arg)
{
	return exit_code(interrupts_and_sleeps);
}

START_TEST(sigint_cancels_the_main_task_of_coro_run)
{
	struct child child = child_run(is_interrupted, NULL);
	ck_assert_exited(child, EINTR);
}
END_TEST

static int interrupts_and_goes_on(void *arg)
{
	return interrupts_and_sleeps(arg) == -ECANCELED ? 7 : 8;
}

static int goes_on(void *arg)
{
	return exit_code(interrupts_and_goes_on);
}

START_TEST(a_main_task_may_end_well_all_the_same)
{
	struct child child = child_run(goes_on, NULL);
	ck_assert_exited(child, 7);
}
END_TEST

static int interrupts_and_returns(void *arg)
{
	raise(SIGINT);
	return 0;
}

static int ends_interrupted(void *arg)
{
	return exit_code(interrupts_and_returns);
}

START_TEST(one_that_comes_when_it_has_ended_is_reported_too)
{
	struct child child = child_run(ends_interrupted, NULL);
	ck_assert_exited(child, EINTR);
}
END_TEST

static int is_cancelled_by_another_too(void *arg)
{
	struct coro_future *self = coro_current_task();
	int r = interrupts_and_sleeps(arg);
	coro_cancel(self);
	coro_sleep(1);
	return r;
}

static int ends_cancelled(void *arg)
{
	return exit_code(is_cancelled_by_another_too);
}

START_TEST(who_is_cancelled_by_others_too_is_cancelled)
{
	struct child child = child_run(ends_cancelled, NULL);
	ck_assert_exited(child, ECANCELED);
}
END_TEST

static int interrupts_twice(void *arg)
{
	raise(SIGINT);
	coro_sleep(3600 * CORO_SEC);
	raise(SIGINT);
	return 0;
}

static int interrupts_twice_and_never_waits(void *arg)
{
	raise(SIGINT);
	raise(SIGINT);
	return 0;
}

static int ends_by_the_second(void *arg)
{
	return exit_code(arg);
}

START_TEST(a_second_one_ends_the_process)
{
	struct child child = child_run(ends_by_the_second, interrupts_twice);
	ck_assert_killed(child, SIGINT);
	child = child_run(ends_by_the_second, interrupts_twice_and_never_waits);
	ck_assert_killed(child, SIGINT);
}
END_TEST

/* ---- SIGTERM, where the loop's options say so ---- */

/* What coro_run_with returns for that main task, with or without the flag. */
static int exit_code_with(unsigned flags, coro_fn *main_task)
{
	struct coro_loop_options options = {.flags = flags};
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	int r = coro_run_with(&options, main_task, NULL);
	if (action_of(SIGINT) != SIG_DFL || action_of(SIGTERM) != SIG_DFL)
		return 99;
	const char *message = coro_message(-EINTR);
	if (r == -EINTR && !strstr(message, "SIGTERM") && !strstr(message, "SIGINT"))
		return 98;
	return r < 0 ? -r : r;
}

static int is_terminated(void *arg)
{
	raise(SIGTERM);
	return coro_sleep(3600 * CORO_SEC);
}

static int ends_by_sigterm(void *arg)
{
	return exit_code_with(CORO_SIGTERM, is_terminated);
}

static int dies_by_sigterm(void *arg)
{
	return exit_code_with(0, is_terminated);
}

static int ends_by_sigint(void *arg)
{
	return exit_code_with(CORO_SIGTERM, interrupts_and_sleeps);
}

START_TEST(sigterm_cancels_the_main_task_if_that_is_wanted)
{
	struct child child = child_run(ends_by_sigterm, NULL);
	ck_assert_exited(child, EINTR);
	child = child_run(ends_by_sigint, NULL);
	ck_assert_exited(child, EINTR);
	child = child_run(dies_by_sigterm, NULL);
	ck_assert_killed(child, SIGTERM);
}
END_TEST

static int gets_both(void *arg)
{
	raise(SIGTERM);
	raise(SIGINT);
	return coro_sleep(3600 * CORO_SEC);
}

static int ends_by_both(void *arg)
{
	return exit_code_with(CORO_SIGTERM, gets_both);
}

static int is_terminated_twice(void *arg)
{
	raise(SIGTERM);
	coro_sleep(3600 * CORO_SEC);
	raise(SIGTERM);
	return 0;
}

static int dies_by_the_second(void *arg)
{
	return exit_code_with(CORO_SIGTERM, is_terminated_twice);
}

START_TEST(a_second_sigint_or_sigterm_ends_the_process)
{
	struct child child = child_run(ends_by_both, NULL);
	ck_assert_exited(child, EINTR);
	child = child_run(dies_by_the_second, NULL);
	ck_assert_killed(child, SIGTERM);
}
END_TEST

static int waits_for_sigint(void *arg)
{
	struct coro_loop *own = coro_running_loop();
	if (coro_loop_add_signal_handler(own, SIGINT, NULL, NULL) < 0)
		return 20;
	raise(SIGINT);
	raise(SIGINT);
	if (coro_signal_wait(SIGINT) != SIGINT || coro_signal_wait(SIGINT) != SIGINT)
		return 21;
	/* No task waits for it any more: so it is coro_run's again. */
	coro_loop_remove_signal_handler(own, SIGINT);
	return interrupts_and_sleeps(NULL);
}

static int has_sigint_for_itself(void *arg)
{
	return exit_code(waits_for_sigint);
}

START_TEST(who_asks_for_sigint_gets_it_instead)
{
	struct child child = child_run(has_sigint_for_itself, NULL);
	ck_assert_exited(child, EINTR);
}
END_TEST

static int sees_ignored(void *arg)
{
	return action_of(SIGINT) == SIG_IGN ? 5 : 6;
}

static int runs_where_it_is_ignored(void *arg)
{
	ignore(SIGINT);
	int r = coro_run(sees_ignored, NULL);
	return action_of(SIGINT) == SIG_IGN ? r : 7;
}

START_TEST(where_sigint_has_another_action_that_stays)
{
	struct child child = child_run(runs_where_it_is_ignored, NULL);
	ck_assert_exited(child, 5);
}
END_TEST

static int sees_default(void *arg)
{
	return action_of(SIGINT) == SIG_DFL ? 0 : -EIO;
}

static void *runs_beside(void *arg)
{
	*(int *)arg = coro_run(sees_default, NULL);
	return NULL;
}

static int runs_in_a_thread(void *arg)
{
	int r = -1;
	signal(SIGINT, SIG_DFL);
	in_thread(runs_beside, &r);
	return r == 0 ? 5 : 6;
}

START_TEST(a_loop_of_another_thread_has_no_part_in_it)
{
	struct child child = child_run(runs_in_a_thread, NULL);
	ck_assert_exited(child, 5);
}
END_TEST

static int forks_and_interrupts(void *arg)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		raise(SIGINT);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGINT ? 5 : 6;
}

static int interrupts_its_child(void *arg)
{
	return exit_code(forks_and_interrupts);
}

START_TEST(a_child_that_it_forks_has_the_default_action)
{
	struct child child = child_run(interrupts_its_child, NULL);
	ck_assert_exited(child, 5);
}
END_TEST

static int finds_nothing_to_do(void *arg)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	struct coro_event event;
	(void)event;
	signal(SIGINT, SIG_DFL);
	return coro_run_with(&options, arg, NULL) == -EDEADLK ? 5 : 6;
}

static int waits_for_nothing(void *arg)
{
	struct coro_event event;
	coro_event_init(&event);
	return coro_event_wait(&event);
}

START_TEST(sigint_alone_is_nothing_to_wait_for)
{
	struct child child = child_run(finds_nothing_to_do, waits_for_nothing);
	ck_assert_exited(child, 5);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, fds_setup, fds_teardown);
	tcase_add_test(tests, sigint_cancels_the_main_task_of_coro_run);
	tcase_add_test(tests, a_main_task_may_end_well_all_the_same);
	tcase_add_test(tests, one_that_comes_when_it_has_ended_is_reported_too);
	tcase_add_test(tests, who_is_cancelled_by_others_too_is_cancelled);
	tcase_add_test(tests, a_second_one_ends_the_process);
	tcase_add_test(tests, sigterm_cancels_the_main_task_if_that_is_wanted);
	tcase_add_test(tests, a_second_sigint_or_sigterm_ends_the_process);
	tcase_add_test(tests, who_asks_for_sigint_gets_it_instead);
	tcase_add_test(tests, where_sigint_has_another_action_that_stays);
	tcase_add_test(tests, a_loop_of_another_thread_has_no_part_in_it);
	tcase_add_test(tests, a_child_that_it_forks_has_the_default_action);
	tcase_add_test(tests, sigint_alone_is_nothing_to_wait_for);
}

TEST_MAIN("sigint", add_tests)
