/* SPDX-License-Identifier: MIT */
/* Message queues of POSIX, which on Linux are fds that can be polled. */
#include "coro/io.h"
#include "posix/interrupt.h"
#include "posix/until.h"

#include <mqueue.h>

static bool waits(mqd_t queue)
{
	struct mq_attr attributes;
	int before = errno;
	bool waits = call_waits() && mq_getattr(queue, &attributes) == 0 &&
		     !(attributes.mq_flags & O_NONBLOCK);
	errno = before;
	return waits;
}

/* A time that is over: the call does not wait, and fails with ETIMEDOUT. */
static const struct timespec at_once = {0};

/* Waits until there is a message, or room for one. Returns 0 or an error. */
static int wait_for(mqd_t queue, short events, int64_t end)
{
	struct interruptible call;
	struct pollfd fd = {.fd = queue, .events = events};
	int r = interruptible_begin(&call, BY_UNRESTARTED);
	if (r == 0)
		r = (int)interruptible_end(&call, coro_poll(&fd, 1, call_left(end)));
	return r < 0 ? r : r == 0 ? -ETIMEDOUT : 0;
}

static ssize_t receive(mqd_t queue, char *bytes, size_t length, unsigned *priority, int64_t limit)
{
	int before = errno, r = 0;
	ssize_t n = libc()->mq_timedreceive(queue, bytes, length, priority, &at_once);
	int64_t end = n < 0 && limit >= 0 ? call_end(limit) : 0;
	while (n < 0 && errno == ETIMEDOUT && limit >= 0 && r == 0) {
		r = wait_for(queue, POLLIN, end);
		if (r == 0)
			n = libc()->mq_timedreceive(queue, bytes, length, priority, &at_once);
	}
	if (n >= 0)
		return call_result(n, before);
	return r < 0                             ? call_result(r, before)
	       : errno == ETIMEDOUT && limit < 0 ? call_result((ssize_t)limit, before)
						 : -1;
}

static int send_message(mqd_t queue, const char *bytes, size_t length, unsigned priority,
			int64_t limit)
{
	int before = errno, r = 0;
	int sent = libc()->mq_timedsend(queue, bytes, length, priority, &at_once);
	int64_t end = sent < 0 && limit >= 0 ? call_end(limit) : 0;
	while (sent < 0 && errno == ETIMEDOUT && limit >= 0 && r == 0) {
		r = wait_for(queue, POLLOUT, end);
		if (r == 0)
			sent = libc()->mq_timedsend(queue, bytes, length, priority, &at_once);
	}
	if (sent >= 0)
		return (int)call_result(0, before);
	return r < 0                             ? (int)call_result(r, before)
	       : errno == ETIMEDOUT && limit < 0 ? (int)call_result((ssize_t)limit, before)
						 : -1;
}

PUBLIC ssize_t mq_receive(mqd_t queue, char *bytes, size_t length, unsigned *priority)
{
	return waits(queue) ? receive(queue, bytes, length, priority, CORO_FOREVER)
			    : libc()->mq_receive(queue, bytes, length, priority);
}

PUBLIC ssize_t mq_timedreceive(mqd_t queue, char *restrict bytes, size_t length,
			       unsigned *restrict priority, const struct timespec *restrict time)
{
	return waits(queue)
		       ? receive(queue, bytes, length, priority, length_until(CLOCK_REALTIME, time))
		       : libc()->mq_timedreceive(queue, bytes, length, priority, time);
}

PUBLIC int mq_send(mqd_t queue, const char *bytes, size_t length, unsigned priority)
{
	return waits(queue) ? send_message(queue, bytes, length, priority, CORO_FOREVER)
			    : libc()->mq_send(queue, bytes, length, priority);
}

PUBLIC int mq_timedsend(mqd_t queue, const char *bytes, size_t length, unsigned priority,
			const struct timespec *time)
{
	return waits(queue) ? send_message(queue, bytes, length, priority,
					   length_until(CLOCK_REALTIME, time))
			    : libc()->mq_timedsend(queue, bytes, length, priority, time);
}

/* A queue is an fd, and close's waits end with EBADF. */
PUBLIC int mq_close(mqd_t queue)
{
	return close(queue);
}
