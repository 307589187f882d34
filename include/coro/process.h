/* SPDX-License-Identifier: MIT */
/*
 * Processes, which a task talks to and waits for while others run:
 *
 *	char *argv[] = {"sort", "-n", NULL};
 *	struct coro_process_options options = {.in = CORO_PIPE, .out = CORO_PIPE};
 *	struct coro_process *sort;
 *	struct coro_bytes out;
 *	int code;
 *
 *	int r = coro_process_spawn(argv, &options, &sort);
 *	if (r < 0)
 *		return r;
 *	r = coro_process_communicate(sort, "3\n1\n2\n", 6, 0, &out, NULL);
 *	if (r == 0)
 *		r = coro_process_wait(sort, &code);
 *	coro_process_destroy(sort);
 *
 * A process belongs to the loop that spawned it, which notices its end, also while nobody waits for
 * that, and takes it off the system's list then: no zombies, as long as the loop runs. When the
 * loop is closed, those that still run are killed; see CORO_PROCESS_OUTLIVE.
 *
 * Timeouts are those of all waits: see timeout.h. The library reaps its children alone; a program
 * that reaps them itself (wait, waitpid(-1), SIGCHLD ignored) finds -ECHILD here.
 */
#ifndef CORO_PROCESS_H
#define CORO_PROCESS_H

#include <coro/loop.h>
#include <sys/types.h>

CORO_BEGIN_DECLS

struct coro_process;

/* What a standard stream of the child's is; else the number of an fd, above 0. */
enum {
	CORO_INHERIT = 0, /* this process's own */
	CORO_PIPE = -1,   /* a pipe: see coro_process_stdin */
	CORO_DEVNULL = -2,
	CORO_STDOUT = -3, /* err only: where its standard output goes */
};

/* Flags of struct coro_process_options. */
#define CORO_PROCESS_SESSION (1U << 18) /* begins a session (start_new_session) */
#define CORO_PROCESS_GROUP (1U << 19)   /* begins a process group: see coro_process_signal_group */
/* All fds without FD_CLOEXEC are inherited, as execve has it. */
#define CORO_PROCESS_KEEP_FDS (1U << 20)
/* Closing the loop leaves it alone. Whoever closes it waits for the child, by waitpid. */
#define CORO_PROCESS_OUTLIVE (1U << 21)
/* SIGPIPE is ignored in it, too, where it is ignored here: else it ends it (restore_signals). */
#define CORO_PROCESS_KEEP_SIGPIPE (1U << 22)
/* Begins a session whose controlling terminal is its standard input, as login_tty does. */
#define CORO_PROCESS_TERMINAL (1U << 23)

/*
 * The user that a child runs as (user=, group=, extra_groups=), for root and others that may change
 * theirs.
 */
struct coro_process_user {
	uid_t uid; /* real, effective and saved */
	gid_t gid;
	const gid_t *groups; /* supplementary groups; it is in no others */
	size_t group_count;
};

struct coro_process_options {
	const char *path;    /* what to execute; NULL for argv[0] */
	char *const *env;    /* NULL for this process's */
	const char *cwd;     /* where it begins; NULL for where this process is */
	int in, out, err;    /* its standard streams */
	const int *pass_fds; /* fds to be inherited beside these, under the same numbers */
	size_t pass_fd_count;
	unsigned flags;
	const struct coro_process_user *user; /* NULL for who this process is */
};

/*
 * Starts a program (asyncio.create_subprocess_exec): argv ends with NULL; a name without a slash is
 * looked for in the PATH of the child's environment. The child inherits its standard streams and
 * pass_fds, and no other fds. Signals that are ignored stay so, except SIGPIPE; all others have
 * their default action, and none is blocked. options may be NULL. The caller owns *ret.
 *
 * Fds that are given as standard streams block in the child, even if they have O_NONBLOCK here. A
 * pipe or terminal is opened once more for it. Of others, such as sockets, O_NONBLOCK is removed
 * here too; calls of this library work without it. Fds in pass_fds are not changed.
 *
 * 0; or the error of executing the program, or of cwd, user or terminal, such as -ENOENT, with a
 * message that names it, and then there is no process. -EBADF: an fd that is to be given is not
 * open. -EAGAIN, -EMFILE, -ENOMEM, -EINVAL; -EPERM outside a running loop. It does not suspend: the
 * thread waits until the child executes its program, and with another user at most a second.
 */
#define coro_process_spawn(...) \
	coro_process_spawn_at(CORO_HERE, __VA_ARGS__) /* (argv, options, ret) */
CORO_MUST_CHECK CORO_API int coro_process_spawn_at(const char *site, char *const argv[],
						   const struct coro_process_options *options,
						   struct coro_process **ret);

/* The same for a command of /bin/sh (asyncio.create_subprocess_shell). */
#define coro_process_shell(...) \
	coro_process_shell_at(CORO_HERE, __VA_ARGS__) /* (command, options, ret) */
CORO_MUST_CHECK CORO_API int coro_process_shell_at(const char *site, const char *command,
						   const struct coro_process_options *options,
						   struct coro_process **ret);

/*
 * Gives the process back, and closes its pipes. One that still runs goes on, and the loop still
 * reaps it. 0; -EBUSY while a task waits for it or talks to it; -EPERM in another thread. NULL is
 * fine. Debug mode reports one that was not given back when its loop is closed.
 */
CORO_API int coro_process_destroy(struct coro_process *process);

/*
 * Its number (process.pid), which the system may give to another process once its end was noticed.
 */
CORO_API pid_t coro_process_pid(const struct coro_process *process);

/*
 * Our ends of its pipes, for coro_read and coro_write (process.stdin, stdout, stderr): O_NONBLOCK
 * and FD_CLOEXEC are set. They stay the process's. -EBADF if there is none, or it was closed.
 */
CORO_MUST_CHECK CORO_API int coro_process_stdin(const struct coro_process *process);
CORO_MUST_CHECK CORO_API int coro_process_stdout(const struct coro_process *process);
CORO_MUST_CHECK CORO_API int coro_process_stderr(const struct coro_process *process);

/*
 * Closes the pipe to its standard input, which ends there for it: 0; -EBADF; -EBUSY while a task is
 * in coro_process_communicate; -EPERM in another thread.
 */
CORO_MUST_CHECK CORO_API int coro_process_close_stdin(struct coro_process *process);

/*
 * Hands over our end of the pipe to its standard stream 0, 1 or 2: the fd, which is the caller's to
 * close by coro_fd_close. -EBADF where there is none; -EBUSY and -EPERM as above.
 */
CORO_MUST_CHECK CORO_API int coro_process_take_pipe(struct coro_process *process, int stream);

/*
 * Waits for its end: 0 and in *ret, which may be NULL, its code (process.wait, returncode): what it
 * passed to exit, 0 to 255, or -n if signal n ended it. A child that writes to a pipe that nobody
 * reads may never end. -ECANCELED, and then it goes on; -ECHILD: others have reaped it; -EPERM
 * outside a task.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_process_wait(struct coro_process *process, int *ret);

/* The same without waiting: -EAGAIN while it runs. */
CORO_MUST_CHECK CORO_API int coro_process_code(const struct coro_process *process, int *ret);

/* Bytes, with a NUL behind them that length does not count. Freed by free(). */
struct coro_bytes {
	char *bytes;
	size_t length;
};

/*
 * Writes the input to its standard input and closes that, reads its standard output and error to
 * their ends, all at the same time, and waits for its end (process.communicate). What has no pipe
 * is left out. out and err may be NULL, and then what comes is dropped. A child that does not read
 * all of the input is no error.
 *
 * limit is the most bytes that may come of each, 0 for any amount: -EMSGSIZE if more comes, and the
 * process goes on, as it does after -ECANCELED or the end of a timeout. What was read by then is
 * kept: call once more with the same input to go on where it stopped. The caller frees the bytes
 * with free(). -EBUSY: another task is talking to it; -EPERM outside a task; -ECHILD, -ENOMEM.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_process_communicate(struct coro_process *process,
								 const void *input, size_t length,
								 size_t limit,
								 struct coro_bytes *out,
								 struct coro_bytes *err);

/*
 * Sends it a signal (process.send_signal): 0; -ESRCH once its end was noticed, so that no other
 * process that has its number gets it; -EINVAL, -EPERM.
 */
CORO_API int coro_process_send_signal(struct coro_process *process, int signum);

/*
 * Sends a signal to the process group that it began, so to its children too (os.killpg); -EINVAL if
 * it began none, by CORO_PROCESS_GROUP, _SESSION or _TERMINAL. After its own end the rest of the group
 * is sent it from Linux 6.9 on, until coro_process_destroy; -ESRCH elsewhere, and if none is left. The
 * rest as above.
 */
CORO_API int coro_process_signal_group(struct coro_process *process, int signum);

/* SIGTERM and SIGKILL (process.terminate, process.kill). */
CORO_API int coro_process_terminate(struct coro_process *process);
CORO_API int coro_process_kill(struct coro_process *process);

CORO_END_DECLS

#endif
