/* SPDX-License-Identifier: MIT */
/* A stack overflow in a thread of an executor, and in a callback, is reported. */
#include "support.h"

#include <coro.h>
#include <signal.h>

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

static int gives_it_to_a_thread(void *arg)
{
	return coro_to_thread(overflows, NULL);
}

static int gives_it_to_an_executor(void *arg)
{
	struct coro_executor *executor;
	struct coro_executor_options options = {.name = "parsers"};
	int r = coro_executor_create(&options, &executor);
	if (r < 0)
		return r;
	r = coro_executor_run(executor, overflows, NULL);
	coro_executor_destroy(executor);
	return r;
}

static void overflow_in_callback(void *arg)
{
	recurse(0);
}

static int gives_it_to_a_callback(void *arg)
{
	int r = coro_call_soon(coro_running_loop(), overflow_in_callback, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

static int run_program(void *fn)
{
	setrlimit(RLIMIT_STACK, &(struct rlimit){1024 * 1024, 1024 * 1024});
	return coro_run((coro_fn *)fn, NULL) < 0;
}

START_TEST(overflow_outside_of_coroutines_names_the_thread)
{
	static const struct {
		coro_fn *fn;
		const char *said;
	} cases[] = {
		{gives_it_to_a_thread, "coro: stack overflow in thread coro-0\n"},
		{gives_it_to_an_executor, "coro: stack overflow in thread parsers-0\n"},
		{gives_it_to_a_callback, "coro: stack overflow in a callback\n"},
	};
	if (SANITIZED || RUNNING_ON_VALGRIND)
		skip_test("a checker handles faults itself");
	struct child child = child_run(run_program, (void *)cases[_i].fn);
	ck_assert_killed(child, SIGSEGV);
#if defined(__x86_64__) || defined(__aarch64__)
	ck_assert_str_eq(child.said, cases[_i].said);
#endif
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, overflow_outside_of_coroutines_names_the_thread, 0, 3);
}

TEST_MAIN("overflow", add_tests)
