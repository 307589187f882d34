/* SPDX-License-Identifier: MIT */
/* Arrays that are larger than stack and guard together, of which only the beginning is used. */
#include "support.h"

#include <coro.h>
#include <errno.h>
#include <signal.h>
#ifndef NO_MAKECONTEXT
#include <ucontext.h>
#endif

enum { KIB = 1024, TASKS = 8, LARGE = 900 * KIB };

/* ---- waits on a stack that was stepped over ---- */

/* Uses the first byte; the compiler must take all for used. */
static inline void begin(volatile char *large)
{
	large[0] = 1;
	__asm__ volatile("" : : "r"(large) : "memory");
}

static int sleeps(void *arg)
{
	volatile char large[LARGE];
	begin(large);
	return coro_sleep(1) + large[0];
}

static int awaits(void *arg)
{
	volatile char large[LARGE];
	begin(large);
	return coro_await(arg, NULL) + large[0];
}

static int reads(void *arg)
{
	volatile char large[LARGE];
	int fds[2];
	char byte;
	begin(large);
	if (pipe(fds) < 0)
		return -errno;
	return (int)coro_read(fds[0], &byte, 1) + large[0];
}

static int sleeps_in_a_generator(void *arg)
{
	struct coro *generator;
	int r = coro_create(sleeps, NULL, &generator);
	if (r == 0)
		r = coro_next(generator, NULL);
	coro_destroy(generator);
	return r;
}

static coro_fn *const bodies[] = {sleeps, awaits, reads, sleeps_in_a_generator};

static int pauses(void *arg)
{
	return coro_sleep(10);
}

/* arg: the body of one of several tasks. */
static int beside_others(void *arg)
{
	struct coro_future *tasks[TASKS];
	for (int i = 0; i < TASKS; i++) {
		int r = coro_spawn(i == 6 ? *(coro_fn **)arg : pauses, i == 6 ? tasks[0] : NULL,
				   &tasks[i]);
		if (r < 0)
			return r;
	}
	int r = coro_gather_all(tasks, TASKS, NULL);
	for (int i = 0; i < TASKS; i++)
		coro_future_unref(tasks[i]);
	return r;
}

static int run_beside_others(void *body)
{
	return coro_run(beside_others, body) == 0 ? 0 : 1;
}

START_TEST(array_that_steps_over_the_guard_is_noticed_in_a_wait)
{
	if (SANITIZED || RUNNING_ON_VALGRIND)
		skip_test("a checker handles faults itself");
	coro_fn *body = bodies[_i];
	struct child child = child_run(run_beside_others, &body);
	ck_assert_killed(child, SIGSEGV);
	ck_assert_ptr_nonnull(strstr(child.said, "coro: stack overflow in a "));
	ck_assert_ptr_nonnull(strstr(child.said, "stack of 256 KiB"));
}
END_TEST

/* ---- no overflow ---- */

#ifndef NO_MAKECONTEXT
static char own_stack[64 * KIB];
static ucontext_t here, there;
static int slept = 1;

static void sleeps_there(void)
{
	slept = coro_sleep(1);
}

/* A stack of the program's own, below or above those of tasks. */
static int sleeps_on_its_own_stack(void *arg)
{
	getcontext(&there);
	there.uc_stack.ss_sp = own_stack;
	there.uc_stack.ss_size = sizeof(own_stack);
	there.uc_link = &here;
	makecontext(&there, sleeps_there, 0);
	swapcontext(&here, &there);
	return slept;
}

START_TEST(task_may_wait_on_a_stack_of_the_programs_own)
{
	if (SANITIZED || RUNNING_ON_VALGRIND)
		skip_test("a checker does not know that stack");
	ck_assert_int_eq(coro_run(sleeps_on_its_own_stack, NULL), 0);
}
END_TEST
#endif

static void add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, array_that_steps_over_the_guard_is_noticed_in_a_wait, 0,
			    sizeof(bodies) / sizeof(*bodies));
#ifndef NO_MAKECONTEXT
	tcase_add_test(tests, task_may_wait_on_a_stack_of_the_programs_own);
#endif
}

TEST_MAIN("overflow", add_tests)
