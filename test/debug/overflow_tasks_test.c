/* SPDX-License-Identifier: MIT */
/*
 * The report of a stack overflow lists the tasks of the loop, whatever the overflow has written over.
 * Each test runs in a child process.
 */
#include "io/fd.h"
#include "sync/lock.h"
#include "task/task.h"

#include "support.h"

#include <coro.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define skip_under_checkers()                                         \
	do {                                                          \
		if (SANITIZED || RUNNING_ON_VALGRIND)                 \
			skip_test("a checker handles faults itself"); \
	} while (0)

/* ---- bodies ---- */

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

static int awaits(void *other)
{
	return coro_await(other, NULL);
}

static int shields(void *other)
{
	return coro_shield(other, NULL);
}

static int sleeps(void *arg)
{
	return coro_sleep(CORO_SEC);
}

static struct coro_lock lock;

static int locks(void *arg)
{
	return coro_lock_acquire_at("here.c:1", &lock);
}

static int ends[2];

static int reads(void *arg)
{
	char byte;
	return (int)coro_read(ends[0], &byte, 1);
}

static int runs_a_program(void *arg)
{
	char *program[] = {(char *)"sleep", (char *)"1", NULL};
	struct coro_process *process;
	int r = coro_process_spawn(program, NULL, &process);
	if (r == 0)
		r = coro_process_wait(process, NULL);
	return r;
}

/* ---- programs: a task, run in debug mode */

/* On a slow machine steps are slow, which is reported, too. */
static int runs_unhurried(void *program)
{
	coro_loop_set_slow_callback_duration(coro_running_loop(), CORO_FOREVER);
	return (*(coro_fn **)program)(NULL);
}

static int run_it(void *program)
{
	struct coro_loop_options options = {.flags = CORO_DEBUG};
	return coro_run_with(&options, runs_unhurried, program) < 0 ? 1 : 0;
}

/* Runs the program, which overflows. Returns what it said. */
static const char *report_of(coro_fn *program)
{
	static struct child child;
	setenv("CORO_WATCHDOG", "0", 1);
	child = child_run(run_it, &program);
	ck_assert_killed(child, SIGSEGV);
	return child.said;
}

/* The digits that differ from run to run. */
static const char *without_pid(const char *text)
{
	static char result[4096];
	char *at = result;
	const char *process = strstr(text, "process ");
	for (; *text; text++)
		if (!process || text < process + 8 || *text < '0' || *text > '9' ||
		    text > process + 16)
			*at++ = *text;
	*at = '\0';
	return result;
}

static int spawn(const char *site, coro_fn *fn, void *arg)
{
	return coro_spawn_at(site, fn, arg, NULL);
}

static int beside_each_kind(void *arg)
{
	struct coro_future *future;
	if (pipe(ends) < 0 || coro_future_create(coro_running_loop(), &future) < 0)
		return -errno;
	coro_task_set_name(coro_current_task(), "a\nb");
	int r = coro_lock_acquire(&lock);
	if (r == 0)
		r = spawn("a.c:2", locks, NULL);
	if (r == 0)
		r = spawn("a.c:3", reads, NULL);
	if (r == 0)
		r = spawn("a.c:4", sleeps, NULL);
	if (r == 0)
		r = spawn("a.c:5", awaits, coro_current_task());
	if (r == 0)
		r = spawn("a.c:6", shields, future);
	if (r == 0)
		r = spawn("a.c:7", runs_a_program, NULL);
	for (int i = 0; i < 2 && r == 0; i++)
		r = coro_sleep(10 * CORO_MSEC);
	if (r == 0)
		r = spawn("a.c:8", sleeps, NULL);
	return r < 0 ? r : recurse(0);
}

START_TEST(the_tasks_of_the_loop_are_listed)
{
	char expected[2048];
	skip_under_checkers();
	const char *text = report_of(beside_each_kind);
	const char *fd = strstr(text, "waits in fd ");
	ck_assert_msg(fd, "%s", text);
	snprintf(expected, sizeof(expected),
		 "coro: stack overflow in a\nb, spawned at " __FILE__ ":%d, stack of 256 KiB\n"
		 "coro:   task 1 a?b, spawned at " __FILE__ ":%d, runs\n"
		 "coro:   task 2, spawned at a.c:2 by task 1, waits in a lock, held by task 1\n"
		 "coro:   task 3, spawned at a.c:3 by task 1, waits in fd %d, to read\n"
		 "coro:   task 4, spawned at a.c:4 by task 1, waits in a sleep\n"
		 "coro:   task 5, spawned at a.c:5 by task 1, waits in task 1\n"
		 "coro:   task 6, spawned at a.c:6 by task 1, waits in a future\n"
		 "coro:   task 7, spawned at a.c:7 by task 1, waits in the end of process \n"
		 "coro:   task 8, spawned at a.c:8 by task 1, has not started\n",
		 atoi(strstr(text, "_test.c:") + 8), atoi(strstr(text, "_test.c:") + 8),
		 atoi(fd + 12));
	ck_assert_str_eq(without_pid(text), expected);
}
END_TEST

static int alone(void *arg)
{
	return recurse(0);
}

START_TEST(a_task_alone_is_not_listed)
{
	skip_under_checkers();
	const char *text = report_of(alone);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
END_TEST

static int beside_many(void *arg)
{
	for (int i = 0; i < 20; i++)
		if (spawn(NULL, sleeps, NULL) < 0)
			return 0;
	return recurse(coro_task_yield());
}

START_TEST(many_tasks_are_counted)
{
	skip_under_checkers();
	const char *text = report_of(beside_many);
	ck_assert_msg(strstr(text, "coro:   task 16, spawned by task 1, waits in a sleep\n"
				   "coro:   and 5 more tasks\n"),
		      "%s", text);
}
END_TEST

static int in_a_generator(void *arg)
{
	struct coro *generator;
	int r = spawn(NULL, sleeps, NULL);
	if (r == 0)
		r = coro_create(overflows, NULL, &generator);
	return r < 0 ? r : coro_next(generator, NULL);
}

START_TEST(a_task_whose_generator_overflows_runs)
{
	skip_under_checkers();
	const char *text = report_of(in_a_generator);
	ck_assert_msg(strncmp(text, "coro: stack overflow in a coroutine, made at ", 44) == 0, "%s",
		      text);
	ck_assert_ptr_nonnull(strstr(text, ", runs\ncoro:   task 2"));
}
END_TEST

/* ---- memory that was written over ---- */

static struct coro_future *victim;

static void spoil(void *at, int byte, size_t size)
{
	memset(at, byte, size);
	__asm__ volatile("" : : "r"(at) : "memory");
}

static void spoil_wait(int byte)
{
	spoil(task_wait(task_of(victim)), byte, sizeof(struct task_wait));
}

static void spoil_kind(int byte)
{
	spoil(&task_wait(task_of(victim))->kind, byte, sizeof(void *));
}

static void spoil_waiter(int byte)
{
	spoil(&task_wait(task_of(victim))->waiter, byte, sizeof(void *));
}

static void spoil_subject(int byte)
{
	spoil(task_wait(task_of(victim))->outer, byte, sizeof(void *));
}

static void spoil_name(int byte)
{
	spoil(&task_of(victim)->coro.name, byte, sizeof(void *));
}

static void spoil_frame(int byte)
{
	spoil(&task_of(victim)->coro.frame, byte, sizeof(void *));
}

static void spoil_link(int byte)
{
	spoil(&spawned_of(task_of(victim))->all.next, byte, sizeof(void *));
}

static void make_circle(int byte)
{
	spawned_of(task_of(victim))->all.next = &spawned_of(task_of(victim))->all;
}

static void (*const spoilers[])(int byte) = {spoil_wait, spoil_kind,  spoil_waiter, spoil_subject,
					     spoil_name, spoil_frame, spoil_link,   make_circle};
static const int bytes[] = {0, 1, 0x7f, 0xa5, 0xff};
enum {
	SPOILERS = sizeof(spoilers) / sizeof(spoilers[0]),
	BYTES = sizeof(bytes) / sizeof(bytes[0])
};

static int chosen;

static int beside_a_spoilt_one(void *arg)
{
	struct coro_future *future;
	int r = coro_future_create(coro_running_loop(), &future);
	if (r == 0)
		r = coro_spawn(chosen % 2 ? shields : awaits, future, &victim);
	if (r == 0)
		r = coro_task_yield();
	if (r < 0)
		return r;
	spoilers[chosen % SPOILERS](bytes[chosen / SPOILERS]);
	return recurse(0);
}

START_TEST(what_was_written_over_does_no_harm)
{
	skip_under_checkers();
	chosen = _i;
	const char *text = report_of(beside_a_spoilt_one);
	ck_assert_ptr_eq(strstr(text, "coro: stack overflow in main, spawned at "), text);
	ck_assert_msg(strstr(text, "\ncoro:   task 1 main, spawned at "), "%s", text);
	ck_assert_msg(strstr(text, "\ncoro:   task 2"), "%s", text);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, the_tasks_of_the_loop_are_listed);
	tcase_add_test(tests, a_task_alone_is_not_listed);
	tcase_add_test(tests, many_tasks_are_counted);
	tcase_add_test(tests, a_task_whose_generator_overflows_runs);
	tcase_add_loop_test(tests, what_was_written_over_does_no_harm, 0, SPOILERS * BYTES);
}

TEST_MAIN("overflow_tasks", add_tests)
