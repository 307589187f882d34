/* SPDX-License-Identifier: MIT */
/* Starts a child process that executes a program. Knows nothing of loops. */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct coro_process_user;

struct child_plan {
	const char *path; /* without a slash it is searched in env's PATH */
	char *const *argv, *const *env;
	const char *cwd; /* NULL: the parent's */
	int streams[3];  /* fds for its standard streams; -1: the parent's */
	const int *pass_fds;
	size_t pass_fd_count;
	const struct coro_process_user *user; /* NULL: the parent's */
	bool new_session, new_group;
	bool terminal; /* standard input becomes the controlling terminal */
	bool keep_fds, keep_sigpipe;
};

/*
 * Returns 0 once the program is being executed. On an error, which has a message, there is no
 * child.
 */
int child_start(const struct child_plan *plan, pid_t *ret);

#endif
