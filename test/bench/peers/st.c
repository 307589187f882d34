/* SPDX-License-Identifier: MIT */
/*
 * Echo by State Threads, for test/bench/echo: fd 0 is the listening socket. Where the library was built
 * without epoll, as Debian's is, it waits with poll: select has no room for more than 1,024 fds.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <st.h>

static void *echo(void *arg)
{
	st_netfd_t fd = arg;
	char bytes[1024];
	ssize_t n;
	while ((n = st_read(fd, bytes, sizeof(bytes), ST_UTIME_NO_TIMEOUT)) > 0 &&
	       st_write(fd, bytes, (size_t)n, ST_UTIME_NO_TIMEOUT) == n)
		;
	st_netfd_close(fd);
	return NULL;
}

int main(void)
{
	st_netfd_t listening, fd;
	st_set_eventsys(ST_EVENTSYS_ALT);
	st_set_eventsys(ST_EVENTSYS_POLL); /* fails if there is the other */
	if (st_init() < 0 || !(listening = st_netfd_open_socket(0)))
		return 1;
	while ((fd = st_accept(listening, NULL, NULL, ST_UTIME_NO_TIMEOUT))) {
		setsockopt(st_netfd_fileno(fd), IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		if (!st_thread_create(echo, fd, 0, 0))
			return 1;
	}
	return 1;
}
