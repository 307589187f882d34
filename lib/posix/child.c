/* SPDX-License-Identifier: MIT */
/* Children: waiting for their end, and commands of the shell. For popen see popen.c. */
#include "coro/io.h"
#include "posix/apart.h"
#include "posix/interrupt.h"
#include "posix/names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* -- waiting until it is worth asking again */

struct watch {
	struct apart apart;
	idtype_t type;
	id_t id;
	int options;
};

/* Leaves the child as it is: the caller asks for it. */
static ssize_t watch_children(struct apart *apart)
{
	struct watch *watch = (struct watch *)apart;
	siginfo_t info;
	return libc()->waitid(watch->type, watch->id, &info, watch->options | WNOWAIT) < 0 ? -errno
											   : 0;
}

static int wait_by_thread(idtype_t type, id_t id, int options)
{
	struct watch *watch = (struct watch *)apart_create(sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->apart.call = watch_children;
	watch->type = type;
	watch->id = id;
	watch->options = options & (WEXITED | WSTOPPED | WCONTINUED);
	struct apart *apart = &watch->apart;
	ssize_t r = apart_run(&apart);
	free(apart);
	return (int)r;
}

/* Waits for the end of one child. Returns 0, -ENOSYS without a pidfd, or another error. */
static int wait_by_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -ENOSYS;
	coro_fd_forget(fd);
	int r = coro_readable(fd);
	coro_fd_close(fd);
	return r;
}

static int wait_for_change(idtype_t type, id_t id, int options)
{
	struct interruptible call;
	int r = interruptible_begin(&call, BY_UNRESTARTED);
	if (r < 0)
		return r;
	r = -ENOSYS;
	if (type == P_PID && !(options & (WSTOPPED | WCONTINUED)))
		r = wait_by_pidfd((pid_t)id);
	if (r == -ENOSYS)
		r = wait_by_thread(type, id, options);
	return (int)interruptible_end(&call, r);
}

/* -- wait and the like */

static int wait_for_pid(pid_t pid, int options)
{
	int events = WEXITED | (options & (WUNTRACED | WCONTINUED));
	if (pid > 0)
		return wait_for_change(P_PID, (id_t)pid, events);
	if (pid == -1)
		return wait_for_change(P_ALL, 0, events);
	return wait_for_change(P_PGID, pid == 0 ? (id_t)getpgrp() : (id_t)-pid, events);
}

PUBLIC pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	if (options & WNOHANG || !call_waits())
		return libc()->wait4(pid, status, options, usage);
	int before = errno;
	for (;;) {
		pid_t found = libc()->wait4(pid, status, options | WNOHANG, usage);
		if (found > 0)
			errno = before;
		if (found != 0)
			return found;
		int r = wait_for_pid(pid, options);
		if (r < 0)
			return (pid_t)call_result(r, before);
	}
}

PUBLIC pid_t waitpid(pid_t pid, int *status, int options)
{
	return wait4(pid, status, options, NULL);
}

PUBLIC pid_t wait(int *status)
{
	return wait4(-1, status, 0, NULL);
}

PUBLIC pid_t wait3(int *status, int options, struct rusage *usage)
{
	return wait4(-1, status, options, usage);
}

PUBLIC int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	siginfo_t own;
	if (options & WNOHANG || !call_waits())
		return libc()->waitid(type, id, info, options);
	int before = errno;
	if (!info)
		info = &own;
	for (;;) {
		info->si_pid = 0;
		int r = libc()->waitid(type, id, info, options | WNOHANG);
		if (r == 0 && info->si_pid != 0)
			errno = before;
		if (r < 0 || info->si_pid != 0)
			return r;
		r = wait_for_change(type, id, options);
		if (r < 0)
			return (int)call_result(r, before);
	}
}

/* -- the shell */

struct command {
	struct apart apart;
	char text[];
};

static ssize_t run_command(struct apart *apart)
{
	int status = libc()->system(((struct command *)apart)->text);
	return status < 0 ? -errno : status;
}

/* If the task is cancelled the command goes on. */
PUBLIC int system(const char *text)
{
	if (!text || !call_waits())
		return libc()->system(text);
	int before = errno;
	size_t size = strlen(text) + 1;
	struct command *command = (struct command *)apart_create(sizeof(*command) + size);
	if (!command)
		return (int)call_result(-ENOMEM, before);
	memcpy(command->text, text, size);
	command->apart.call = run_command;
	command->apart.signals = true; /* the shell inherits the mask */
	struct apart *apart = &command->apart;
	ssize_t r = apart_run(&apart);
	free(apart);
	return (int)call_result(r, before);
}
