/* SPDX-License-Identifier: MIT */
/*
 * Linux's epoll, edge-triggered: an fd is registered once for each direction that was ever waited
 * for. As long as it has callbacks it is a level, of just what is wanted, since they need not read
 * all there is.
 *
 * An event names the record that it is for by number and generation, since one may come of a
 * description that lives on in a duplicate when its number has become another's.
 *
 * The system drops a number together with its description. Where that was closed by plain close, and
 * the number is another's now, nothing would come for who waits for it: so fds that have been heard of
 * are suspected, and asked about before they are waited for long. To ask at each wait would cost a call
 * for each message; it is done when nothing has come for a while, and for one after another where
 * that never is.
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

/*
 * How long nothing comes before all suspected fds are asked about; and of how many waits one is followed by a
 * question about one, where something comes all the time.
 */
enum { QUIET_MS = 10, WAITS_A_QUESTION = 256 };

struct epoll {
	struct io io;
	int fd;
	bool coarse;           /* the kernel has no epoll_pwait2 */
	unsigned waits;        /* that something came of */
	struct list suspected; /* fds, the one that was heard of first */
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

/* Whether what is watched is what has the number, or is now: 0 or an error. */
static int make_sure(struct io *io, struct fd *fd)
{
	uint32_t generation = fd->generation;
	fd->special &= (uint8_t)~FD_UNSURE;
	if (!fd->armed)
		return 0;
	/* By a name of its own, lest events of one that lives on in a duplicate are taken for its. */
	fd->generation = ++io->generation;
	int r = control(io, EPOLL_CTL_ADD, fd, events_of(fd->armed, fd->special & FD_LEVEL));
	if (r < 0)
		fd->generation = generation;
	if (r != -EEXIST)
		fd_check_closed(io, fd);
	return r == -EEXIST ? 0 : r;
}

static int epoll_arm(struct io *io, struct fd *fd)
{
	int r = fd->special & FD_UNSURE ? make_sure(io, fd) : 0;
	if (r < 0)
		return r;
	unsigned level = fd_wants_level(fd) ? FD_LEVEL : 0;
	unsigned directions = fd_wanted(fd) | (level ? 0 : fd->armed);
	if (level == fd->special && directions == fd->armed)
		return 0;
	uint32_t events = events_of(directions, level);
	int op = fd->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	r = control(io, op, fd, events);
	/* Closed elsewhere and opened anew, or forgotten while it was open. */
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

static __attribute__((noinline)) void suspect(struct epoll *epoll, struct fd *fd)
{
	fd->suspected = true;
	list_append(&epoll->suspected, &fd->link);
}

/* Whether an event would wake somebody, or have a callback called, who has not been so before. */
static bool is_waited_for(const struct fd *fd)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		const struct side *side = &fd->sides[i];
		if (side->callback && side->callback->call.position == CALL_IDLE)
			return true;
		if (fd_line_waits(&side->line) &&
		    fd_wait_of(side->line.next)->waiter.state == WAITER_PENDING)
			return true;
	}
	return false;
}

/* One whose wait is to come is asked about then. */
static __attribute__((noinline)) void ask_about(struct epoll *epoll, struct fd *fd)
{
	list_remove(&fd->link);
	fd->suspected = false;
	if (!is_waited_for(fd)) {
		fd->special |= FD_UNSURE;
		return;
	}
	int r = make_sure(&epoll->io, fd);
	if (r == -EBADF || r == -EPERM)
		fd_forget(&epoll->io, fd->number); /* closed, or of a kind that is not waited for */
	else if (r < 0)
		suspect(epoll, fd);
}

/* Those that are suspected by now. */
static void ask_about_all(struct epoll *epoll)
{
	struct list asked, *link;
	list_init(&asked);
	while ((link = list_pop(&epoll->suspected)))
		list_append(&asked, link);
	while (!list_empty(&asked))
		ask_about(epoll, container_of(asked.next, struct fd, link));
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

/* Waits for so many nanoseconds at the most; a negative number is for ever. */
static __attribute__((noinline)) int wait_for(struct epoll *epoll, int64_t left)
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
	if (unlikely(!fd->suspected))
		suspect(epoll_of(io), fd);
	fd_event(io, fd, ready, got & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR));
	if (fd->special & FD_LEVEL)
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

/* Waits until then, or, where fds are suspected, for a while: how many events came, or -1. */
static inline int wait_once(struct epoll *epoll, int64_t when)
{
	int64_t left = left_until(when);
	if ((uint64_t)left > QUIET_MS * CORO_MSEC && !list_empty(&epoll->suspected))
		return epoll_wait(epoll->fd, epoll->events, EVENTS, QUIET_MS);
	return wait_for(epoll, left);
}

/*
 * Nothing came: then suspected fds are asked about, unless it was but a look among other things to do.
 * Whether another look is due, since virtual time would go by what the first could not see.
 */
static bool ask_in_quiet(struct epoll *epoll, int64_t when)
{
	const struct coro_loop *loop = epoll->io.loop;
	bool jumps = sched_of(loop)->virtual_clock && ring_empty(&sched_of(loop)->ready);
	if (list_empty(&epoll->suspected) || (when == 0 && !jumps))
		return false;
	ask_about_all(epoll);
	return when == 0;
}

/* Waits on, where that was for nothing (n: 0, or -1 and errno): how many events came, or an error. */
static __attribute__((noinline)) int wait_on(struct epoll *epoll, int64_t when, int n)
{
	while (n <= 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		/* Interrupted; but a look is to see what there is. */
		if (n < 0 && when != 0)
			return 0;
		if (n == 0 && !ask_in_quiet(epoll, when))
			return 0;
		n = wait_once(epoll, when);
	}
	return n;
}

/* Something comes all the time: one by one. */
static __attribute__((noinline)) void ask_about_one(struct epoll *epoll)
{
	if (!list_empty(&epoll->suspected))
		ask_about(epoll, container_of(epoll->suspected.next, struct fd, link));
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
	if (unlikely(++epoll->waits % WAITS_A_QUESTION == 0))
		ask_about_one(epoll);
	return 0;
}

/* What a host waits for, it waits for without us. */
static void epoll_settle(struct io *io)
{
	ask_about_all(epoll_of(io));
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
	epoll->waits = 0;
	list_init(&epoll->suspected);
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
