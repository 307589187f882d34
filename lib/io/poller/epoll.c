/* SPDX-License-Identifier: MIT */
/*
 * Linux's epoll, edge-triggered: an fd is registered once for each direction that was ever waited
 * for. As long as it has callbacks it is a level, of just what is wanted, since they need not read
 * all there is.
 *
 * An event names the record that it is for by number and generation, since one may come of a
 * description that lives on in a duplicate when its number has become another's.
 */
#include "io/fd.h"

#include "base/system.h"
#include "coro/base.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 1024 };

struct epoll {
	struct io io;
	int fd;
	bool coarse; /* the kernel has no epoll_pwait2 */
	struct epoll_event events[EVENTS];
};

static struct epoll *epoll_of(struct io *io)
{
	return container_of(io, struct epoll, io);
}

static uint64_t name_of(const struct fd *fd)
{
	return (uint64_t)fd->generation << 32 | (uint32_t)fd->number;
}

/* NULL: it is not there any more, or it is the inbox, which has generation 0. */
static struct fd *named(struct io *io, uint64_t name)
{
	struct fd *fd = fd_find(io, (int)(uint32_t)name);
	return fd && fd->generation == name >> 32 ? fd : NULL;
}

/* -- registering */

static uint32_t events_of(unsigned directions, bool level)
{
	uint32_t events = level ? 0 : EPOLLET;
	if (directions & BIT(READING))
		events |= EPOLLIN | EPOLLRDHUP | EPOLLPRI;
	if (directions & BIT(WRITING))
		events |= EPOLLOUT;
	return events;
}

static int control(struct io *io, int op, struct fd *fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u64 = name_of(fd)};
	return epoll_ctl(epoll_of(io)->fd, op, fd->number, &event) < 0 ? -errno : 0;
}

static int epoll_arm(struct io *io, struct fd *fd)
{
	bool level = fd_wants_level(fd);
	unsigned directions = fd_wanted(fd) | (level ? 0 : fd->armed);
	if (level == fd->level && directions == fd->armed)
		return 0;
	uint32_t events = events_of(directions, level);
	int op = fd->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	int r = control(io, op, fd, events);
	/* Closed elsewhere and opened anew, or forgotten while it was open. */
	if (r == -ENOENT && op == EPOLL_CTL_MOD)
		r = control(io, EPOLL_CTL_ADD, fd, events);
	else if (r == -EEXIST)
		r = control(io, EPOLL_CTL_MOD, fd, events);
	if (r < 0)
		return r;
	fd->armed = (uint8_t)directions;
	fd->level = level;
	return 0;
}

static void epoll_forget(struct io *io, struct fd *fd)
{
	if (fd->armed)
		control(io, EPOLL_CTL_DEL, fd, 0);
}

/* -- waiting */

static int wait_coarsely(struct epoll *epoll, int64_t left)
{
	int64_t ms = left < 0 ? -1 : left / CORO_MSEC + (left % CORO_MSEC > 0);
	return epoll_wait(epoll->fd, epoll->events, EVENTS, ms > INT32_MAX ? INT32_MAX : (int)ms);
}

/* Waits for so many nanoseconds at the most; a negative number is for ever. */
static int wait_for(struct epoll *epoll, int64_t left)
{
#if SYSTEM_EPOLL_PWAIT2
	if (left > 0 && !epoll->coarse) {
		struct timespec time = system_timespec(left);
		int n = epoll_pwait2(epoll->fd, epoll->events, EVENTS, &time, NULL);
		if (n >= 0 || !system_lacks(errno))
			return n;
		epoll->coarse = true;
	}
#endif
	return wait_coarsely(epoll, left);
}

static int64_t left_until(int64_t when)
{
	if (when == CORO_FOREVER)
		return -1;
	int64_t left = when > 0 ? when - coro_clock() : 0;
	return left > 0 ? left : 0;
}

static void tell(struct io *io, const struct epoll_event *event)
{
	struct fd *fd = named(io, event->data.u64);
	if (!fd)
		return;
	unsigned ready = 0, got = event->events;
	if (got & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		ready |= BIT(READING);
	if (got & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		ready |= BIT(WRITING);
	fd_event(io, fd, ready, got & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR));
	if (fd->level)
		epoll_arm(io, fd); /* what nobody wants any more would come again and again */
}

/* Begins a fetch of what is soon needed: of a record, then, told by that, of who waits. */
static inline void fetch_ahead(const struct io *io, const struct epoll_event *event, int left)
{
	enum { RECORD = 12, WAITER = 6 };
	if (left <= RECORD)
		return;
	const struct fd *later = fd_find(io, (int)(uint32_t)event[RECORD].data.u64);
	const struct fd *sooner = fd_find(io, (int)(uint32_t)event[WAITER].data.u64);
	if (later)
		__builtin_prefetch(later);
	if (sooner)
		__builtin_prefetch(sooner->sides[READING].line.next);
}

static int epoll_wait_until(struct io *io, int64_t when)
{
	struct epoll *epoll = epoll_of(io);
	int n;
	do
		n = wait_for(epoll, left_until(when));
	while (n < 0 && errno == EINTR && when == 0); /* a look is to see what there is */
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		fetch_ahead(io, epoll->events + i, n - i);
		tell(io, &epoll->events[i]);
	}
	return 0;
}

static int epoll_fd(struct io *io)
{
	return epoll_of(io)->fd;
}

/* -- life */

static int watch_inbox(struct epoll *epoll, struct inbox *inbox)
{
	int fd = inbox_fd(inbox);
	if (fd < 0)
		return fd;
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint32_t)fd};
	return epoll_ctl(epoll->fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int epoll_open(struct coro_loop *loop, struct io **ret)
{
	struct epoll *epoll = malloc(sizeof(*epoll));
	if (!epoll)
		return -ENOMEM;
	epoll->coarse = false;
	epoll->fd = system_above_streams(epoll_create1(EPOLL_CLOEXEC));
	int r = epoll->fd < 0 ? -errno : watch_inbox(epoll, &loop->inbox);
	if (r < 0) {
		if (epoll->fd >= 0)
			close(epoll->fd);
		free(epoll);
		return r;
	}
	io_init(&epoll->io, loop, &backend_epoll);
	*ret = &epoll->io;
	return 0;
}

static void epoll_destroy(struct io *io)
{
	struct epoll *epoll = epoll_of(io);
	close(epoll->fd);
	io_finish(io);
	free(epoll);
}

const struct backend backend_epoll = {
	.name = "epoll",
	.create = epoll_open,
	.destroy = epoll_destroy,
	.arm = epoll_arm,
	.forget = epoll_forget,
	.fd = epoll_fd,
	.wait = epoll_wait_until,
};
