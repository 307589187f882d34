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

/* The timeout of an option, in nanoseconds, 0 for none. Remembers what there is to know. */
static int64_t examine(int fd, int option)
{
	int64_t receive = timeout_of(fd, SO_RCVTIMEO), send = timeout_of(fd, SO_SNDTIMEO);
	if (receive == 0 && send == 0)
		view_set(fd, VIEW_NO_TIMEOUTS);
	return option == SO_RCVTIMEO ? receive : send;
}

int limit_begin_slow(struct limit *limit, int fd, int option)
{
	int before = errno, r = 0;
	int64_t timeout = view_of(fd) & VIEW_NO_TIMEOUTS ? 0 : examine(fd, option);
	limit->call.begun = limit->timed = false;
	bool is_file = view_is_file(fd);
	errno = before;
	if (!is_file)
		r = interruptible_begin(&limit->call, timeout ? BY_ANY : BY_UNRESTARTED);
	if (r == 0 && timeout) {
		r = coro_timeout_begin(&limit->timeout, timeout);
		limit->timed = r == 0;
	}
	if (r < 0)
		return (int)interruptible_end(&limit->call, r);
	limit->begun = limit->timed || limit->call.begun;
	return 0;
}

ssize_t limit_end_slow(struct limit *limit, ssize_t result, int error)
{
	if (limit->timed) {
		int r = coro_timeout_end(&limit->timeout, result < 0 ? (int)result : 0);
		if (r < 0)
			result = result == -ECANCELED && r == -ETIMEDOUT ? error : r;
	}
	return interruptible_end(&limit->call, result);
}
