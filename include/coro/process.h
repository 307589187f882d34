/* SPDX-License-Identifier: MIT */
/*
 * Child processes, which a task starts, talks to and waits for.
 *
 *	char *argv[] = {"sort", "-n", NULL};
 *	struct coro_process_options options = {.in = CORO_PIPE, .out = CORO_PIPE};
 *	struct coro_process *sort;
 *	struct coro_bytes out;
 *	int code = 0;
 *
 *	int r = coro_process_spawn(argv, &options, &sort);
 *	if (r < 0)
 *		return r;
 *	r = coro_process_communicate(sort, "3\n1\n2\n", 6, 0, &out, NULL);
 *	if (r == 0)
 *		r = coro_process_wait(sort, &code);
 *	coro_process_destroy(sort);
 *
 * A process belongs to the loop that spawned it. The loop notices its end and reaps it, also when
 * no task waits for it: there are no zombies while the loop runs. Closing the loop kills the
 * processes that still run: see CORO_PROCESS_OUTLIVE.
 *
 * The library reaps its own children only. A program that reaps them itself, by wait, waitpid(-1)
 * or by ignoring SIGCHLD, gets -ECHILD here. Calls on a process are -EPERM in another thread.
 */
#ifndef CORO_PROCESS_H
#define CORO_PROCESS_H

#include <coro/loop.h>
#include <sys/types.h>

CORO_BEGIN_DECLS

/* A child process. Like asyncio.subprocess.Process. */
struct coro_process;

/* What a standard stream of a child is; a number above 0 is an fd of this process. */
enum {
	CORO_INHERIT = 0,  /* this process's own standard stream */
	CORO_PIPE = -1,    /* a pipe: see coro_process_stdin */
	CORO_DEVNULL = -2, /* /dev/null */
	CORO_STDOUT = -3,  /* for err only: where the standard output goes */
};

/* A flag of struct coro_process_options: the child begins a session (start_new_session). */
#define CORO_PROCESS_SESSION (1U << 18)

/* A flag of struct coro_process_options: begins a process group, for coro_process_signal_group. */
#define CORO_PROCESS_GROUP (1U << 19)

/* A flag of struct coro_process_options: inherits all fds without FD_CLOEXEC, as after execve. */
#define CORO_PROCESS_KEEP_FDS (1U << 20)

/*
 * A flag of struct coro_process_options: closing the loop does not kill the child. Who closes the
 * loop reaps the child, by waitpid.
 */
#define CORO_PROCESS_OUTLIVE (1U << 21)

/*
 * A flag of struct coro_process_options: if SIGPIPE is ignored here, it is ignored in the child
 * too. Otherwise it ends the child (restore_signals).
 */
#define CORO_PROCESS_KEEP_SIGPIPE (1U << 22)

/*
 * A flag of struct coro_process_options: begins a session whose controlling terminal is the child's
 * standard input. Like login_tty(3).
 */
#define CORO_PROCESS_TERMINAL (1U << 23)

/*
 * The user that a child runs as: for root and other users that may change theirs. Like the user,
 * group and extra_groups of subprocess.Popen.
 */
struct coro_process_user {
	uid_t uid; /* real, effective and saved */
	gid_t gid;
	const gid_t *groups; /* all its supplementary groups */
	size_t group_count;
};

/* Options of a child process. A field that is 0 or NULL has its default. */
struct coro_process_options {
	const char *path;    /* the program to execute; NULL for argv[0] */
	char *const *env;    /* the environment; NULL for this process's */
	const char *cwd;     /* the working directory; NULL for this process's */
	int in, out, err;    /* the standard streams: CORO_PIPE and so on */
	const int *pass_fds; /* fds that are inherited too, under the same numbers */
	size_t pass_fd_count;
	unsigned flags;
	const struct coro_process_user *user; /* NULL for this process's user */
};

/*
 * Starts a program as a child process. argv ends with NULL. A name without a slash is searched for
 * in the PATH of the child's environment. options may be NULL. The caller owns *ret and gives it
 * back with coro_process_destroy. The call does not suspend its caller: the thread waits until the
 * child executes its program; with another user, at most a second.
 *
 * The child inherits its standard streams and pass_fds, and no other fds. Signals that are ignored
 * stay so, except SIGPIPE; the others have their default action, and none is blocked.
 *
 * Standard streams block in the child, even if the fd that is given has O_NONBLOCK here. A pipe or
 * terminal is opened once more for the child. From other fds, such as sockets, O_NONBLOCK is
 * removed here too; calls of this library work without it. Fds in pass_fds are not changed.
 *
 * Returns 0, -EINVAL, -ENOMEM, -EMFILE, or
 *
 *   < 0      the error of executing the program, or of cwd, user or terminal, such as -ENOENT; the
 *            message names it, and there is no process
 *   -EBADF   an fd that the child should get is not open
 *   -EAGAIN  there are too many processes
 *   -EPERM   no loop runs in this thread
 *
 * Like asyncio.create_subprocess_exec.
 */
#define coro_process_spawn(...) /* (char *const argv[], \
				    const struct coro_process_options *options, \
				    struct coro_process **ret) */ \
	coro_process_spawn_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_process_spawn. */
CORO_MUST_CHECK CORO_API int coro_process_spawn_at(const char *site, char *const argv[],
						   const struct coro_process_options *options,
						   struct coro_process **ret);

/*
 * Runs a command in /bin/sh as a child process. Returns what coro_process_spawn does. Like
 * asyncio.create_subprocess_shell.
 */
#define coro_process_shell(...) /* (const char *command, \
				    const struct coro_process_options *options, \
				    struct coro_process **ret) */ \
	coro_process_shell_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_process_shell. */
CORO_MUST_CHECK CORO_API int coro_process_shell_at(const char *site, const char *command,
						   const struct coro_process_options *options,
						   struct coro_process **ret);

/*
 * Gives the process back, and closes its pipes. A process that still runs goes on, and the loop
 * reaps it at its end. Debug mode reports one that was not given back when its loop is closed. NULL
 * is allowed. Returns 0, -EPERM, or -EBUSY while a task waits for the process or talks to it.
 */
CORO_API int coro_process_destroy(struct coro_process *process);

/*
 * Returns the process ID. The system may give it to another process when the end of this one was
 * noticed. Like process.pid.
 */
CORO_API pid_t coro_process_pid(const struct coro_process *process);

/*
 * Returns the fd of our end of the pipe to the child's standard input, for coro_write. It has
 * O_NONBLOCK and FD_CLOEXEC, and belongs to the process. -EBADF if there is no pipe, or it was
 * closed. Like process.stdin.
 */
CORO_MUST_CHECK CORO_API int coro_process_stdin(const struct coro_process *process);

/* Returns the fd of our end of the pipe from its standard output, as coro_process_stdin. */
CORO_MUST_CHECK CORO_API int coro_process_stdout(const struct coro_process *process);

/* Returns the fd of our end of the pipe from its standard error, as coro_process_stdin. */
CORO_MUST_CHECK CORO_API int coro_process_stderr(const struct coro_process *process);

/*
 * Closes the pipe to its standard input, so that the child reads the end.
 *
 * Returns 0, -EINVAL, -EPERM, or
 *
 *   -EBADF  there is no pipe, or it was closed
 *   -EBUSY  a task is in coro_process_communicate
 */
CORO_MUST_CHECK CORO_API int coro_process_close_stdin(struct coro_process *process);

/*
 * Hands our end of the pipe of its standard stream 0, 1 or 2 over to the caller, who closes it with
 * coro_fd_close. Returns the fd, or the errors of coro_process_close_stdin.
 */
CORO_MUST_CHECK CORO_API int coro_process_take_pipe(struct coro_process *process, int stream);

/*
 * Waits until the process has ended. *ret is its code: what it passed to exit, 0 to 255, or -n if
 * signal n ended it. ret may be NULL. A child that writes to a pipe that nobody reads may never
 * end.
 *
 * Returns 0, -EINVAL, or
 *
 *   -ECANCELED  the task was cancelled; the process goes on
 *   -ECHILD     somebody else has reaped it
 *   -EPERM      the caller is not in a task
 *
 * Like process.wait.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_process_wait(struct coro_process *process, int *ret);

/*
 * Gets the code of a process that has ended, without waiting. Returns 0, -EINVAL, -ECHILD, or
 * -EAGAIN while it runs. Like process.returncode.
 */
CORO_MUST_CHECK CORO_API int coro_process_code(const struct coro_process *process, int *ret);

/* Bytes, with a NUL behind them that length does not count. */
struct coro_bytes {
	char *bytes; /* the caller frees them with free() */
	size_t length;
};

/*
 * Writes input to the child's standard input and closes that, reads its standard output and error
 * to their ends, all at the same time, and waits until it has ended. Streams without a pipe are
 * left out. out and err may be NULL, to drop what comes. A child that does not read all input is no
 * error.
 *
 * limit is how many bytes each of out and err may have, 0 for any number. After -EMSGSIZE,
 * -ECANCELED or the end of a timeout the process goes on, and what was read is kept: a second call,
 * with the same input, goes on from there.
 *
 * Returns 0, -EINVAL, -ENOMEM, -ECHILD, or
 *
 *   -EMSGSIZE   more than limit bytes came
 *   -ECANCELED  the task was cancelled
 *   -EBUSY      another task talks to the process
 *   -EPERM      the caller is not in a task
 *
 * Like process.communicate.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_process_communicate(struct coro_process *process,
								 const void *input, size_t length,
								 size_t limit,
								 struct coro_bytes *out,
								 struct coro_bytes *err);

/*
 * Sends the process a signal. Returns 0, -EINVAL, -EPERM, or -ESRCH when its end was noticed, so
 * that no other process with its number gets the signal. Like process.send_signal.
 */
CORO_API int coro_process_send_signal(struct coro_process *process, int signum);

/*
 * Sends a signal to the process group that the child began, so to its children too. When the child
 * has ended, the rest of the group gets the signal on Linux 6.9 and later, until
 * coro_process_destroy.
 *
 * Returns 0, -EPERM, or
 *
 *   -EINVAL  the child began no group: its options have none of CORO_PROCESS_GROUP,
 *            CORO_PROCESS_SESSION and CORO_PROCESS_TERMINAL
 *   -ESRCH   no process of the group is left, or the child has ended on another system
 *
 * Like os.killpg.
 */
CORO_API int coro_process_signal_group(struct coro_process *process, int signum);

/* Sends the process SIGTERM. Returns what coro_process_send_signal does. Like process.terminate. */
CORO_API int coro_process_terminate(struct coro_process *process);

/* Sends the process SIGKILL. Returns what coro_process_send_signal does. Like process.kill. */
CORO_API int coro_process_kill(struct coro_process *process);

CORO_END_DECLS

#endif
