/* SPDX-License-Identifier: MIT */
#include "posix/timeouts.h"

/* In nanoseconds; 0 for none. */
static int64_t timeout_of(int fd, int option)
{
	struct timeval time = {0};
	socklen_t length = sizeof(time);
	if (getsockopt(fd, SOL_SOCKET, option, &time, &length) < 0)
		return 0;
	view_set(fd, VIEW_SOCKET);
	return time.tv_sec * CORO_SEC + time.tv_usec * CORO_USEC;
}

int limit_begin_slow(struct limit *limit, int fd, int option)
{
	int64_t receive = timeout_of(fd, SO_RCVTIMEO), send = timeout_of(fd, SO_SNDTIMEO);
	if (receive == 0 && send == 0)
		view_set(fd, VIEW_NO_TIMEOUTS);
	int64_t timeout = option == SO_RCVTIMEO ? receive : send;
	if (timeout == 0)
		return 0;
	int r = coro_timeout_begin(&limit->timeout, timeout);
	limit->begun = r == 0;
	return r;
}

ssize_t limit_end_slow(struct limit *limit, ssize_t result, int error)
{
	int r = coro_timeout_end(&limit->timeout, result < 0 ? (int)result : 0);
	if (result > 0 || r == 0)
		return result;
	return r == -ETIMEDOUT ? error : r;
}
