/* SPDX-License-Identifier: MIT */
#include "process/process.h"

#include "base/memory.h"
#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "io/fd.h"
#include "process/child.h"
#include "sched/fault.h"

#include <stdio.h>
#include <stdlib.h>

/* The processes of a loop, made at its first coro_process_spawn. */
struct processes {
	struct extension extension;
	struct list running;
};

/* -- fds */

void process_forget_fd(const struct coro_process *process, int fd)
{
	const struct coro_loop *loop = process->loop;
	if (sched_of(loop)->poller && !sched_of(loop)->closed && sched_is_own(sched_of(loop)))
		fd_forget(io_made(loop), fd);
}

static int fail_no_pipe(void)
{
	return fail_expected(-EBADF, "the process has no such pipe, or it was closed");
}

int process_close_pipe(struct coro_process *process, int stream)
{
	int fd = process->pipes[stream];
	if (fd < 0)
		return fail_no_pipe();
	process->pipes[stream] = -1;
	process_forget_fd(process, fd);
	close(fd);
	return 0;
}

static void close_pipes(struct coro_process *process)
{
	for (int stream = 0; stream < 3; stream++)
		process_close_pipe(process, stream);
}

void process_settle(struct coro_process *process)
{
	if (!process->destroyed || !process->ended || process->reading > 0)
		return;
	for (int stream = 0; stream < 3; stream++)
		free(process->intakes[stream].bytes);
	if (process->pidfd >= 0)
		close(process->pidfd);
	sched_unref(sched_of(process->loop));
	free(process);
}

/* -- the loop's close */

static void processes_close(struct extension *extension, struct coro_loop *loop)
{
	(void)loop;
	struct processes *processes = container_of(extension, struct processes, extension);
	while (!list_empty(&processes->running)) {
		struct coro_process *process =
			container_of(processes->running.next, struct coro_process, link);
		process_leave(process);
	}
	free(processes);
}

static int processes_of(struct coro_loop *loop, struct processes **ret)
{
	struct extension *extension = loop->extensions[EXTENSION_PROCESSES];
	if (extension) {
		*ret = container_of(extension, struct processes, extension);
		return 0;
	}
	struct processes *processes = memory_alloc(sizeof(*processes));
	if (!processes)
		return -ENOMEM;
	*processes = (struct processes){.extension.close = processes_close};
	list_init(&processes->running);
	loop->extensions[EXTENSION_PROCESSES] = &processes->extension;
	*ret = processes;
	return 0;
}

/* -- spawning */

/* Opens one standard stream. *theirs is the child's fd, *opened whether to close it here. */
static int open_stream(struct coro_process *process, int stream, int what, int *theirs,
		       bool *opened)
{
	int fds[2], r;
	*opened = false;
	switch (what) {
	case CORO_INHERIT:
		*theirs = -1;
		return 0;
	case CORO_PIPE:
		r = system_pipe(fds);
		if (r < 0)
			return r;
		*theirs = fds[stream != 0];
		process->pipes[stream] = fds[stream == 0];
		process_forget_fd(process, process->pipes[stream]);
		*opened = true;
		return fcntl(process->pipes[stream], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	case CORO_DEVNULL:
		do
			*theirs = open("/dev/null", (stream ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
		while (*theirs < 0 && errno == EINTR);
		*opened = *theirs >= 0;
		return *opened ? 0 : -errno;
	default:
		*theirs = what;
		return 0;
	}
}

/* Opens the streams and starts the child. */
static int start(struct coro_process *process, struct child_plan *plan,
		 const struct coro_process_options *options)
{
	const int wanted[] = {options->in, options->out, options->err};
	bool opened[3] = {false};
	int r = 0;
	for (int stream = 0; stream < 3 && r == 0; stream++) {
		if (wanted[stream] == CORO_STDOUT)
			plan->streams[stream] = plan->streams[1] < 0 ? 1 : plan->streams[1];
		else
			r = open_stream(process, stream, wanted[stream], &plan->streams[stream],
					&opened[stream]);
	}
	if (r == 0)
		r = child_start(plan, &process->pid);
	for (int stream = 0; stream < 3; stream++)
		if (opened[stream])
			close(plan->streams[stream]);
	return r;
}

static bool is_stream(int what, int stream)
{
	return what >= (stream == 2 ? CORO_STDOUT : CORO_DEVNULL);
}

static bool options_are_wrong(const struct coro_process_options *options)
{
	const unsigned known = CORO_PROCESS_SESSION | CORO_PROCESS_GROUP | CORO_PROCESS_KEEP_FDS |
			       CORO_PROCESS_OUTLIVE | CORO_PROCESS_KEEP_SIGPIPE |
			       CORO_PROCESS_TERMINAL;
	const struct coro_process_user *user = options->user;
	return options->flags & ~known || !is_stream(options->in, 0) ||
	       !is_stream(options->out, 1) || !is_stream(options->err, 2) ||
	       (options->pass_fd_count > 0 && !options->pass_fds) ||
	       (user && user->group_count > 0 && !user->groups);
}

static int check_fd(int fd)
{
	if (fcntl(fd, F_GETFD) >= 0)
		return 0;
	return coro_raise_at(NULL, -errno, "cannot pass fd %d on: %s", fd, coro_strerror(-errno));
}

/* Checks that the fds to pass on are open, before a new fd can take the number of a closed one. */
static int check_fds(const struct coro_process_options *options)
{
	const int streams[] = {options->in, options->out, options->err};
	int r = 0;
	for (int i = 0; i < 3 && r == 0; i++)
		if (streams[i] > 0)
			r = check_fd(streams[i]);
	for (size_t i = 0; i < options->pass_fd_count && r == 0; i++)
		r = check_fd(options->pass_fds[i]);
	return r;
}

/* Makes the record of a process that is not started yet. NULL without memory. */
static struct coro_process *process_create(struct coro_loop *loop,
					   const struct coro_process_options *options)
{
	struct coro_process *process = memory_alloc(sizeof(*process));
	if (!process)
		return NULL;
	*process = (struct coro_process){
		.loop = loop,
		.pipes = {-1, -1, -1},
		.pidfd = -1,
		.flags = options->flags,
		.resource = {.taken = "process started", .undone = "destroyed"},
	};
	list_init(&process->waiting);
	return process;
}

static struct child_plan plan_of(char *const argv[], const struct coro_process_options *options)
{
	return (struct child_plan){
		.path = options->path ? options->path : argv[0],
		.argv = argv,
		.env = options->env ? options->env : system_environment(),
		.cwd = options->cwd,
		.pass_fds = options->pass_fds,
		.pass_fd_count = options->pass_fd_count,
		.user = options->user,
		.new_session = options->flags & (CORO_PROCESS_SESSION | CORO_PROCESS_TERMINAL),
		.new_group = options->flags & CORO_PROCESS_GROUP,
		.terminal = options->flags & CORO_PROCESS_TERMINAL,
		.keep_fds = options->flags & CORO_PROCESS_KEEP_FDS,
		.keep_sigpipe = options->flags & CORO_PROCESS_KEEP_SIGPIPE,
	};
}

int coro_process_spawn_at(const char *site, char *const argv[],
			  const struct coro_process_options *options, struct coro_process **ret)
{
	static const struct coro_process_options defaults;
	fork_notice();
	struct coro_loop *loop = sched_loop(thread_current->sched);
	struct sched *sched = sched_of(loop);
	struct processes *processes;
	if (!options)
		options = &defaults;
	if (!argv || !argv[0] || !ret || options_are_wrong(options))
		return fail_with(-EINVAL, "coro_process_spawn: argv, ret or an option is wrong");
	if (!loop)
		return fail_with(-EPERM, "coro_process_spawn: no loop runs in this thread");
	int r = fault_of(FAULT_PROCESS);
	if (r == 0)
		r = check_fds(options);
	if (r < 0)
		return r;
	r = processes_of(loop, &processes);
	if (r < 0)
		return r;
	struct coro_process *process = process_create(loop, options);
	if (!process)
		return fail_code(-ENOMEM);
	struct child_plan plan = plan_of(argv, options);
	r = start(process, &plan, options);
	if (r == 0)
		r = process_watch(process);
	if (r < 0) {
		close_pipes(process);
		free(process);
		return r;
	}
	list_append(&processes->running, &process->link);
	sched->refs++;
	sched_hold(sched);
	resource_begin(sched, &process->resource, site);
	*ret = process;
	return 0;
}

int coro_process_shell_at(const char *site, const char *command,
			  const struct coro_process_options *options, struct coro_process **ret)
{
	char sh[] = "/bin/sh", c[] = "-c";
	char *argv[] = {sh, c, (char *)command, NULL};
	return command ? coro_process_spawn_at(site, argv, options, ret)
		       : fail_with(-EINVAL, "coro_process_shell: command is NULL");
}

int coro_process_destroy(struct coro_process *process)
{
	if (!process)
		return 0;
	if (sched_of(process->loop)->thread != thread_current)
		return fail_with(-EPERM, "coro_process_destroy: it is another thread's");
	if (!list_empty(&process->waiting) || process->talking)
		return fail_with(-EBUSY, "coro_process_destroy: it is in use");
	close_pipes(process);
	resource_end(&process->resource);
	process->destroyed = true;
	process_settle(process);
	return 0;
}

/* -- its pid and pipes */

pid_t coro_process_pid(const struct coro_process *process)
{
	return process ? process->pid : fail_with(-EINVAL, "coro_process_pid: process is NULL");
}

static int pipe_of(const struct coro_process *process, int stream)
{
	if (!process || stream < 0 || stream > 2)
		return fail_with(-EINVAL, "the process is NULL, or its stream not 0 to 2");
	return process->pipes[stream] < 0 ? fail_no_pipe() : process->pipes[stream];
}

int coro_process_stdin(const struct coro_process *process)
{
	return pipe_of(process, 0);
}

int coro_process_stdout(const struct coro_process *process)
{
	return pipe_of(process, 1);
}

int coro_process_stderr(const struct coro_process *process)
{
	return pipe_of(process, 2);
}

/* Returns 0 if the caller may take its pipes, or an error. */
static int check_pipes(const struct coro_process *process)
{
	if (!process)
		return fail_with(-EINVAL, "the process is NULL");
	if (sched_of(process->loop)->thread != thread_current)
		return fail_with(-EPERM, "the process is another thread's");
	return process->talking ? fail_with(-EBUSY, "coro_process_communicate is under way") : 0;
}

int coro_process_close_stdin(struct coro_process *process)
{
	int r = check_pipes(process);
	return r < 0 ? r : process_close_pipe(process, 0);
}

int coro_process_take_pipe(struct coro_process *process, int stream)
{
	int r = check_pipes(process), fd = pipe_of(process, stream);
	if (r < 0 || fd < 0)
		return r < 0 ? r : fd;
	process->pipes[stream] = -1;
	return fd;
}

/* -- its end */

static int give_code(const struct coro_process *process, int *ret)
{
	if (process->error)
		return process->error;
	if (ret)
		*ret = process->code;
	return 0;
}

int coro_process_code(const struct coro_process *process, int *ret)
{
	if (!process)
		return fail_with(-EINVAL, "coro_process_code: process is NULL");
	return process->ended ? give_code(process, ret)
			      : fail_expected(-EAGAIN, "coro_process_code: it runs");
}

/* A task that waits for the end. */
struct parent {
	struct waiter waiter;
	const struct coro_process *process;
};

static int describe(const struct task_wait *wait, char *text, size_t size)
{
	const struct coro_process *process =
		container_of(wait->waiter, struct parent, waiter)->process;
	return snprintf(text, size, "the end of process %d", (int)process->pid);
}

static const struct wait_kind waiting = {.leave = waiter_leave,
					 .what = "a process's end",
					 .describe = describe,
					 .subject = SUBJECT_BESIDE(SUBJECT_PROCESS, struct parent,
								   waiter, process)};

int coro_process_wait(struct coro_process *process, int *ret)
{
	struct task *task = task_running();
	if (!process)
		return fail_with(-EINVAL, "coro_process_wait: process is NULL");
	if (!task || task->sched != sched_of(process->loop))
		return fail_with(-EPERM, "coro_process_wait: not in a task of its loop");
	while (!process->ended) {
		struct parent parent = {.process = process};
		list_append(&process->waiting, &parent.waiter.link);
		int r = waiter_wait(&parent.waiter, &waiting);
		waiter_end(&parent.waiter);
		if (r < 0)
			return r;
	}
	return give_code(process, ret);
}

static int fail_ended(void)
{
	return fail_expected(-ESRCH, "the process has ended");
}

static int check_own(const struct coro_process *process)
{
	if (!process)
		return fail_with(-EINVAL, "the process is NULL");
	if (sched_of(process->loop)->thread != thread_current ||
	    !fork_is_own(sched_of(process->loop)->fork_count))
		return fail_with(-EPERM, "the process is another thread's");
	return 0;
}

/* Returns 0 if it may be sent signals, or an error. Its pid cannot be reused before it is reaped. */
static int check_signalled(const struct coro_process *process)
{
	int r = check_own(process);
	return r < 0 ? r : process->ended ? fail_ended() : 0;
}

/* Signals a group whose leader was reaped. The pid may be another's by now, the pidfd is not. */
static int signal_rest_of_group(const struct coro_process *process, int signum)
{
	if (signum < 0 || signum >= NSIG)
		return fail_code(-EINVAL);
	if (process->pidfd < 0)
		return fail_ended();
	if (system_signal_group(process->pidfd, signum) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS || errno == ESRCH ? fail_ended()
								    : fail_code(-errno);
}

int coro_process_signal_group(struct coro_process *process, int signum)
{
	int r = check_own(process);
	if (r < 0)
		return r;
	if (!process_leads_group(process))
		return fail_with(-EINVAL, "coro_process_signal_group: the process began no group");
	if (process->ended)
		return signal_rest_of_group(process, signum);
	return kill(-process->pid, signum) < 0 ? fail_code(-errno) : 0;
}

int coro_process_send_signal(struct coro_process *process, int signum)
{
	int r = check_signalled(process);
	if (r < 0)
		return r;
	return system_send_signal(process->pidfd, process->pid, signum) < 0 ? fail_code(-errno) : 0;
}

int coro_process_terminate(struct coro_process *process)
{
	return coro_process_send_signal(process, SIGTERM);
}

int coro_process_kill(struct coro_process *process)
{
	return coro_process_send_signal(process, SIGKILL);
}
