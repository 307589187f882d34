/* SPDX-License-Identifier: MIT */
/*
 * Between fork and execve:
 *
 *   parent                               child
 *   signals blocked
 *   fork ------------------------------> signals have their default action again
 *   reads the report ...                 session, streams, fds, directory
 *                                        signals unblocked
 *     ... end of file: all went well <-- execve, which closes its end of the report
 *     ... an error: reaps it        <--- or what failed; exits
 *
 * The child may share our memory, and comes from a process that may have threads: it makes system
 * calls only, and writes nowhere but to its stack and the room that was made for it.
 */
#include "io/child.h"

#include "base/system.h"
#include "coro/coroutine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* What the child was about when it failed. */
enum step { STEP_GROUP, STEP_STREAMS, STEP_PASS_FDS, STEP_DIRECTORY, STEP_EXECUTE };

struct report {
	int error; /* negative */
	enum step step;
};

struct child {
	const struct child_plan *plan;
	const char *search; /* PATH */
	char *room;         /* for any directory of it and the name */
	int report;         /* the end to write to */
};

/* -- in the child: each step returns 0 or an error */

/* Handlers of ours must not run in there; what is ignored stays so. */
static void reset_signals(void)
{
	struct sigaction now;
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	for (int signum = 1; signum < NSIG; signum++)
		if (sigaction(signum, NULL, &now) == 0 && now.sa_handler != SIG_DFL &&
		    now.sa_handler != SIG_IGN)
			sigaction(signum, &standard, NULL);
}

static int begin_group(const struct child *child)
{
	const struct child_plan *plan = child->plan;
	if (plan->new_session && setsid() < 0)
		return -errno;
	if (plan->new_group && !plan->new_session && setpgid(0, 0) < 0)
		return -errno;
	return 0;
}

/* Has an fd stay open. */
static int keep(int fd)
{
	return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
}

static int place_streams(const struct child *child)
{
	const int *streams = child->plan->streams;
	int from[3];
	/* First out of each other's way: one may be where another is to be. */
	for (int i = 0; i < 3; i++) {
		from[i] = streams[i];
		if (from[i] >= 0 && from[i] < 3 && from[i] != i)
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0 && streams[i] >= 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++) {
		int r = from[i] == i ? keep(i) : 0;
		if (from[i] >= 0 && from[i] != i && dup2(from[i], i) < 0)
			r = -errno;
		if (r < 0)
			return r;
	}
	return 0;
}

static int pass_fds(const struct child *child)
{
	const struct child_plan *plan = child->plan;
	if (!plan->keep_fds)
		system_close_from(3);
	for (size_t i = 0; i < plan->pass_fd_count; i++) {
		int r = keep(plan->pass_fds[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int enter_directory(const struct child *child)
{
	return child->plan->cwd && chdir(child->plan->cwd) < 0 ? -errno : 0;
}

/* An empty name in PATH is the current directory. */
static const char *join(char *room, const char *directory, size_t length, const char *name)
{
	memcpy(room, directory, length);
	if (length > 0)
		room[length++] = '/';
	strcpy(room + length, name);
	return room;
}

/* Whether a program that this came of may still be found further on. */
static bool is_elsewhere(int error)
{
	return error == EACCES || error == ENOENT || error == ENOTDIR || error == ESTALE ||
	       error == ENODEV || error == ETIMEDOUT;
}

/* In each of the directories; one that may not be executed is told of, if there is no other. */
static int search_and_execute(const struct child *child)
{
	const struct child_plan *plan = child->plan;
	int error = ENOENT;
	for (const char *at = child->search;; at++) {
		size_t length = strcspn(at, ":");
		execve(join(child->room, at, length, plan->path), plan->argv, plan->env);
		if (!is_elsewhere(errno))
			return -errno;
		if (errno == EACCES)
			error = EACCES;
		at += length;
		if (!*at)
			return -error;
	}
}

static int execute(const struct child *child)
{
	const struct child_plan *plan = child->plan;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!*plan->path)
		return -ENOENT;
	if (!strchr(plan->path, '/'))
		return search_and_execute(child);
	execve(plan->path, plan->argv, plan->env);
	return -errno;
}

static int (*const steps[])(const struct child *child) = {
	[STEP_GROUP] = begin_group, [STEP_STREAMS] = place_streams,
	[STEP_PASS_FDS] = pass_fds, [STEP_DIRECTORY] = enter_directory,
	[STEP_EXECUTE] = execute,
};

static _Noreturn void be_child(const struct child *child)
{
	struct report report = {.step = STEP_GROUP};
	reset_signals();
	while ((report.error = steps[report.step](child)) == 0)
		report.step++; /* from the last one there is no return but with an error */
	while (write(child->report, &report, sizeof(report)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* -- in the parent */

static const char *path_of(char *const *env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/bin:/usr/bin";
}

/* Words for what the child reports. */
static int fail(const struct child_plan *plan, const struct report *report)
{
	const char *reason = coro_strerror(report->error);
	switch (report->step) {
	case STEP_DIRECTORY:
		return coro_raise_at(NULL, report->error, "cannot enter %s: %s", plan->cwd, reason);
	case STEP_EXECUTE:
		return coro_raise_at(NULL, report->error, "cannot execute %s: %s", plan->path,
				     reason);
	case STEP_PASS_FDS:
		return coro_raise_at(NULL, report->error, "cannot pass an fd on: %s", reason);
	case STEP_STREAMS:
		return coro_raise_at(NULL, report->error, "cannot place standard streams: %s",
				     reason);
	default:
		return report->error;
	}
}

/* The child's end must not be where its standard streams are to be. */
static int open_report(int fds[2])
{
	int r = system_pipe(fds);
	if (r < 0 || fds[1] >= 3)
		return r;
	int moved = fcntl(fds[1], F_DUPFD_CLOEXEC, 3), error = errno;
	close(fds[1]);
	fds[1] = moved;
	if (moved < 0)
		close(fds[0]);
	return moved < 0 ? -error : 0;
}

/* The child runs, or has made its report, by the time this returns. */
static __attribute__((noinline)) int copy(const struct child *child, pid_t *ret)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = system_fork_to_execute();
	if (pid == 0)
		be_child(child);
	int error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return -error;
	*ret = pid;
	return 0;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What the child reports, and then it is gone: 1, or 0 if it has nothing to. An error ends it. */
static int read_report(int fd, pid_t pid, struct report *ret)
{
	ssize_t n;
	while ((n = read(fd, ret, sizeof(*ret))) < 0 && errno == EINTR)
		;
	int r = n < 0 ? -errno : n == sizeof(*ret);
	if (r < 0)
		kill(pid, SIGKILL);
	if (r != 0)
		reap(pid);
	return r;
}

static int start(struct child *child, pid_t *ret)
{
	struct report report;
	int fds[2];
	int r = open_report(fds);
	if (r < 0)
		return r;
	child->report = fds[1];
	r = copy(child, ret);
	close(fds[1]);
	if (r == 0)
		r = read_report(fds[0], *ret, &report);
	if (r > 0)
		r = fail(child->plan, &report);
	close(fds[0]);
	return r;
}

int child_start(const struct child_plan *plan, pid_t *ret)
{
	struct child child = {.plan = plan, .search = path_of(plan->env)};
	child.room = malloc(strlen(child.search) + strlen(plan->path) + 2);
	if (!child.room)
		return -ENOMEM;
	int r = start(&child, ret);
	free(child.room);
	return r;
}
