/* SPDX-License-Identifier: MIT */
/*
 * coro_urgent: waits for urgent data alone. A poller reports urgent data together with all other
 * input. So each wait makes an epoll of its own for POLLPRI, and waits until that is readable.
 */
#include "io/urgent.h"

#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "io/fd.h"
#include "task/task.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#endif

/* Waits at most timeout milliseconds. Returns 0, -EAGAIN if nothing is urgent, or an error. */
static int ask(int number, int timeout)
{
	struct pollfd fd = {.fd = number, .events = POLLPRI};
	int n;
	if (number < 0)
		return -EBADF; /* poll ignores negative fds */
	while ((n = poll(&fd, 1, timeout)) < 0 && errno == EINTR)
		;
	return n < 0 ? -errno : n == 0 ? -EAGAIN : fd.revents & POLLNVAL ? -EBADF : 0;
}

#ifdef __linux__

/* A wait, on its task's stack. */
struct urgent {
	struct list link; /* in its io's list */
	struct cleanup cleanup;
	struct io *io;
	int fd, epoll;
};

void urgent_forget(struct io *io, int number)
{
	list_for_each(link, &io->urgent) {
		const struct urgent *urgent = container_of(link, struct urgent, link);
		struct fd *fd = urgent->fd == number ? fd_find(io, urgent->epoll) : NULL;
		if (fd)
			fd_dismiss(io, fd);
	}
}

static void finish(struct urgent *urgent)
{
	list_remove(&urgent->link);
	fd_forget(urgent->io, urgent->epoll);
	close(urgent->epoll);
}

static void discard(struct cleanup *cleanup)
{
	finish(container_of(cleanup, struct urgent, cleanup));
}

/* Makes an epoll that watches the fd for urgent data alone. Returns its fd or an error. */
static int open_epoll(int fd)
{
	struct epoll_event event = {.events = EPOLLPRI};
	int epoll = system_above_streams(epoll_create1(EPOLL_CLOEXEC));
	if (epoll < 0)
		return -errno;
	int r = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : epoll;
	if (r < 0)
		close(epoll);
	return r;
}

/* Whether the fd reports each change once only, as files of /proc and /sys may. */
static bool tells_once(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* io_uring may report the epoll without urgent data on the socket, so that is asked again. */
static int wait_for(const struct urgent *urgent)
{
	struct fd *fd;
	int r = fd_of(urgent->io, urgent->epoll, &fd);
	if (r == 0)
		r = fd_ask(urgent->epoll, READING);
	while (r == -EAGAIN) {
		r = fd_wait(urgent->io, fd, READING);
		if (r == 0 && !tells_once(urgent->fd))
			r = ask(urgent->fd, 0);
	}
	return r;
}

static int wait_in_task(struct io *io, int fd)
{
	int epoll = open_epoll(fd);
	if (epoll < 0)
		return epoll;
	struct urgent urgent = {.io = io, .fd = fd, .epoll = epoll};
	fd_forget(io, epoll);
	list_append(&io->urgent, &urgent.link);
	cleanup_push(task_running(), &urgent.cleanup, discard);
	int r = wait_for(&urgent);
	cleanup_pop(&urgent.cleanup);
	finish(&urgent);
	return r;
}

#else

void urgent_forget(struct io *io, int number)
{
	(void)io, (void)number;
}

static int wait_in_task(struct io *io, int fd)
{
	(void)io, (void)fd;
	return -ENOSYS;
}

#endif

int coro_urgent(int fd)
{
	struct io *io;
	int r = io_current(&io);
	if (r == 0)
		r = io ? wait_in_task(io, fd) : ask(fd, -1);
	return r < 0 && r != -ECANCELED ? fail_code(r) : r;
}
