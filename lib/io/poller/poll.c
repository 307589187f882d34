/* SPDX-License-Identifier: MIT */
/* POSIX's poll. Each wait makes the table anew, from the fds that are waited for. */
#include "base/memory.h"
#include "io/fd.h"

#include "base/poll.h"
#include "base/system.h"
#include "coro/base.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

struct poll {
	struct io io;
	struct list armed; /* fds that are waited for, or were at the last wait */
	size_t count;      /* fds in armed */
	struct pollfd *table;
	size_t room; /* entries of the table: at least one for each armed fd and one for the inbox */
};

static struct poll *poll_of(struct io *io)
{
	return container_of(io, struct poll, io);
}

static int grow(struct poll *poll)
{
	size_t room = poll->room * 2;
	struct pollfd *table = memory_resize(poll->table, room * sizeof(*table));
	if (!table)
		return -ENOMEM;
	poll->table = table;
	poll->room = room;
	return 0;
}

static int poll_arm(struct io *io, struct fd *fd)
{
	struct poll *poll = poll_of(io);
	if (fd->armed || !fd_wanted(fd))
		return 0;
	if (poll->count + 2 > poll->room) {
		int r = grow(poll);
		if (r < 0)
			return r;
	}
	list_append(&poll->armed, &fd->link);
	fd->armed = BIT(READING) | BIT(WRITING);
	poll->count++;
	return 0;
}

static void poll_forget(struct io *io, struct fd *fd)
{
	if (!fd->armed)
		return;
	list_remove(&fd->link);
	fd->armed = 0;
	poll_of(io)->count--;
}

/* Fills the table: first the inbox, then the armed fds in their order. Returns the entries. */
static size_t fill(struct poll *poll)
{
	size_t count = 0;
	poll->table[count++] =
		(struct pollfd){.fd = sched_of(poll->io.loop)->inbox.fd, .events = POLLIN};
	for (struct list *link = poll->armed.next, *next; link != &poll->armed; link = next) {
		struct fd *fd = container_of(link, struct fd, link);
		unsigned wanted = fd_wanted(fd);
		next = link->next;
		if (!wanted) {
			poll_forget(&poll->io, fd);
			continue;
		}
		fd_check_closed(&poll->io, fd);
		short reading = wanted & BIT(READING) ? POLLIN | POLLPRI | POLLRDHUP : 0;
		short writing = wanted & BIT(WRITING) ? POLLOUT : 0;
		poll->table[count++] = (struct pollfd){
			.fd = fd->number,
			.events = reading | writing,
		};
	}
	return count;
}

static void tell(struct io *io, struct fd *fd, int got)
{
	unsigned ready = 0;
	if (got & (POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR))
		ready |= BIT(READING);
	if (got & (POLLOUT | POLLHUP | POLLERR))
		ready |= BIT(WRITING);
	if (ready) {
		fd_event(io, fd, ready, got & (POLLPRI | POLLRDHUP | POLLHUP | POLLERR));
	} else if (got & POLLNVAL) {
		fd_check_closed(io, fd);
		fd_forget(io, fd->number);
	}
}

static int poll_wait_until(struct io *io, int64_t when)
{
	struct poll *poll = poll_of(io);
	struct timespec time, *timeout = NULL;
	size_t count = fill(poll);
	if (when != CORO_FOREVER) {
		int64_t left = when > 0 ? when - coro_clock() : 0;
		if (left < 0)
			left = 0;
		time = system_timespec(left);
		timeout = &time;
	}
	int n;
	do
		n = poll_fds(poll->table, count, timeout);
	while (n < 0 && errno == EINTR && when == 0); /* a poll must report what is ready */
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (poll->table->revents & POLLNVAL)
		return -EBADF; /* the program has closed the inbox's fd */
	const struct pollfd *at = poll->table + 1;
	for (struct list *link = poll->armed.next, *next; link != &poll->armed && n > 0;
	     link = next, at++) {
		next = link->next;
		if (at->revents)
			tell(io, container_of(link, struct fd, link), at->revents);
	}
	return 0;
}

static int poll_create(struct coro_loop *loop, struct io **ret)
{
	enum { FIRST = 64 };
	int r = inbox_fd(&sched_of(loop)->inbox);
	if (r < 0)
		return r;
	struct poll *poll = memory_alloc(sizeof(*poll));
	struct pollfd *table = memory_alloc(FIRST * sizeof(*table));
	if (!poll || !table) {
		free(poll);
		free(table);
		return -ENOMEM;
	}
	*poll = (struct poll){.table = table, .room = FIRST};
	list_init(&poll->armed);
	io_init(&poll->io, loop, &backend_poll);
	*ret = &poll->io;
	return 0;
}

static void poll_destroy(struct io *io)
{
	struct poll *poll = poll_of(io);
	io_finish(io);
	free(poll->table);
	free(poll);
}

const struct backend backend_poll = {
	.name = "poll",
	.create = poll_create,
	.destroy = poll_destroy,
	.arm = poll_arm,
	.forget = poll_forget,
	.wait = poll_wait_until,
};
