/* SPDX-License-Identifier: MIT */
/*
 * Linux's epoll, edge-triggered: an fd is registered once for each direction that was ever waited
 * for. While an fd has callbacks it is level-triggered, in the wanted directions only, since a
 * callback need not read everything.
 *
 * An event names its record by number and registration. A description lives on in a duplicate after
 * its number was closed, and its events still carry that number, which may be another fd's by then.
 *
 * The system forgets a registration when its description is closed: see suspect.h.
 */
#include "base/memory.h"
#include "io/suspect.h"

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
	struct suspects suspects;
	struct epoll_event events[EVENTS];
};

static struct epoll *epoll_of(struct io *io)
{
	return container_of(io, struct epoll, io);
}

static uint64_t name_of(const struct fd *fd)
{
	return (uint64_t)fd->watch << 32 | (uint32_t)fd->number;
}

/* Returns the record, or NULL if it is gone or the name is the inbox's, of registration 0. */
static struct fd *named(struct io *io, uint64_t name)
{
	struct fd *fd = fd_find(io, (int)(uint32_t)name);
	return fd && fd->watch == name >> 32 ? fd : NULL;
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

/* Registers the open file that has the number now, if it is not registered. Returns 0 or an error. */
static int check_registered(struct io *io, struct fd *fd)
{
	uint32_t watch = fd->watch;
	fd->special &= (uint8_t)~FD_UNSURE;
	if (!fd->armed)
		return 0;
	/* A new name, so that events of the old file, alive in a duplicate, are not taken for it. */
	fd->watch = ++io->generation;
	int r = control(io, EPOLL_CTL_ADD, fd, events_of(fd->armed, fd->special & FD_LEVEL));
	if (r < 0)
		fd->watch = watch;
	if (r != -EEXIST)
		fd_check_closed(io, fd);
	return r == -EEXIST ? 0 : r;
}

/* check_registered for an fd that is suspected and waited for. */
static int renew(struct io *io, struct fd *fd)
{
	int r = check_registered(io, fd);
	if (r != -EBADF && r != -EPERM)
		return r;
	fd_forget(io, fd->number); /* it is closed, or cannot be polled */
	return 0;
}

static int epoll_arm(struct io *io, struct fd *fd)
{
	int r = fd->special & FD_UNSURE ? check_registered(io, fd) : 0;
	if (r < 0)
		return r;
	unsigned level = fd_wants_level(fd) ? FD_LEVEL : 0;
	unsigned directions = fd_wanted(fd) | (level ? 0 : fd->armed);
	if (level == fd->special && directions == fd->armed)
		return 0;
	uint32_t events = events_of(directions, level);
	int op = fd->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	r = control(io, op, fd, events);
	/* The number was closed elsewhere and opened anew, or was forgotten while it was open. */
	if (r == -ENOENT && op == EPOLL_CTL_MOD)
		r = control(io, EPOLL_CTL_ADD, fd, events);
	else if (r == -EEXIST)
		r = control(io, EPOLL_CTL_MOD, fd, events);
	if (r < 0)
		return r;
	fd->armed = (uint8_t)directions;
	fd->special = (uint8_t)level;
	return 0;
}

static void epoll_forget(struct io *io, struct fd *fd)
{
	list_remove(&fd->link);
	if (fd->armed)
		control(io, EPOLL_CTL_DEL, fd, 0);
}

/* -- waiting */

static int wait_coarsely(struct epoll *epoll, int64_t left)
{
	int64_t ms = left < 0 ? -1 : left / CORO_MSEC + (left % CORO_MSEC > 0);
	return epoll_wait(epoll->fd, epoll->events, EVENTS, ms > INT32_MAX ? INT32_MAX : (int)ms);
}

/* Waits for at most `left` nanoseconds, or for ever if that is negative. */
static __attribute__((noinline)) int wait_for(struct epoll *epoll, int64_t left)
{
#if SYSTEM_EPOLL_PWAIT2
	if (left > 0 && !epoll->coarse) {
		struct timespec time = system_timespec(left);
		int n = system_epoll_pwait2(epoll->fd, epoll->events, EVENTS, &time, NULL);
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
	if (unlikely(!fd->suspected))
		suspects_add(&epoll_of(io)->suspects, fd);
	fd_event(io, fd, ready, got & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR));
	if (fd->special & FD_LEVEL)
		epoll_arm(io, fd); /* an unwanted direction would be reported again and again */
}

/* Prefetches the record of an event further on, and the waiter of a nearer one. */
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

/*
 * Waits until `when`, but only for a while if fds are suspected. Returns the number of events, or -1 and
 * errno.
 */
static inline int wait_once(struct epoll *epoll, int64_t when)
{
	int64_t left = left_until(when);
	if ((uint64_t)left > SUSPECT_QUIET_MS * CORO_MSEC && !list_empty(&epoll->suspects.fds))
		return epoll_wait(epoll->fd, epoll->events, EVENTS, SUSPECT_QUIET_MS);
	return wait_for(epoll, left);
}

/*
 * Goes on after a wait without events, whose result n is 0, or -1 and errno. Returns the number of
 * events, or an error.
 */
static __attribute__((noinline)) int wait_on(struct epoll *epoll, int64_t when, int n)
{
	while (n <= 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		/* A signal ends a wait. A poll is repeated, since it must report what is ready. */
		if (n < 0 && when != 0)
			return 0;
		if (n == 0 && !suspects_check_in_quiet(&epoll->suspects, when))
			return 0;
		n = wait_once(epoll, when);
	}
	return n;
}

static int epoll_wait_until(struct io *io, int64_t when)
{
	struct epoll *epoll = epoll_of(io);
	int n = wait_once(epoll, when);
	if (n <= 0 && (n = wait_on(epoll, when, n)) <= 0)
		return n;
	for (int i = 0; i < n; i++) {
		fetch_ahead(io, epoll->events + i, n - i);
		tell(io, &epoll->events[i]);
	}
	suspects_count_wait(&epoll->suspects);
	return 0;
}

/* Another loop polls the fd without calling epoll_wait_until, so all fds are checked before. */
static void epoll_settle(struct io *io)
{
	suspects_check_all(&epoll_of(io)->suspects);
}

static int epoll_fd(struct io *io)
{
	return epoll_of(io)->fd;
}

/* -- create and destroy */

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
	struct epoll *epoll = memory_alloc(sizeof(*epoll));
	if (!epoll)
		return -ENOMEM;
	epoll->coarse = false;
	suspects_init(&epoll->suspects, &epoll->io, renew);
	epoll->fd = system_above_streams(epoll_create1(EPOLL_CLOEXEC));
	int r = epoll->fd < 0 ? -errno : watch_inbox(epoll, &sched_of(loop)->inbox);
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
	.settle = epoll_settle,
	.wait = epoll_wait_until,
};
