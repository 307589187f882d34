/* SPDX-License-Identifier: MIT */
/* Debug mode: generators that are suspended when their thread ends. */
#include "support.h"

#include <coro.h>

static int forever(void *arg)
{
	int r;
	while ((r = coro_yield(NULL, NULL)) == 0)
		;
	return r;
}

static int delegates(void *arg)
{
	return coro_yield_from(arg, NULL);
}

static int ends(void *arg)
{
	return 0;
}

static struct coro *make(const char *name, const char *site, coro_fn *fn, void *arg)
{
	struct coro *generator;
	struct coro_options options = {.name = name, .site = site};
	if (coro_create_with(&options, fn, arg, &generator) < 0)
		abort();
	return generator;
}

static struct coro *start(const char *name, const char *site)
{
	struct coro *generator = make(name, site, forever, NULL);
	if (coro_next(generator, NULL) != 1)
		abort();
	return generator;
}

/* The program holds on to them, so that no tool calls them lost. */
static struct coro *volatile held[300];

/* ---- programs ---- */

static void *leave_some(void *arg)
{
	int count = 0;
	for (int i = 0; i < 100; i++)
		held[count++] = start(NULL, "x.c:5");
	held[count++] = start("pages", "y.c:6");
	held[count++] = start(NULL, NULL);
	return NULL;
}

static void *leave_none(void *arg)
{
	coro_destroy(start(NULL, "x.c:5"));
	held[0] = make(NULL, "x.c:5", ends, NULL);
	coro_next(held[0], NULL);
	held[1] = make(NULL, "x.c:5", forever, NULL); /* not started */
	return NULL;
}

static void *leave_a_chain(void *arg)
{
	held[0] = make(NULL, "inner.c:1", forever, NULL);
	held[1] = make(NULL, "outer.c:2", delegates, held[0]);
	if (coro_next(held[1], NULL) != 1)
		abort();
	return NULL;
}

static void *leave_at_many_places(void *arg)
{
	static char sites[100][16];
	for (int i = 0; i < 100; i++) {
		snprintf(sites[i], sizeof(sites[i]), "%d", i);
		held[i] = start(NULL, sites[i]);
	}
	return NULL;
}

static int runs_a_loop(void *arg)
{
	/* This is not slow, however slow the machine. */
	if (coro_loop_set_slow_callback_duration(coro_running_loop(), 1000 * CORO_SEC) < 0)
		return -EIO;
	held[0] = start(NULL, "x.c:5");
	return 0;
}

static void *leave_one_of_a_loop(void *flags)
{
	struct coro_loop_options options = {.flags = (unsigned)(uintptr_t)flags};
	if (coro_run_with(&options, runs_a_loop, NULL) < 0)
		abort();
	return NULL;
}

/* ---- running them ---- */

struct program {
	void *(*fn)(void *arg);
	void *arg;
	const char *debug; /* CORO_DEBUG */
	enum { IN_THREAD, IN_PROCESS, IN_FORK } where;
};

static int run_program(void *arg)
{
	const struct program *program = arg;
	setenv("CORO_DEBUG", program->debug, 1);
	if (program->where == IN_THREAD) {
		in_thread(program->fn, program->arg);
		return 0;
	}
	program->fn(program->arg);
	if (program->where == IN_FORK) {
		int status;
		pid_t pid = fork();
		if (pid > 0)
			return waitpid(pid, &status, 0) != pid || status != 0;
	}
	exit(0);
}

static const char *said(struct program program)
{
	static struct child child;
	child = child_run(run_program, &program);
	ck_assert_exited(child, 0);
	const char *ours = strstr(child.said, "coro: ");
	return SANITIZED ? ours ? ours : "" : child.said;
}

#define SOME                                                         \
	"coro: 100 generators made at x.c:5 were never destroyed\n"  \
	"coro: generator pages, made at y.c:6 was never destroyed\n" \
	"coro: generator made at ? was never destroyed\n"

START_TEST(suspended_generators_are_listed_by_place_when_their_thread_ends)
{
	ck_assert_str_eq(said((struct program){.fn = leave_some, .debug = "1"}), SOME);
	ck_assert_str_eq(said((struct program){.fn = leave_some, .debug = "0"}), "");
	ck_assert_str_eq(said((struct program){.fn = leave_some, .debug = ""}), "");
}
END_TEST

START_TEST(suspended_generators_are_listed_when_the_process_ends)
{
	struct program program = {.fn = leave_some, .debug = "1", .where = IN_PROCESS};
	ck_assert_str_eq(said(program), SOME);
}
END_TEST

START_TEST(child_of_a_fork_does_not_list_those_of_its_parent)
{
	struct program program = {.fn = leave_some, .debug = "1", .where = IN_FORK};
	ck_assert_str_eq(said(program), "");
}
END_TEST

START_TEST(generators_that_ended_or_never_began_are_not_listed)
{
	ck_assert_str_eq(said((struct program){.fn = leave_none, .debug = "1"}), "");
}
END_TEST

START_TEST(each_generator_of_a_chain_is_listed)
{
	const char *text = said((struct program){.fn = leave_a_chain, .debug = "1"});
	ck_assert_ptr_nonnull(strstr(text, "generator made at inner.c:1 was never destroyed\n"));
	ck_assert_ptr_nonnull(strstr(text, "generator made at outer.c:2 was never destroyed\n"));
}
END_TEST

START_TEST(more_than_fifty_places_are_cut_short)
{
	const char *text = said((struct program){.fn = leave_at_many_places, .debug = "1"});
	int lines = 0;
	for (const char *at = text; (at = strstr(at, "made at")); at++)
		lines++;
	ck_assert_int_eq(lines, 51);
	ck_assert_ptr_nonnull(strstr(text, "coro: and generators made at more places\n"));
}
END_TEST

START_TEST(loop_in_debug_mode_is_enough)
{
	struct program program = {
		.fn = leave_one_of_a_loop, .debug = "0", .arg = (void *)(uintptr_t)CORO_DEBUG};
	ck_assert_str_eq(said(program), "coro: generator made at x.c:5 was never destroyed\n");
	program.arg = NULL;
	ck_assert_str_eq(said(program), "");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, suspended_generators_are_listed_by_place_when_their_thread_ends);
	tcase_add_test(tests, suspended_generators_are_listed_when_the_process_ends);
	tcase_add_test(tests, child_of_a_fork_does_not_list_those_of_its_parent);
	tcase_add_test(tests, generators_that_ended_or_never_began_are_not_listed);
	tcase_add_test(tests, each_generator_of_a_chain_is_listed);
	tcase_add_test(tests, more_than_fifty_places_are_cut_short);
	tcase_add_test(tests, loop_in_debug_mode_is_enough);
}

TEST_MAIN("leftover", add_tests)
