/* SPDX-License-Identifier: MIT */
/* Waits for fds by io_uring, with a poll for each wanted direction. */
#include "io/poller/uring.h"

#include <errno.h>
#include <poll.h>

static uint64_t name_of_poll(const struct fd *fd, enum direction direction)
{
	return (uint64_t)fd->watch << 32 | (uint32_t)fd->number << 2 | (uint32_t)direction << 1 |
	       NAME_IS_POLL;
}

/* Queues a poll. `how` is 0, or IORING_POLL_ADD_MULTI to report each change. */
static int put_poll(struct uring *uring, struct fd *fd, enum direction direction, unsigned how)
{
	static const unsigned events[] = {
		[READING] = POLLIN | POLLPRI | POLLRDHUP,
		[WRITING] = POLLOUT,
	};
	struct io_uring_sqe *sqe;
	int r = uring_place(uring, &sqe);
	if (r < 0)
		return r;
	io_uring_prep_poll_add(sqe, fd->number, events[direction]);
	sqe->len = how;
	sqe->user_data = name_of_poll(fd, direction);
	fd->armed |= (uint8_t)BIT(direction);
	if (direction == WRITING)
		fd->lasting = how;
	return 0;
}

/*
 * Cancels the polls of an fd that may have been closed by plain close. The kernel holds the file that
 * it polls: the peer would not see the end, and nothing would be reported for the file that has the
 * number now. The record's watch changes, so that results of these polls are ignored.
 */
static int cancel_polls(struct uring *uring, struct fd *fd)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		int r = fd->armed & BIT(i)
				? uring_put_cancel(uring, name_of_poll(fd, i), NAME_NOBODY)
				: 0;
		if (r < 0)
			return r;
		fd->armed &= (uint8_t)~BIT(i);
	}
	fd->watch = ++uring->io.generation;
	return 0;
}

int uring_arm(struct io *io, struct fd *fd)
{
	int r = fd->special & FD_UNSURE ? cancel_polls(uring_of(io), fd) : 0;
	if (r == 0)
		fd->special &= (uint8_t)~FD_UNSURE;
	unsigned missing = fd_wanted(fd) & ~(unsigned)fd->armed;
	for (int i = 0; i < DIRECTIONS && r == 0; i++)
		if (missing & BIT(i))
			r = put_poll(uring_of(io), fd, i, 0);
	return r;
}

/*
 * Whether a poll for writing reports something other than room. The kernel always reports that the peer
 * has ended its half. A new poll would report that again at once, so the caller asks for changes.
 */
static bool is_no_room(enum direction direction, int result)
{
	return direction == WRITING && result >= 0 && !(result & (POLLOUT | POLLERR | POLLHUP));
}

void uring_leave(struct io *io, struct fd *fd)
{
	if (!(fd->armed & ~fd_wanted(fd)))
		return;
	fd->special |= FD_UNSURE; /* if it fails here, the next wait tries again */
	uring_arm(io, fd);
	io_uring_submit_and_get_events(&uring_of(io)->ring); /* there may be no other wait */
}

void uring_poll_came(struct uring *uring, const struct io_uring_cqe *cqe)
{
	struct io *io = &uring->io;
	uint64_t name = cqe->user_data;
	int result = cqe->res;
	enum direction direction = name >> 1 & 1;
	struct fd *fd = fd_find(io, (int)((uint32_t)name >> 2));
	if (!fd || fd->watch != name >> 32)
		return;
	bool more = cqe->flags & IORING_CQE_F_MORE;
	if (!more)
		fd->armed &= (uint8_t)~BIT(direction);
	if (result == -EBADF) {
		fd_check_closed(io, fd);
		/* Not forgotten yet: results are also taken in the midst of calls that use the record. */
		list_remove(&fd->link);
		list_append(&uring->gone, &fd->link);
		return;
	}
	if (result == -EINVAL)
		result = POLLOUT; /* Linux before 5.13 cannot report changes: the waiter tries */
	if (is_no_room(direction, result)) {
		int r = more ? 0 : put_poll(uring, fd, direction, IORING_POLL_ADD_MULTI);
		if (r < 0)
			fd_fail(fd, direction, r);
		return;
	}
	if (result == -ECANCELED || result == -EINTR) {
		fd_event(io, fd, BIT(direction), false); /* waiters try, and wait again */
	} else if (result < 0) {
		fd_fail(fd, direction, result);
	} else {
		bool both = result & (POLLHUP | POLLERR);
		/* POLLPRI is ignored: the kernel sets it at each wake-up, even without urgent data. */
		fd_event(io, fd, both ? BIT(READING) | BIT(WRITING) : BIT(direction),
			 result & (POLLRDHUP | POLLHUP | POLLERR));
	}
	if (fd_wants_level(fd) && list_empty(&fd->link))
		list_append(&uring->levels, &fd->link);
}

void uring_forget_gone(struct uring *uring)
{
	struct list *link;
	while ((link = list_pop(&uring->gone)))
		fd_forget(&uring->io, container_of(link, struct fd, link)->number);
}

/* Whether an fd with a callback is still writable, when its poll reports changes only. */
static bool is_still_writable(struct io *io, struct fd *fd)
{
	if (!(fd->armed & BIT(WRITING)) || !fd->lasting || !fd->sides[WRITING].callback)
		return false;
	if (fd_ask(fd->number, WRITING) < 0)
		return false;
	fd_event(io, fd, BIT(WRITING), false);
	return true;
}

void uring_put_levels(struct uring *uring)
{
	struct list again, *link;
	list_init(&again);
	while ((link = list_pop(&uring->levels))) {
		struct fd *fd = container_of(link, struct fd, link);
		uring_arm(&uring->io, fd);
		if (is_still_writable(&uring->io, fd))
			list_append(&again, link);
	}
	while ((link = list_pop(&again)))
		list_append(&uring->levels, link);
}

/*
 * Cancels the polls of an fd and submits that at once. The kernel would hold the file after the fd is
 * closed.
 */
void uring_forget(struct io *io, struct fd *fd)
{
	struct uring *uring = uring_of(io);
	list_remove(&fd->link);
	for (int i = 0; i < DIRECTIONS; i++)
		if (fd->armed & BIT(i))
			uring_put_cancel(uring, name_of_poll(fd, i), NAME_NOBODY);
	if (fd->armed || uring->closing)
		io_uring_submit_and_get_events(&uring->ring);
	uring->closing = false;
}
