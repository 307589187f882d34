/* SPDX-License-Identifier: MIT */
/* What the environment says of loops: the seed, and the limit on turns. */
#include "tasks.h"

static void teardown(void)
{
	unsetenv("CORO_SEED");
	unsetenv("CORO_TURNS");
}

/* ---- the seed ---- */

static int letter_twice(void *arg)
{
	for (int i = 0; i < 2; i++) {
		trace("%c", (char)(intptr_t)arg);
		coro_task_yield();
	}
	return 0;
}

static int spawn_letters(void *arg)
{
	for (intptr_t i = 0; i < 10; i++)
		if (coro_spawn(letter_twice, (void *)('a' + i), NULL) < 0)
			return -ENOMEM;
	return 0;
}

/* The order in which a loop with this seed in its options runs ten tasks. */
static const char *order(uint64_t seed, char text[64])
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .seed = seed};
	struct coro_runner *runner;
	ck_assert_int_eq(coro_runner_create(&options, &runner), 0);
	ck_assert_int_eq(coro_runner_run(runner, spawn_letters, NULL), 0);
	ck_assert_int_eq(coro_run_forever(coro_runner_loop(runner)), -EDEADLK);
	ck_assert_int_eq(coro_runner_close(runner), 0);
	return strcpy(text, trace_take());
}

START_TEST(seed_of_the_environment_is_that_of_all_loops)
{
	char usual[64], seeded[64], other[64], again[64];
	ck_assert_str_eq(order(0, usual), "a b c d e f g h i j a b c d e f g h i j");
	setenv("CORO_SEED", "18446744073709551615", 1);
	ck_assert_str_ne(order(0, seeded), usual);
	ck_assert_str_eq(order(0, again), seeded);
	setenv("CORO_SEED", "7", 1);
	ck_assert_str_ne(order(0, other), seeded);
	unsetenv("CORO_SEED");
	ck_assert_str_eq(order(7, again), other);
	ck_assert_str_eq(order(UINT64_MAX, again), seeded);
}
END_TEST

START_TEST(seed_of_the_options_comes_before_the_environment)
{
	char seeded[64], again[64];
	order(5, seeded);
	setenv("CORO_SEED", "6", 1);
	ck_assert_str_eq(order(5, again), seeded);
	ck_assert_str_ne(order(0, again), seeded);
}
END_TEST

START_TEST(seed_of_nothing_or_0_is_the_usual_order)
{
	static const char *const values[] = {"", "0", "000"};
	char usual[64], text[64];
	order(0, usual);
	setenv("CORO_SEED", values[_i], 1);
	ck_assert_str_eq(order(0, text), usual);
}
END_TEST

/* ---- values that are none ---- */

static const struct {
	const char *name, *value;
} wrong[] = {
	{"CORO_SEED", "x"},  {"CORO_SEED", "-1"},   {"CORO_SEED", "18446744073709551616"},
	{"CORO_SEED", "7 "}, {"CORO_SEED", "0x10"}, {"CORO_TURNS", "many"},
	{"CORO_TURNS", "+"}, {"CORO_TURNS", "1e3"},
};

static int make_two_loops(void *arg)
{
	char usual[64], text[64];
	order(0, usual);
	setenv(wrong[*(int *)arg].name, wrong[*(int *)arg].value, 1);
	bool same = strcmp(order(0, text), usual) == 0 && strcmp(order(0, text), usual) == 0;
	return same ? 0 : 1;
}

START_TEST(value_that_is_no_number_counts_as_0_and_is_reported_once)
{
	char told[128];
	struct child child = child_run(make_two_loops, &_i);
	ck_assert_exited(child, 0);
	snprintf(told, sizeof(told), "coro: %s=%s is no number of 64 bits\n", wrong[_i].name,
		 wrong[_i].value);
	const char *first = strstr(child.said, told);
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, "coro: "));
}
END_TEST

/* ---- turns ---- */

static int yields(void *arg)
{
	int r = 0;
	for (int *left = arg; r == 0 && --*left > 0;)
		r = coro_task_yield();
	return r;
}

static struct coro_loop *loop_of_turns(uint64_t max_turns)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .max_turns = max_turns};
	struct coro_loop *limited;
	ck_assert_int_eq(coro_loop_create(&options, &limited), 0);
	return limited;
}

/* How a run with that limit ends whose task takes so many turns; and how the next run does. */
static void assert_runs(uint64_t max_turns, int turns, int first, int second)
{
	struct coro_loop *limited = loop_of_turns(max_turns);
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(limited, NULL, yields, &turns, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(limited, task, NULL), first);
	ck_assert_int_eq(coro_run_until_complete(limited, task, NULL), second);
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_close(limited), 0);
}

START_TEST(run_ends_after_its_turns_and_the_next_has_as_many)
{
	assert_runs(10, 10, 0, 0);
	assert_runs(10, 11, -ELOOP, 0);
	assert_runs(10, 20, -ELOOP, 0);
	assert_runs(10, 21, -ELOOP, -ELOOP);
	assert_runs(1, 30, -ELOOP, -ELOOP);
}
END_TEST

START_TEST(turns_of_the_options_come_before_the_environment)
{
	setenv("CORO_TURNS", "10", 1);
	assert_runs(0, 10, 0, 0);
	assert_runs(0, 11, -ELOOP, 0);
	assert_runs(40, 30, 0, 0);
	setenv("CORO_TURNS", "0", 1);
	assert_runs(0, 300, 0, 0);
	setenv("CORO_TURNS", "18446744073709551615", 1);
	assert_runs(0, 300, 0, 0);
}
END_TEST

static int sleeps_for_ever(void *arg)
{
	int r;
	while ((r = coro_sleep(CORO_SEC)) == 0)
		;
	return r;
}

START_TEST(turns_of_virtual_time_and_of_embedded_loops)
{
	struct coro_loop *limited = loop_of_turns(10);
	ck_assert_int_eq(coro_loop_spawn(limited, NULL, sleeps_for_ever, NULL, NULL), 0);
	ck_assert_int_eq(coro_run_forever(limited), -ELOOP);
	ck_assert_int_eq(coro_loop_time(limited),
			 5 * CORO_SEC); /* each takes a turn to be due and one to run */
	/* A turn alone is a run. */
	for (int i = 0; i < 30; i++)
		ck_assert_int_eq(coro_loop_run_once(limited), 1);
	ck_assert_int_eq(coro_loop_close(limited), 0);
}
END_TEST

/* Two tasks that wait for each other's flag, and are polite about it. */
static int polls_flag(void *flag)
{
	int r = 0;
	while (r == 0 && !*(bool *)flag)
		r = coro_task_yield();
	return r;
}

static int livelock(void *arg)
{
	static bool never;
	struct coro_options polite = {.name = "polite", .site = "x.c:7"};
	struct coro_options waiting = {.name = "waiting", .site = "x.c:8"};
	int r = coro_loop_spawn(coro_running_loop(), &polite, polls_flag, &never, NULL);
	if (r == 0)
		r = coro_loop_spawn(coro_running_loop(), &waiting, sleeps_for_ever, NULL, NULL);
	return r < 0 ? r : polls_flag(&never);
}

START_TEST(message_says_what_each_task_does)
{
	struct coro_loop *limited = loop_of_turns(1000);
	struct coro_options options = {.name = "main"};
	struct coro_future *task;
	ck_assert_int_eq(coro_loop_spawn(limited, &options, livelock, NULL, &task), 0);
	ck_assert_int_eq(coro_run_until_complete(limited, task, NULL), -ELOOP);
	ck_assert_str_eq(coro_message(-ELOOP),
			 "the run has made its 1000 turns: task 1 main is ready; 2 polite (x.c:7) "
			 "is ready; 3 waiting (x.c:8) waits in a sleep, 1 s more");
	coro_future_unref(task);
	ck_assert_int_eq(coro_loop_close(limited), 0);
}
END_TEST

static void calls_itself(void *arg)
{
	ck_assert_int_eq(coro_call_soon(arg, calls_itself, arg, NULL), 0);
}

START_TEST(callbacks_take_turns_too)
{
	struct coro_loop *limited = loop_of_turns(1000);
	calls_itself(limited);
	ck_assert_int_eq(coro_run_forever(limited), -ELOOP);
	ck_assert_str_eq(coro_message(-ELOOP), "the run has made its 1000 turns");
	ck_assert_int_eq(coro_loop_close(limited), 0);
}
END_TEST

/* A task that does not let itself be cancelled must not keep coro_run from returning. */
static int never_ends(void *arg)
{
	for (;;)
		coro_task_yield();
	return 0;
}

START_TEST(coro_run_returns_though_its_tasks_never_end)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK, .max_turns = 100};
	ck_assert_int_eq(coro_run_with(&options, never_ends, NULL), -ELOOP);
	ck_assert_ptr_nonnull(strstr(coro_message(-ELOOP), "100 turns"));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, seed_of_the_environment_is_that_of_all_loops);
	tcase_add_test(tests, seed_of_the_options_comes_before_the_environment);
	tcase_add_loop_test(tests, seed_of_nothing_or_0_is_the_usual_order, 0, 3);
	tcase_add_loop_test(tests, value_that_is_no_number_counts_as_0_and_is_reported_once, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tests, run_ends_after_its_turns_and_the_next_has_as_many);
	tcase_add_test(tests, turns_of_the_options_come_before_the_environment);
	tcase_add_test(tests, turns_of_virtual_time_and_of_embedded_loops);
	tcase_add_test(tests, message_says_what_each_task_does);
	tcase_add_test(tests, callbacks_take_turns_too);
	tcase_add_test(tests, coro_run_returns_though_its_tasks_never_end);
}

TEST_MAIN("environment", add)
