/* SPDX-License-Identifier: MIT */
/* What tests of libcoro-posix share: calls of libc's names, made by tasks. */
#ifndef TEST_POSIX_POSIX_H
#define TEST_POSIX_POSIX_H

#include "fds.h"

#include <dlfcn.h>

/* A call in a task: its result, and its errno. */
struct made {
	ssize_t (*call)(struct made *made);
	int fd;
	char bytes[64];
	ssize_t result;
	int error;
	int before; /* errno that the task has before the call; 0: a strange one */
};

enum { STRANGE = 4000 };

static inline int makes(void *arg)
{
	struct made *made = arg;
	errno = STRANGE;
	made->result = made->call(made);
	made->error = errno;
	return 0;
}

/* Starts a call that has to wait. */
static inline struct coro_future *begin(struct made *made)
{
	struct coro_future *task = start(makes, made);
	ck_assert_msg(!coro_future_done(task), "the call did not wait: %d, errno %d",
		      (int)made->result, made->error);
	return task;
}

/* Runs on until it is over, with this result, and errno untouched. */
static inline void finish(struct coro_future *task, const struct made *made, ssize_t expected)
{
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_eq(made->result, expected);
	ck_assert_int_eq(made->error, STRANGE);
	coro_future_unref(task);
}

/* The same of one that fails, with this errno. */
static inline void finish_failed(struct coro_future *task, const struct made *made, int error)
{
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	ck_assert_int_eq(made->result, -1);
	ck_assert_int_eq(made->error, error);
	coro_future_unref(task);
}

/* Makes a call, which need not wait for anything to come. */
static inline void make(struct made *made)
{
	struct coro_future *task = spawn(makes, made);
	ck_assert_int_eq(coro_run_until_complete(loop, task, NULL), 0);
	coro_future_unref(task);
}

/* Makes a call that does not wait. */
static inline void make_at_once(struct made *made)
{
	made->result = -2;
	coro_future_unref(start(makes, made));
	ck_assert_msg(made->result != -2, "the call waits");
}

/* Whether the library's names come first: otherwise no test here says anything. */
static inline void assert_ours(const char *name)
{
	Dl_info info;
	void *at = dlsym(RTLD_DEFAULT, name);
	ck_assert_msg(at && dladdr(at, &info) && strstr(info.dli_fname, "libcoro-posix"),
		      "%s is not libcoro-posix's", name);
}

/* Sets up a test after a call that was cancelled: the first of its kind makes an fd, which stays. */
static inline void setup_after(ssize_t (*call)(struct made *made))
{
	struct made made = {.call = call};
	loop_setup();
	struct coro_future *task = begin(&made);
	cancel(task);
	finish_failed(task, &made, ECANCELED);
	loop_teardown();
	fds_setup();
}

#endif
