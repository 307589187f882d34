/* SPDX-License-Identifier: MIT */
/*
 * Between fork and execve:
 *
 *   parent                               child
 *   blocks signals
 *   fork ------------------------------> resets signals to their default action
 *   reads the report pipe ...            sets session, streams, fds, directory, user
 *                                        unblocks signals
 *     ... end of file: success       <-- execve, which closes the report pipe
 *     ... an error: reaps the child  <-- writes what failed; exits
 *
 * The child may share the parent's memory, and the parent may have other threads. So the child only
 * makes system calls, and writes only to its stack and to memory allocated for it.
 *
 * After vfork the report is complete when the parent runs on. After fork the parent waits for it,
 * but not for ever: if another thread forks at that moment, its child holds the pipe open too, and
 * the end of file comes only when that child is gone.
 */
#include "process/child.h"

#include "base/memory.h"
#include "base/system.h"
#include "coro/coroutine.h"

#include "coro/process.h"
#include "process/cloexec.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The steps of the child, in order. */
enum step {
	STEP_GROUP,
	STEP_STREAMS,
	STEP_TERMINAL,
	STEP_PASS_FDS,
	STEP_DIRECTORY,
	STEP_USER,
	STEP_EXECUTE,
};

/* How long to wait for the report of a child made by fork. Then it is taken to have succeeded. */
enum { REPORT_TIMEOUT = 1000 /* ms */ };

struct report {
	int error; /* negative */
	enum step step;
};

struct child {
	const struct child_plan *plan;
	const char *search; /* PATH */
	char *room;         /* for a directory of PATH and the name */
	int report;         /* the write end of the report pipe */
	/* Set by the child. The parent sees it if they share memory (vfork). */
	volatile bool *shares;
};

/* -- in the child; each step returns 0 or an error */

/*
 * The parent's handlers must not run in the child. Ignored signals stay ignored, as POSIX has it,
 * except SIGPIPE: network programs ignore it for themselves, but many programs rely on it to end.
 */
static void reset_signals(const struct child *child)
{
	struct sigaction now;
	const struct sigaction standard = {.sa_handler = SIG_DFL};
	for (int signum = 1; signum < NSIG; signum++) {
		bool keeps = signum != SIGPIPE || child->plan->keep_sigpipe;
		if (sigaction(signum, NULL, &now) == 0 && now.sa_handler != SIG_DFL &&
		    !(now.sa_handler == SIG_IGN && keeps))
			sigaction(signum, &standard, NULL);
	}
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

/* Has an fd stay open across execve. */
static int keep(int fd)
{
	return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
}

/* Opens the same pipe or terminal again. The new description has flags of its own. */
static int open_again(int fd, int flags)
{
	char path[] = "/proc/self/fd/0";
	struct stat status;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode))
		return -EINVAL;
	path[sizeof(path) - 2] = (char)('0' + fd);
	flags &= O_ACCMODE | O_APPEND;
	int again = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return again < 0 ? -errno : again;
}

static int clear_nonblock(int fd, int flags)
{
	return fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -errno : 0;
}

/*
 * Makes a standard stream blocking, as programs expect. O_NONBLOCK belongs to the description,
 * which other processes may share. So it is cleared on a new description where one can be opened.
 */
static int make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	if (!(flags & O_NONBLOCK))
		return 0;
	int again = open_again(fd, flags);
	if (again < 0)
		return clear_nonblock(fd, flags);
	int r = clear_nonblock(again, flags);
	if (r == 0 && dup2(again, fd) < 0)
		r = -errno;
	close(again);
	return r;
}

static int place_streams(const struct child *child)
{
	const int *streams = child->plan->streams;
	int from[3];
	/* First move those that are in the place of another. */
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
		if (r == 0 && from[i] >= 0)
			r = make_blocking(i);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_terminal(const struct child *child)
{
	return child->plan->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

static int pass_fds(const struct child *child)
{
	const struct child_plan *plan = child->plan;
	if (!plan->keep_fds)
		cloexec_from(3);
	for (size_t i = 0; i < plan->pass_fd_count; i++) {
		int r = plan->pass_fds[i] == child->report ? -EBADF : keep(plan->pass_fds[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int enter_directory(const struct child *child)
{
	return child->plan->cwd && chdir(child->plan->cwd) < 0 ? -errno : 0;
}

static int become_user(const struct child *child)
{
	const struct coro_process_user *user = child->plan->user;
	if (!user)
		return 0;
	return system_set_user(user->uid, user->gid, user->groups, user->group_count);
}

/* Joins a directory and a name. An empty directory in PATH is the current one. */
static const char *join(char *room, const char *directory, size_t length, const char *name)
{
	memcpy(room, directory, length);
	if (length > 0)
		room[length++] = '/';
	strcpy(room + length, name);
	return room;
}

/* Whether the search goes on in the next directory after this error. */
static bool search_goes_on(int error)
{
	return error == EACCES || error == ENOENT || error == ENOTDIR || error == ESTALE ||
	       error == ENODEV || error == ETIMEDOUT;
}

/* Tries each directory of PATH. Returns -EACCES if a file was found but may not be executed. */
static int search_and_execute(const struct child *child)
{
	const struct child_plan *plan = child->plan;
	int error = ENOENT;
	for (const char *at = child->search;; at++) {
		size_t length = strcspn(at, ":");
		execve(join(child->room, at, length, plan->path), plan->argv, plan->env);
		if (!search_goes_on(errno))
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
	[STEP_GROUP] = begin_group,         [STEP_STREAMS] = place_streams,
	[STEP_TERMINAL] = take_terminal,    [STEP_PASS_FDS] = pass_fds,
	[STEP_DIRECTORY] = enter_directory, [STEP_USER] = become_user,
	[STEP_EXECUTE] = execute,
};

static _Noreturn void be_child(const struct child *child)
{
	struct report report = {.step = STEP_GROUP};
	*child->shares = true;
	reset_signals(child);
	while ((report.error = steps[report.step](child)) == 0)
		report.step++; /* the last step returns only on an error */
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

/* Fails with a message for what the child reports. */
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
	case STEP_TERMINAL:
		return coro_raise_at(NULL, report->error, "no controlling terminal: %s", reason);
	case STEP_USER:
		return coro_raise_at(NULL, report->error, "cannot become user %ld, group %ld: %s",
				     (long)plan->user->uid, (long)plan->user->gid, reason);
	case STEP_STREAMS:
		return coro_raise_at(NULL, report->error, "cannot place standard streams: %s",
				     reason);
	default:
		return report->error;
	}
}

/*
 * Forks. A child that becomes another user must not share memory with the parent: the kernel would
 * mark that memory as not dumpable (no core dumps, /proc/self owned by root) for the parent too.
 */
static __attribute__((noinline)) int copy(const struct child *child, pid_t *ret)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = child->plan->user ? fork() : system_fork_to_execute();
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

/* Returns 1 if there are bytes or the end of file, 0 after the timeout (ms), or an error. */
static int wait_to_read(int fd, int timeout)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	int r;
	while ((r = poll(&poll_fd, 1, timeout)) < 0 && errno == EINTR)
		;
	return r < 0 ? -errno : r;
}

/*
 * Reads the report. Returns 1 if the child failed, 0 if it executes its program, or an error of
 * reading, which kills the child. Unless 0 the child is reaped.
 */
static int read_report(int fd, int timeout, pid_t pid, struct report *ret)
{
	int r = wait_to_read(fd, timeout);
	ssize_t n = 0;
	while (r > 0 && (n = read(fd, ret, sizeof(*ret))) < 0 && errno == EINTR)
		;
	if (r > 0)
		r = n < 0 ? -errno : n == sizeof(*ret);
	if (r < 0)
		kill(pid, SIGKILL);
	if (r != 0)
		reap(pid);
	return r;
}

static int start(struct child *child, pid_t *ret)
{
	struct report report;
	volatile bool shares = false;
	int fds[2];
	int r = system_pipe(fds);
	if (r < 0)
		return r;
	child->report = fds[1];
	child->shares = &shares;
	r = copy(child, ret);
	close(fds[1]);
	if (r == 0)
		r = read_report(fds[0], shares ? 0 : REPORT_TIMEOUT, *ret, &report);
	if (r > 0)
		r = fail(child->plan, &report);
	close(fds[0]);
	return r;
}

int child_start(const struct child_plan *plan, pid_t *ret)
{
	struct child child = {.plan = plan, .search = path_of(plan->env)};
	child.room = memory_alloc(strlen(child.search) + strlen(plan->path) + 2);
	if (!child.room)
		return -ENOMEM;
	int r = start(&child, ret);
	free(child.room);
	return r;
}
