/* SPDX-License-Identifier: MIT */
/*
 * Children for tests, and what they say. Most tests run twice: with pidfds, and with a thread for
 * each child, as where there are no pidfds.
 */
#ifndef TEST_PROCESS_PROGRAMS_H
#define TEST_PROCESS_PROGRAMS_H

#include "fds.h"
#include "threads.h"

#include <sys/stat.h>

enum { BY_PIDFD, BY_THREAD, WAYS };

static inline void process_setup(void)
{
	list_fds(fds_before);
	ck_assert_int_eq(coro_loop_create(NULL, &loop), 0);
}

static inline void process_teardown(void)
{
	fail_call_off();
	fds_teardown();
	ck_assert_msg(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
}

/* In the thread that calls; also under way. */
static inline void watch_by(int way)
{
	if (way == BY_THREAD)
		fail_calls_from("pidfd_open", 1, ENOSYS);
}

/* A test whose body runs in a task. */
#define TASK_TEST(name)                                               \
	static int in_task_##name(void *way);                         \
	START_TEST(name)                                              \
	{                                                             \
		int way = _i;                                         \
		watch_by(way);                                        \
		ck_assert_int_eq(result_of(in_task_##name, &way), 0); \
		run();                                                \
	}                                                             \
	END_TEST                                                      \
	static int in_task_##name(CORO_UNUSED void *way)

/* A shell's script. */
static inline struct coro_process *sh(const char *script,
				      const struct coro_process_options *options)
{
	struct coro_process *process = NULL;
	int r = coro_process_shell(script, options, &process);
	ck_assert_msg(r == 0, "%s: %s", script, coro_message(r));
	return process;
}

/* Waits for it and destroys it; returns its exit code. */
static inline int end_of(struct coro_process *process)
{
	int code = -1000;
	ck_assert_int_eq(coro_process_wait(process, &code), 0);
	ck_assert_int_eq(coro_process_destroy(process), 0);
	return code;
}

/*
 * Communicates with it, expects exit code 0, and destroys it; returns its output, until the next
 * call.
 */
static inline const char *message_of(struct coro_process *process, const char *input)
{
	static char words[4096];
	struct coro_bytes out;
	size_t length = input ? strlen(input) : 0;
	int r = coro_process_communicate(process, input, length, sizeof(words) - 1, &out, NULL);
	ck_assert_msg(r == 0, "%s", coro_strerror(r));
	ck_assert_int_eq(out.bytes[out.length], '\0');
	memcpy(words, out.bytes, out.length + 1);
	free(out.bytes);
	ck_assert_int_eq(end_of(process), 0);
	return words;
}

static inline struct coro_process_options piped(void)
{
	return (struct coro_process_options){.in = CORO_PIPE, .out = CORO_PIPE};
}

/* A script's output. */
static inline const char *said(const char *script)
{
	struct coro_process_options options = {.out = CORO_PIPE};
	return message_of(sh(script, &options), NULL);
}

/* One that runs until its standard input ends, and then ends with 3. */
static inline struct coro_process *waits_for_eof(unsigned flags)
{
	struct coro_process_options options = {.in = CORO_PIPE, .flags = flags};
	return sh("read x; exit 3", &options);
}

static struct coro_process *shared;

static inline void says_it(void *word)
{
	trace("%s", (char *)word);
}

/* Which of these fds a script has, as a string of 0 and 1. */
static inline const char *has_fds(const int *fds, int count,
				  const struct coro_process_options *options)
{
	char script[256] = "";
	for (int i = 0; i < count; i++) {
		char piece[80];
		snprintf(piece, sizeof(piece), "test -e /proc/$$/fd/%d && printf 1 || printf 0;",
			 fds[i]);
		strcat(script, piece);
	}
	return message_of(sh(script, options), NULL);
}

static inline int talks_to_shared(void *arg)
{
	struct coro_bytes out;
	return coro_process_communicate(shared, NULL, 0, 0, &out, NULL);
}

#endif
