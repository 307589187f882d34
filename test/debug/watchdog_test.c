/* SPDX-License-Identifier: MIT */
/* The watchdog: steps that are reported while they run. */
#include "support.h"

#include "base/system.h"
#include "fail_alloc.h"
#include "fail_call.h"

#include <coro.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

/* ---- programs, each in a process of its own ---- */

struct program {
	int (*process)(void *program); /* NULL: run_program */
	coro_fn *fn;
	const char *signal; /* CORO_WATCHDOG; NULL: not set */
	int64_t slow;       /* 0: unchanged */
	bool plain;         /* not in debug mode */
	bool dumps;         /* CORO_DUMP=SIGUSR1, which is sent when the step spins */
};

/* Shared with the children. */
static struct {
	bool spins; /* a step has begun */
	bool go_on; /* it runs until this is set */
} * shared;

static int run_program(void *arg)
{
	const struct program *program = arg;
	struct coro_loop *loop;
	struct coro_future *task = NULL;
	unsetenv("CORO_WATCHDOG");
	if (program->signal)
		setenv("CORO_WATCHDOG", program->signal, 1);
	setenv("CORO_DEBUG", program->plain ? "0" : "1", 1);
	unsetenv("CORO_DUMP");
	if (program->dumps)
		setenv("CORO_DUMP", "SIGUSR1", 1);
	if (coro_loop_create(NULL, &loop) < 0)
		return 100;
	if (program->slow)
		coro_loop_set_slow_callback_duration(loop, program->slow);
	int r = coro_loop_spawn(loop, &(struct coro_options){.name = "program", .site = "x.c:5"},
				program->fn, loop, &task);
	if (r == 0)
		r = coro_run_until_complete(loop, task, NULL);
	coro_future_unref(task);
	int closed = coro_loop_close(loop);
	return r < 0 || closed < 0 ? 101 : r;
}

static void __attribute__((noinline)) spin_on(volatile unsigned *count)
{
	__atomic_store_n(&shared->spins, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&shared->go_on, __ATOMIC_ACQUIRE))
		(*count)++;
}

static int __attribute__((noinline)) spins(void *arg)
{
	volatile unsigned count = 0;
	spin_on(&count);
	count = 0;
	return (int)count;
}

static void __attribute__((noinline)) spins_in_callback(void *arg)
{
	volatile unsigned count = 0;
	spin_on(&count);
	count = 0;
}

/* What the library has printed. A sanitizer may print a warning about makecontext first. */
static const char *ours(const struct child *child)
{
	const char *ours = strstr(child->said, "coro: ");
	return SANITIZED ? ours ? ours : "" : child->said;
}

/* Reads the child's stderr until that text has come, and lets the child go on. Returns it all. */
static const char *said_by(struct program *program, const char *text)
{
	static struct child child;
	size_t length = 0;
	ssize_t n;
	shared->spins = shared->go_on = false;
	child = child_start(program->process ? program->process : run_program, program);
	while (program->dumps && !__atomic_load_n(&shared->spins, __ATOMIC_ACQUIRE))
		sched_yield();
	if (program->dumps)
		kill(child.pid, SIGUSR1);
	while ((n = read(child.err, child.said + length, sizeof(child.said) - 1 - length)) > 0) {
		length += (size_t)n;
		child.said[length] = '\0';
		if (strstr(child.said, text))
			__atomic_store_n(&shared->go_on, true, __ATOMIC_RELEASE);
	}
	close(child.err);
	ck_assert_int_eq(waitpid(child.pid, &child.status, 0), child.pid);
	ck_assert_exited(child, 0);
	return ours(&child);
}

/* Whether the calls of a step can be seen. ThreadSanitizer holds signals back while it runs. */
static bool sees_calls(void)
{
	return !SANITIZE_THREAD && SYSTEM_BACKTRACE;
}

/* ---- a step that is stuck ---- */

START_TEST(step_is_reported_while_it_still_runs_with_its_calls)
{
	struct program program = {.fn = spins};
	const char *said = said_by(&program, " holds up its loop\n"), *stuck, *after;
	if (!sees_calls()) {
		ck_assert_msg(strstr(said, " has run for "), "%s", said);
		return;
	}
	stuck = strstr(said, "coro: task 1 program, spawned at x.c:5 has run for ");
	ck_assert_msg(stuck, "%s", said);
	after = strstr(said, "coro: executing task program, spawned at x.c:5 took ");
	ck_assert_msg(after > stuck, "%s", said);
	/* The calls follow each of the lines, the innermost first, and end with the body. */
	for (int i = 0; i < 2; i++) {
		const char *lines = strchr(i == 0 ? stuck : after, '\n') + 1;
		const char *inner = strstr(lines, "coro:   spin_on");
		const char *outer = strstr(lines, "coro:   spins+");
		ck_assert_msg(inner == lines && outer > inner, "%s", said);
		const char *next = strchr(outer, '\n') + 1;
		ck_assert_msg(strncmp(next, "coro:   ", 8) != 0, "%s", said);
	}
}
END_TEST

static int children;

static int ends(void *arg)
{
	(void)arg;
	return coro_task_yield();
}

/* Before it spins, the loop has run tasks and calls of its own. */
static int spins_after_others(void *arg)
{
	struct coro_future *tasks[8];
	for (int i = 0; i < children; i++) {
		int r = coro_spawn(ends, NULL, &tasks[i]);
		if (r < 0)
			return r;
	}
	int r = children > 0 ? coro_gather(tasks, (size_t)children, NULL) : 0;
	for (int i = 0; i < children; i++)
		coro_future_unref(tasks[i]);
	return r < 0 ? r : spins(arg);
}

START_TEST(step_is_reported_whatever_ran_before_it)
{
	struct program program = {.fn = spins_after_others};
	children = _i;
	const char *said = said_by(&program, " holds up its loop\n");
	ck_assert_msg(strstr(said, "coro: task 1 program, spawned at x.c:5 has run for "), "%s",
		      said);
	const char *first = strstr(said, " holds up its loop\n");
	ck_assert_ptr_null(strstr(first + 1, " holds up its loop\n"));
}
END_TEST

static int spins_elsewhere(void *loop)
{
	int r = coro_call_soon(loop, spins_in_callback, NULL, NULL);
	return r < 0 ? r : coro_task_yield();
}

START_TEST(callback_is_reported_by_its_name)
{
	struct program program = {.fn = spins_elsewhere};
	const char *said = said_by(&program, " holds up its loop\n");
	ck_assert_msg(strstr(said, "coro: callback spins_in_callback (watchdog_test) has run for "),
		      "%s", said);
	if (sees_calls())
		ck_assert_msg(strstr(said, "\ncoro:   spins_in_callback+"), "%s", said);
	ck_assert_msg(strstr(said,
			     "coro: executing callback spins_in_callback (watchdog_test) took "),
		      "%s", said);
}
END_TEST

static int spins_in_generator(void *loop)
{
	struct coro *generator;
	int r = coro_create(spins, NULL, &generator);
	if (r < 0)
		return r;
	r = coro_next(generator, NULL);
	coro_destroy(generator);
	return r;
}

static int spawns_eagerly(void *loop)
{
	struct coro_options eager = {.flags = CORO_EAGER_START, .name = "eager", .site = "y.c:6"};
	return coro_loop_spawn(loop, &eager, spins, NULL, NULL);
}

START_TEST(calls_of_a_generator_are_those_on_its_stack)
{
	struct program program = {.fn = spins_in_generator};
	const char *said = said_by(&program, " holds up its loop\n");
	if (sees_calls())
		ck_assert_msg(strstr(said, "\ncoro:   spins+"), "%s", said);
}
END_TEST

START_TEST(task_that_runs_eagerly_inside_another_is_the_one_named)
{
	struct program program = {.fn = spawns_eagerly};
	const char *said = said_by(&program, " holds up its loop\n");
	if (sees_calls())
		ck_assert_msg(strstr(said, "coro: task 2 eager, spawned at y.c:6 has run for "),
			      "%s", said);
}
END_TEST

/* A task whose stack has no room for the unwinder: one call is known. */
static int spawns_a_small_one(void *loop)
{
	struct coro_future *task;
	struct coro_options small = {.stack_size = coro_stack_min(), .name = "small"};
	int r = coro_loop_spawn(loop, &small, spins, NULL, &task);
	if (r < 0)
		return r;
	sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

START_TEST(small_stack_is_not_overflowed)
{
	struct program program = {.fn = spawns_a_small_one};
	const char *said = said_by(&program, " holds up its loop\n");
	if (sees_calls())
		ck_assert_msg(strstr(said, "coro: task 2 small"), "%s", said);
}
END_TEST

/* ---- a dump that a stuck loop cannot make ---- */

static int sleeps_long(void *arg)
{
	return coro_sleep(CORO_FOREVER);
}

/* Beside a task that waits. */
static int spins_beside_one(void *loop)
{
	struct coro_future *other;
	int r = coro_spawn_at("y.c:6", sleeps_long, NULL, &other);
	if (r < 0)
		return r;
	coro_task_set_name(other, "sleeper");
	r = coro_task_yield();
	if (r == 0)
		r = spins(NULL);
	coro_cancel(other);
	coro_future_unref(other);
	return r == 0 ? coro_task_yield() : r;
}

START_TEST(dump_that_a_stuck_task_keeps_from_being_made_is_made_by_the_watchdog)
{
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer holds the signal back");
	struct program program = {.fn = spins_beside_one, .plain = true, .dumps = true};
	const char *said =
		said_by(&program, RUNNING_ON_VALGRIND ? " its loop\n" : "waits in a sleep\n");
	ck_assert_msg(said == strstr(said, "coro: a dump was asked for, but task 1 program, "
					   "spawned at x.c:5 holds up its loop\n"),
		      "%s", said);
	if (sees_calls())
		ck_assert_msg(strstr(said, " its loop\ncoro:   spin_on"), "%s", said);
	if (!RUNNING_ON_VALGRIND)
		ck_assert_msg(strstr(said, "coro:   task 1 program, spawned at x.c:5, runs\n"
					   "coro:   task 2 sleeper, spawned at y.c:6 by task 1, "
					   "waits in a sleep\n"),
			      "%s", said);
	/* Then the loop gets to its own. */
	ck_assert_msg(strstr(said, "coro: a loop with "), "%s", said);
}
END_TEST

START_TEST(dump_that_a_stuck_callback_keeps_from_being_made_is_made_by_the_watchdog)
{
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer holds the signal back");
	struct program program = {.fn = spins_elsewhere, .plain = true, .dumps = true};
	const char *said = said_by(&program, " its loop\n");
	ck_assert_msg(strstr(said,
			     "coro: a dump was asked for, but a callback holds up its loop\n"),
		      "%s", said);
	if (sees_calls())
		ck_assert_msg(strstr(said, " its loop\ncoro:   spin_on"), "%s", said);
}
END_TEST

START_TEST(callback_that_keeps_a_dump_from_being_made_is_named_in_debug_mode)
{
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer holds the signal back");
	struct program program = {.fn = spins_elsewhere, .slow = CORO_FOREVER, .dumps = true};
	const char *said = said_by(&program, " its loop\n");
	ck_assert_msg(strstr(said, "but callback spins_in_callback (watchdog_test) holds up"), "%s",
		      said);
}
END_TEST

/* The loop is there, and the program does something else. */
static int spins_outside(void *arg)
{
	struct coro_loop *loop;
	setenv("CORO_DUMP", "SIGUSR1", 1);
	setenv("CORO_DEBUG", "0", 1);
	unsetenv("CORO_WATCHDOG");
	if (coro_loop_create(NULL, &loop) < 0)
		return 100;
	spins(NULL);
	return coro_loop_close(loop) < 0;
}

START_TEST(dump_of_a_loop_that_does_not_run_says_so)
{
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer holds the signal back");
	struct program program = {.process = spins_outside, .dumps = true};
	const char *said = said_by(&program, " run\n");
	ck_assert_msg(strstr(said, "coro: a dump was asked for, but the loop does not run\n"), "%s",
		      said);
	if (sees_calls())
		ck_assert_msg(strstr(said, " run\ncoro:   spin_on"), "%s", said);
}
END_TEST

/* ---- the signal ---- */

static int sleeps_in_the_kernel(void *arg)
{
	return nanosleep(&(struct timespec){.tv_nsec = 900 * CORO_MSEC}, NULL);
}

/*
 * The limit leaves a slow machine time to get to the sleep. The rest of the sleep leaves it time for its
 * watchdog: what that is late by is taken for a time in which the process stood still.
 */
START_TEST(short_sleep_of_the_thread_is_not_cut_short)
{
	struct program program = {.fn = sleeps_in_the_kernel, .slow = 200 * CORO_MSEC};
	struct child child = child_run(run_program, &program);
	ck_assert_exited(child, 0);
	ck_assert_ptr_nonnull(strstr(child.said, "coro: executing task program, spawned at x.c:5"));
}
END_TEST

static int blocks_it(void *arg)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	int r = spins(NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return r;
}

static void on_urgent(int signum)
{
}

static int uses_it(void *arg)
{
	signal(SIGURG, on_urgent);
	return spins(NULL);
}

START_TEST(step_is_reported_without_calls_if_the_signal_does_not_come)
{
	coro_fn *const fns[] = {blocks_it, uses_it};
	for (int i = 0; i < 2; i++) {
		struct program program = {.fn = fns[i]};
		const char *said = said_by(&program, " holds up its loop\n");
		ck_assert_ptr_eq(strstr(said, "coro: task 1 has run for "), said);
		ck_assert_ptr_null(strstr(said, "coro:   "));
	}
}
END_TEST

static void *action_of(int signum)
{
	struct sigaction now;
	if (sigaction(signum, NULL, &now) < 0)
		return NULL;
	return now.sa_flags & SA_SIGINFO ? (void *)now.sa_sigaction : (void *)now.sa_handler;
}

/* In its second step the watchdog is there. */
static int looks_at_urg(void *arg)
{
	int r = coro_task_yield();
	return r < 0 ? r : action_of(SIGURG) == SIG_DFL;
}

static int looks_at_usr2(void *arg)
{
	int r = coro_task_yield();
	return r < 0 ? r : action_of(SIGUSR2) == SIG_DFL || action_of(SIGURG) != SIG_DFL;
}

static int looks_at_nothing(void *arg)
{
	return action_of(SIGURG) != SIG_DFL;
}

static int restores_it(void *arg)
{
	int r = run_program(arg);
	return r ? r : action_of(SIGURG) == SIG_DFL && action_of(SIGUSR2) == SIG_DFL ? 0 : 2;
}

START_TEST(signal_is_taken_while_loops_are_watched)
{
	struct program program = {.fn = looks_at_urg};
	struct child child = child_run(restores_it, &program);
	ck_assert_exited(child, 0);
	program = (struct program){.fn = looks_at_usr2, .signal = "SIGUSR2"};
	child = child_run(restores_it, &program);
	ck_assert_exited(child, 0);
}
END_TEST

static int keeps_its_handler(void *arg)
{
	signal(SIGURG, on_urgent);
	int r = run_program(arg);
	return r ? r : action_of(SIGURG) == (void *)on_urgent ? 0 : 2;
}

static int finds_its_handler(void *arg)
{
	int r = coro_task_yield();
	return r < 0 ? r : action_of(SIGURG) != (void *)on_urgent;
}

START_TEST(signal_that_the_program_uses_is_left_alone)
{
	struct program program = {.fn = finds_its_handler};
	struct child child = child_run(keeps_its_handler, &program);
	ck_assert_exited(child, 0);
}
END_TEST

START_TEST(variable_that_names_no_signal_is_refused)
{
	struct program program = {
		.fn = looks_at_nothing, .signal = "SIGPIE", .slow = 1000 * CORO_SEC};
	struct child child = child_run(run_program, &program);
	ck_assert_exited(child, 0);
	ck_assert_ptr_nonnull(
		strstr(child.said, "coro: CORO_WATCHDOG=SIGPIE is no signal that can be caught\n"));
}
END_TEST

/* One that nobody has asked for changes nothing, wherever it comes from. */
static int is_sent_one(void *arg)
{
	errno = 77;
	raise(SIGURG);
	return errno == 77 ? coro_task_yield() : 3;
}

START_TEST(signal_that_was_not_asked_for_is_ignored)
{
	struct program program = {.fn = is_sent_one, .slow = 1000 * CORO_SEC};
	struct child child = child_run(run_program, &program);
	ck_assert_exited(child, 0);
	ck_assert_str_eq(ours(&child), "");
}
END_TEST

/* ---- the thread ---- */

static int before; /* threads in the program before the loop */

static int counts_one_more(void *arg)
{
	int r = coro_task_yield();
	return r < 0 ? r : threads_now() != before + 1;
}

static int counts_no_more(void *arg)
{
	int r = coro_task_yield();
	return r < 0 ? r : threads_now() != before;
}

static int runs_twice(void *arg)
{
	before = threads_now();
	for (int i = 0; i < 2; i++) {
		int r = run_program(arg);
		if (r)
			return r;
		await_threads(before);
	}
	return 0;
}

START_TEST(watchdog_lives_while_a_loop_in_debug_mode_is_open)
{
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer has threads of its own");
	struct program program = {.fn = counts_one_more};
	struct child child = child_run(runs_twice, &program);
	ck_assert_exited(child, 0);
	program.fn = counts_no_more;
	program.signal = "0";
	child = child_run(runs_twice, &program);
	ck_assert_exited(child, 0);
	program = (struct program){.fn = counts_no_more, .plain = true};
	child = child_run(runs_twice, &program);
	ck_assert_exited(child, 0);
}
END_TEST

static int sleeps_a_little(void *arg)
{
	for (int i = 0; i < 20; i++)
		coro_sleep(CORO_MSEC);
	return 0;
}

static int runs_in_threads(void *arg)
{
	pthread_t threads[4];
	void *failed[4];
	setenv("CORO_DEBUG", "1", 1);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, arg, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], &failed[i]);
	return failed[0] || failed[1] || failed[2] || failed[3];
}

/* run_program changes the environment, which threads must not. */
static void *run_loops(void *arg)
{
	for (int i = 0; i < 5; i++) {
		struct coro_loop *loop;
		struct coro_future *task;
		if (coro_loop_create(NULL, &loop) < 0)
			return "failed";
		if (coro_loop_spawn(loop, NULL, sleeps_a_little, NULL, &task) < 0 ||
		    coro_run_until_complete(loop, task, NULL) < 0)
			return "failed";
		coro_future_unref(task);
		coro_loop_close(loop);
	}
	return NULL;
}

START_TEST(loops_of_several_threads_share_a_watchdog_that_comes_and_goes)
{
	struct child child = child_run(runs_in_threads, (void *)(uintptr_t)run_loops);
	ck_assert_exited(child, 0);
}
END_TEST

static int forks(void *arg)
{
	struct program program = {.fn = counts_one_more};
	int status;
	coro_task_yield();
	pid_t pid = fork();
	if (pid == 0) {
		before = 1;
		program.slow = 1000 * CORO_SEC;
		_exit(run_program(&program));
	}
	return waitpid(pid, &status, 0) != pid || status != 0;
}

START_TEST(child_of_a_fork_has_a_watchdog_of_its_own)
{
	if (SANITIZE_THREAD)
		skip_test("ThreadSanitizer wants no threads after a fork");
	struct program program = {.fn = forks, .slow = 1000 * CORO_SEC};
	struct child child = child_run(run_program, &program);
	ck_assert_exited(child, 0);
	ck_assert_str_eq(ours(&child), "");
}
END_TEST

static int closes_the_copy(void *loop)
{
	int status;
	coro_task_yield();
	pid_t pid = fork();
	if (pid == 0)
		return 7; /* the run ends, and run_program closes the loop */
	return waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7;
}

START_TEST(child_of_a_fork_closes_its_copy_of_a_watched_loop)
{
	struct program program = {.fn = closes_the_copy};
	struct child child = child_run(run_program, &program);
	ck_assert_exited(child, 0);
}
END_TEST

static int has_no_thread(void *arg)
{
	before = threads_now();
	fail_calls_from("pthread_create", 1, EAGAIN);
	int r = run_program(arg);
	return fail_call_off() ? r : 9;
}

/* Each allocation in turn. The run may fail, but not crash or hang. */
static int has_no_memory(void *arg)
{
	for (unsigned long n = 1; n < 100; n++) {
		fail_nth(n);
		int r = run_program(arg);
		if (!fail_off())
			return r;
		if (r != 0 && r < 100)
			return r;
	}
	return 8;
}

START_TEST(loop_runs_without_a_watchdog_if_there_is_no_thread_or_memory)
{
	struct program program = {.fn = counts_no_more};
	struct child child = child_run(has_no_thread, &program);
	ck_assert_exited(child, 0);
	if (!fail_possible())
		skip_test("allocations cannot be made to fail here");
	program.fn = sleeps_a_little;
	child = child_run(has_no_memory, &program);
	ck_assert_exited(child, 0);
}
END_TEST

/* ---- a process that was stopped ---- */

static int stops(void *arg)
{
	coro_task_yield();
	raise(SIGSTOP);
	return coro_task_yield();
}

START_TEST(time_in_which_the_process_was_stopped_does_not_count)
{
	struct program program = {.fn = stops, .slow = CORO_SEC};
	struct child child = child_start(run_program, &program);
	int status;
	ck_assert_int_eq(waitpid(child.pid, &status, WUNTRACED), child.pid);
	ck_assert(WIFSTOPPED(status));
	/* A stop has to last longer than the limit to be one that could be reported. */
	nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
	kill(child.pid, SIGCONT);
	child_wait(&child);
	ck_assert_exited(child, 0);
	ck_assert_str_eq(ours(&child), "");
}
END_TEST

static void add_tests(TCase *tests)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	tcase_add_test(tests, step_is_reported_while_it_still_runs_with_its_calls);
	tcase_add_loop_test(tests, step_is_reported_whatever_ran_before_it, 0, 4);
	tcase_add_test(tests, callback_is_reported_by_its_name);
	tcase_add_test(tests, calls_of_a_generator_are_those_on_its_stack);
	tcase_add_test(tests, task_that_runs_eagerly_inside_another_is_the_one_named);
	tcase_add_test(tests, small_stack_is_not_overflowed);

	tcase_add_test(tests, dump_that_a_stuck_task_keeps_from_being_made_is_made_by_the_watchdog);
	tcase_add_test(tests,
		       dump_that_a_stuck_callback_keeps_from_being_made_is_made_by_the_watchdog);
	tcase_add_test(tests, callback_that_keeps_a_dump_from_being_made_is_named_in_debug_mode);
	tcase_add_test(tests, dump_of_a_loop_that_does_not_run_says_so);

	tcase_add_test(tests, step_is_reported_without_calls_if_the_signal_does_not_come);
	tcase_add_test(tests, short_sleep_of_the_thread_is_not_cut_short);
	tcase_add_test(tests, signal_is_taken_while_loops_are_watched);
	tcase_add_test(tests, signal_that_the_program_uses_is_left_alone);
	tcase_add_test(tests, variable_that_names_no_signal_is_refused);
	tcase_add_test(tests, signal_that_was_not_asked_for_is_ignored);

	tcase_add_test(tests, watchdog_lives_while_a_loop_in_debug_mode_is_open);
	tcase_add_test(tests, loops_of_several_threads_share_a_watchdog_that_comes_and_goes);
	tcase_add_test(tests, child_of_a_fork_has_a_watchdog_of_its_own);
	tcase_add_test(tests, child_of_a_fork_closes_its_copy_of_a_watched_loop);
	tcase_add_test(tests, loop_runs_without_a_watchdog_if_there_is_no_thread_or_memory);
	tcase_add_test(tests, time_in_which_the_process_was_stopped_does_not_count);
}

TEST_MAIN("watchdog", add_tests)
