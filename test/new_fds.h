/* SPDX-License-Identifier: MIT */
/*
 * New sockets and pipes with O_NONBLOCK and O_CLOEXEC: made with them where the system can, as on Linux,
 * and given them afterwards else, as on macOS. Each returns what the system's own call does.
 */
#ifndef TEST_NEW_FDS_H
#define TEST_NEW_FDS_H

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef SOCK_CLOEXEC
static inline int socket_flags(int flags)
{
	return (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0) | (flags & O_CLOEXEC ? SOCK_CLOEXEC : 0);
}

static inline int new_socket(int family, int type, int flags)
{
	return socket(family, type | socket_flags(flags), 0);
}

static inline int new_socketpair(int family, int type, int flags, int fds[2])
{
	return socketpair(family, type | socket_flags(flags), 0, fds);
}

static inline int new_pipe(int fds[2], int flags)
{
	return pipe2(fds, flags);
}
#else
static inline int with_flags(int fd, int flags)
{
	if (fd >= 0 && flags & O_NONBLOCK)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (fd >= 0 && flags & O_CLOEXEC)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static inline int pair_with_flags(int result, int flags, const int fds[2])
{
	for (int i = 0; i < 2 && result == 0; i++)
		with_flags(fds[i], flags);
	return result;
}

static inline int new_socket(int family, int type, int flags)
{
	return with_flags(socket(family, type, 0), flags);
}

static inline int new_socketpair(int family, int type, int flags, int fds[2])
{
	return pair_with_flags(socketpair(family, type, 0, fds), flags, fds);
}

static inline int new_pipe(int fds[2], int flags)
{
	return pair_with_flags(pipe(fds), flags, fds);
}
#endif

#endif
