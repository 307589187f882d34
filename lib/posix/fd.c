/* SPDX-License-Identifier: MIT */
/*
 * The life of fds: the loop forgets what is closed, and what a number was before. A number may have
 * been closed by others, by fclose for instance, so what makes a new one forgets it too.
 */
#include "posix/fd.h"
#include "coro/file.h"
#include "coro/io.h"
#include "posix/call.h"
#include "posix/lock.h"
#include "posix/names.h"
#include "posix/view.h"

#include <stdarg.h>

void fd_renew(int fd, unsigned views)
{
	int before = errno;
	if (fd < 0 || !call_in_process())
		return;
	view_forget(fd);
	if (views)
		view_set(fd, views);
	if (call_in_loop())
		coro_fd_forget(fd);
	errno = before;
}

PUBLIC int close(int fd)
{
	if (!call_in_process())
		return libc()->close(fd);
	view_forget(fd);
	if (!call_in_loop())
		return libc()->close(fd);
	int before = errno;
	return (int)call_result(coro_fd_close(fd), before);
}

PUBLIC int dup(int fd)
{
	int r = libc()->dup(fd);
	fd_renew(r, view_of(fd));
	return r;
}

PUBLIC int dup3(int fd, int as, int flags)
{
	int r = libc()->dup3(fd, as, flags);
	fd_renew(r, view_of(fd));
	return r;
}

PUBLIC int dup2(int fd, int as)
{
	int r = libc()->dup2(fd, as);
	if (fd != as)
		fd_renew(r, view_of(fd));
	return r;
}

PUBLIC int pipe2(int fds[2], int flags)
{
	int r = libc()->pipe2(fds, flags);
	for (int i = 0; i < 2 && r == 0; i++)
		fd_renew(fds[i], 0);
	return r;
}

PUBLIC int pipe(int fds[2])
{
	return pipe2(fds, 0);
}

PUBLIC int socket(int family, int type, int protocol)
{
	int r = libc()->socket(family, type, protocol);
	fd_renew(r, 0);
	return r;
}

PUBLIC int socketpair(int family, int type, int protocol, int fds[2])
{
	int r = libc()->socketpair(family, type, protocol, fds);
	for (int i = 0; i < 2 && r == 0; i++)
		fd_renew(fds[i], 0);
	return r;
}

/* -- flags */

static int set_flags(int fd, long flags)
{
	if (flags & O_NONBLOCK)
		view_renew_flags();
	if (!(view_of(fd) & VIEW_BLOCKING))
		return libc()->fcntl(fd, F_SETFL, flags);
	if (flags & O_NONBLOCK)
		view_clear(fd, VIEW_BLOCKING);
	else
		flags |= libc()->fcntl(fd, F_GETFL) & O_NONBLOCK;
	return libc()->fcntl(fd, F_SETFL, flags);
}

static int dup_by_fcntl(int fd, int command, long least)
{
	int r = libc()->fcntl(fd, command, least);
	fd_renew(r, view_of(fd));
	return r;
}

PUBLIC int fcntl(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	long argument = va_arg(arguments, long);
	va_end(arguments);
	switch (command) {
	case F_GETFL:
		return view_flags(fd);
	case F_SETFL:
		return set_flags(fd, argument);
	case F_SETLKW:
	case F_OFD_SETLKW:
		return lock_wait(fd, command, (struct flock *)argument);
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_by_fcntl(fd, command, argument);
	default:
		return libc()->fcntl(fd, command, argument);
	}
}

SAME(fcntl64, fcntl);

PUBLIC int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	if (request == FIONBIO)
		view_renew_flags();
	if (request == FIONBIO && view_of(fd) & VIEW_BLOCKING) {
		if (!*(const int *)argument)
			return 0;
		view_clear(fd, VIEW_BLOCKING);
	}
	return libc()->ioctl(fd, request, argument);
}

/* -- waiting for the disk */

PUBLIC int fsync(int fd)
{
	if (!call_waits())
		return libc()->fsync(fd);
	int before = errno;
	return (int)call_result(coro_fsync(fd), before);
}

PUBLIC int fdatasync(int fd)
{
	if (!call_waits())
		return libc()->fdatasync(fd);
	int before = errno;
	return (int)call_result(coro_fdatasync(fd), before);
}
