/* SPDX-License-Identifier: MIT */
/* What tests share: main, smaller counts, a recorder of the order of events, child processes. */
#ifndef TEST_SUPPORT_H
#define TEST_SUPPORT_H

#include "base/sanitize.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether libc is a glibc of that version or later. */
#ifdef __GLIBC__
#define GLIBC_FROM(major, minor) __GLIBC_PREREQ(major, minor)
#include <malloc.h>
#else
#define GLIBC_FROM(major, minor) 0
#endif

#ifndef RUNNING_ON_VALGRIND
#define RUNNING_ON_VALGRIND 0
#endif

/* Valgrinds of some age do not extend the first thread's stack for a signal: so it is extended before. */
static void __attribute__((noinline, unused)) extend_stack(void)
{
	char room[1 << 18];
	memset(room, 0, sizeof(room));
	__asm__ volatile("" ::"r"(room) : "memory");
}

/* The program's main: a suite of that name with the tests that add adds. */
#define TEST_MAIN(name, add)                                 \
	int main(void)                                       \
	{                                                    \
		Suite *suite = suite_create(name);           \
		TCase *tests = tcase_create(name);           \
		setenv("CORO_REPORTS", "0", 0);              \
		if (RUNNING_ON_VALGRIND)                     \
			extend_stack();                      \
		add(tests);                                  \
		suite_add_tcase(suite, tests);               \
		SRunner *runner = srunner_create(suite);     \
		srunner_run_all(runner, CK_ENV);             \
		int failed = srunner_ntests_failed(runner);  \
		srunner_free(runner);                        \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS; \
	}

/* Ends a test that cannot run here, and prints why. */
#define skip_test(...)                             \
	do {                                       \
		printf("%s: skipped: ", __func__); \
		printf(__VA_ARGS__);               \
		printf("\n");                      \
		fflush(stdout);                    \
		return;                            \
	} while (0)

/* For a child that leaks on purpose, or by a fork that has lost what only other threads knew. */
static inline void may_leak(void)
{
#ifdef VALGRIND_CLO_CHANGE
	VALGRIND_CLO_CHANGE("--leak-check=no");
#endif
}

/* ---- counts ---- */

static inline bool running_slow(void)
{
	return SANITIZED || RUNNING_ON_VALGRIND || getenv("RUNNING_SLOW");
}

/* The count, or a smaller one if everything is slow. */
static inline int many(int count, int few)
{
	return running_slow() ? few : count;
}

/* Bytes that are allocated now, or 0 if the system does not tell. */
static inline size_t allocated(void)
{
#if GLIBC_FROM(2, 33)
	return mallinfo2().uordblks;
#else
	return 0;
#endif
}

/* The same with large blocks, which malloc maps apart. */
static inline size_t allocated_and_mapped(void)
{
#if GLIBC_FROM(2, 33)
	return allocated() + mallinfo2().hblkhd;
#else
	return 0;
#endif
}

/* ---- order ---- */

static struct {
	char text[8192];
	size_t length;
} traced;

/* Appends a word to what has happened. */
static inline void __attribute__((format(printf, 1, 2))) trace(const char *format, ...)
{
	size_t room = sizeof(traced.text) - traced.length;
	va_list args;
	if (room < 64)
		return; /* the truncated trace will not be the expected one */
	if (traced.length)
		traced.text[traced.length++] = ' ';
	va_start(args, format);
	traced.length += (size_t)vsnprintf(traced.text + traced.length, 60, format, args);
	va_end(args);
}

/* What has happened since it was last asked for, one word after another. */
static inline const char *trace_take(void)
{
	static char text[sizeof(traced.text)];
	memcpy(text, traced.text, traced.length);
	text[traced.length] = '\0';
	traced.length = 0;
	return text;
}

#define ck_assert_trace(expected) ck_assert_str_eq(trace_take(), expected)

/* The number of an error or a signal as text, in what is expected: many differ between CPUs and systems. */
#define NUMBER(error) NUMBER_(error)
#define NUMBER_(error) #error

/* ---- elsewhere ---- */

/* Runs fn(arg) in a thread of its own, to its end. */
static inline void *in_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	void *result;
	if (pthread_create(&thread, NULL, fn, arg) != 0 || pthread_join(thread, &result) != 0)
		abort();
	return result;
}

/*
 * Returns when the main thread sleeps in the kernel, at once if the system does not show that. For
 * another thread, which then wakes it.
 */
static inline void until_main_sleeps(void)
{
	char path[64], state = 'R';
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	while (state != 'S') {
		FILE *stat = fopen(path, "r");
		if (!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
			state = 'S';
		if (stat)
			fclose(stat);
	}
}

/*
 * The number of threads, or 1 if the system does not show it. Not by /proc/self/task: a thread that
 * ends during the listing hides those behind it. Nor by /proc/self/stat, where an emulator may put
 * zeros.
 */
static inline int threads_now(void)
{
	int count = 0;
	char line[256];
	FILE *status = fopen("/proc/self/status", "r");
	while (status && fgets(line, sizeof(line), status) &&
	       sscanf(line, "Threads: %d", &count) != 1)
		continue;
	if (status)
		fclose(status);
	return count > 0 ? count : 1;
}

/* Waits until at most count threads are left, so that the ended ones hold no memory. */
static inline void await_threads(int count)
{
	while (threads_now() > count + SANITIZE_THREAD) /* which may have started one of its own */
		sched_yield();
}

/* An abstract unix address of this process alone: others may run the same test at the same time. */
static inline const char *address_of_process(void)
{
	static char text[32];
	snprintf(text, sizeof(text), "unix:@coro-test-%d", (int)getpid());
	return text;
}

/* A process and its end. */
struct child {
	pid_t pid;
	int err;    /* the other end of its stderr */
	int status; /* as waitpid's */
	char said[4096];
};

/*
 * Runs fn(arg) in a process of its own, which ends with what it returns, and leaves no core.
 * Nothing of Check's in there. What it wrote to stderr is in said, NUL-terminated.
 */
static inline struct child child_start(int (*fn)(void *arg), void *arg)
{
	struct child child = {0};
	int err[2];
	fflush(NULL);
	if (pipe(err) < 0 || (child.pid = fork()) < 0)
		abort();
	if (child.pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		dup2(err[1], STDERR_FILENO);
		close(err[0]);
		close(err[1]);
		_exit(fn(arg));
	}
	close(err[1]);
	child.err = err[0];
	return child;
}

static inline void child_wait(struct child *child)
{
	size_t length = 0;
	ssize_t n;
	char drop[256];
	const size_t most = sizeof(child->said) - 1;
	while (length < most && (n = read(child->err, child->said + length, most - length)) > 0)
		length += (size_t)n;
	while (read(child->err, drop, sizeof(drop)) > 0)
		;
	char *emulator = strstr(child->said, "qemu: uncaught target signal");
	if (emulator)
		*emulator = '\0';
	close(child->err);
	if (waitpid(child->pid, &child->status, 0) < 0)
		abort();
}

static inline struct child child_run(int (*fn)(void *arg), void *arg)
{
	struct child child = child_start(fn, arg);
	child_wait(&child);
	return child;
}

#define ck_assert_exited(run, code)                                                             \
	do {                                                                                    \
		struct child ended_ = (run);                                                    \
		ck_assert_msg(WIFEXITED(ended_.status) && WEXITSTATUS(ended_.status) == (code), \
			      "status %#x, not exit %d; it said: %s", (unsigned)ended_.status,  \
			      (code), ended_.said);                                             \
	} while (0)

#define ck_assert_killed(run, number)                                                            \
	do {                                                                                     \
		struct child ended_ = (run);                                                     \
		ck_assert_msg(WIFSIGNALED(ended_.status) && WTERMSIG(ended_.status) == (number), \
			      "status %#x, not signal %d; it said: %s", (unsigned)ended_.status, \
			      (number), ended_.said);                                            \
	} while (0)

#endif
