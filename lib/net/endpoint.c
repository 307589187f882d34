/* SPDX-License-Identifier: MIT */
#include "net/endpoint.h"

#include "base/system.h"
#include "coro/net.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

int endpoint_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_options(int fd, const struct place *place, int type, unsigned flags)
{
	int r = 0;
	if (type == SOCK_STREAM && place->any.sa_family != AF_UNIX && !(flags & CORO_NET_DELAY))
		r = endpoint_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (r == 0 && flags & CORO_NET_KEEPALIVE)
		r = endpoint_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	return r;
}

int endpoint_create(const struct place *place, int type, unsigned flags)
{
	int fd = system_socket(place->any.sa_family, type);
	if (fd < 0)
		return -errno;
	int r = set_options(fd, place, type, flags);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}
