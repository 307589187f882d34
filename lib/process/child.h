/* SPDX-License-Identifier: MIT */
/* Makes a child process that executes a program. Nothing of loops in here. */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct coro_process_user;

struct child_plan {
	const char *path; /* looked for in the PATH of env, if there is no slash in it */
	char *const *argv, *const *env;
	const char *cwd; /* NULL: where we are */
	int streams[3];  /* what its standard streams are to be; -1 for ours */
	const int *pass_fds;
	size_t pass_fd_count;
	const struct coro_process_user *user; /* NULL: who we are */
	bool new_session, new_group;
	bool terminal; /* its standard input becomes its controlling terminal */
	bool keep_fds, keep_sigpipe;
};

/*
 * 0, once the program is being executed; or the error that kept it from that, with words, and then
 * there is no child.
 */
int child_start(const struct child_plan *plan, pid_t *ret);

#endif
