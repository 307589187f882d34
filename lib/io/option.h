/* SPDX-License-Identifier: MIT */
#ifndef IO_OPTION_H
#define IO_OPTION_H

#include <errno.h>
#include <sys/socket.h>

/* The value of an integer socket option of SOL_SOCKET, or a negative errno. */
static inline int socket_option(int fd, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -errno : value;
}

#endif
