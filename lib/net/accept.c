/* SPDX-License-Identifier: MIT */
#include "net/accept.h"

#include "coro/net.h"
#include "coro/task.h"
#include "io/option.h"
#include "sched/park.h"

#include <errno.h>
#include <time.h>

bool accept_lacks_room(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* Whether the socket still listens. If it does, the error was the connection's or the system's. */
static bool listens(int fd)
{
	return socket_option(fd, SO_ACCEPTCONN) > 0;
}

/* Whether another try a second later may succeed. */
static bool may_pass(int listening, int error)
{
	switch (error) {
	case -ECANCELED:
	case -EBADF:
	case -ENOTSOCK:
	case -EINVAL:
	case -EFAULT:
		return false;
	default:
		return error < 0 && (accept_lacks_room(error) || listens(listening));
	}
}

static coro_async int pause_a_second(void)
{
	struct timespec second = {.tv_sec = 1};
	if (task_running())
		return coro_sleep(CORO_SEC);
	nanosleep(&second, NULL);
	return 0;
}

int accept_next(int listening, void (*pauses)(int error, void *arg), void *arg)
{
	int fd;
	while (may_pass(listening, fd = coro_accept(listening, NULL, NULL))) {
		if (pauses)
			pauses(fd, arg);
		int r = pause_a_second();
		if (r < 0)
			return r;
	}
	return fd;
}

int coro_accept_next(int listening)
{
	return accept_next(listening, NULL, NULL);
}
