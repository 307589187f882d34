/* SPDX-License-Identifier: MIT */
/*
 * kqueue, of the BSDs and macOS. Each wait for an fd is a registration for one event (EV_ONESHOT).
 * It costs no system call of its own: registrations are collected, and made by the call that waits.
 * A registration that nobody waits for any more brings one event in vain.
 *
 * An event names its record by number and generation, as in epoll.c. The system forgets the
 * registrations of an fd that is closed: see suspect.h.
 */
#include "base/memory.h"
#include "io/suspect.h"

#include "base/system.h"
#include "coro/base.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/event.h>
#include <unistd.h>

/* The most events of a call, and the most registrations, as each may bring an error. */
enum { EVENTS = 1024 };

struct kqueue {
	struct io io;
	int fd;
	size_t count, room; /* of registrations that the next wait makes */
	struct kevent *changes;
	struct suspects suspects;
	struct kevent events[EVENTS];
};

static struct kqueue *kqueue_of(struct io *io)
{
	return container_of(io, struct kqueue, io);
}

/* The type of udata is a pointer's or an integer's, depending on the system. */
static uintptr_t name_of(const struct kevent *event)
{
	return (uintptr_t)event->udata;
}

/* Returns the record of an event. NULL if it is gone, and for the inbox, whose generation is 0. */
static struct fd *named(struct io *io, const struct kevent *event)
{
	struct fd *fd = fd_find(io, (int)event->ident);
	return fd && fd->generation == (uint32_t)name_of(event) ? fd : NULL;
}

/* -- registering */

static struct kevent change_of(const struct fd *fd, enum direction direction)
{
	struct kevent change;
	EV_SET(&change, (uintptr_t)fd->number, direction == READING ? EVFILT_READ : EVFILT_WRITE,
	       EV_ADD | EV_ONESHOT, 0, 0, (void *)(uintptr_t)fd->generation);
	return change;
}

static int grow(struct kqueue *kqueue)
{
	size_t room = kqueue->room ? kqueue->room * 2 : 64;
	struct kevent *changes = memory_resize(kqueue->changes, room * sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	kqueue->changes = changes;
	kqueue->room = room;
	return 0;
}

/* Drops registrations for an earlier file of the number: made later, they would replace this one. */
static void drop_earlier(struct kqueue *kqueue, const struct kevent *change)
{
	size_t kept = 0;
	for (size_t i = 0; i < kqueue->count; i++) {
		const struct kevent *other = &kqueue->changes[i];
		if (other->ident != change->ident || other->filter != change->filter)
			kqueue->changes[kept++] = *other;
	}
	kqueue->count = kept;
}

/*
 * Registers a device at once, because not every system waits for every device. Returns 0; -EPERM if
 * this one counts as always ready; or another error.
 */
static int register_device(struct kqueue *kqueue, struct kevent change)
{
	struct kevent receipt;
	drop_earlier(kqueue, &change);
	change.flags |= EV_RECEIPT;
	if (kevent(kqueue->fd, &change, 1, &receipt, 1, &(struct timespec){0}) < 0)
		return -errno;
	int error = receipt.flags & EV_ERROR ? (int)receipt.data : 0;
	return error == EINVAL || error == ENODEV || error == EOPNOTSUPP ? -EPERM : -error;
}

static int register_direction(struct kqueue *kqueue, struct fd *fd, enum direction direction)
{
	int r = 0;
	if (fd->kind == FD_DEVICE)
		r = register_device(kqueue, change_of(fd, direction));
	else if (kqueue->count == kqueue->room)
		r = grow(kqueue);
	if (r < 0)
		return r;
	if (fd->kind != FD_DEVICE)
		kqueue->changes[kqueue->count++] = change_of(fd, direction);
	fd->armed |= (uint8_t)BIT(direction);
	return 0;
}

static int kqueue_arm(struct io *io, struct fd *fd)
{
	if (fd->special & FD_UNSURE) {
		fd->special &= (uint8_t)~FD_UNSURE;
		fd->armed = 0;
	}
	unsigned missing = fd_wanted(fd) & ~(unsigned)fd->armed;
	int r = 0;
	for (int i = 0; i < DIRECTIONS && r == 0; i++)
		if (missing & BIT(i))
			r = register_direction(kqueue_of(io), fd, (enum direction)i);
	return r;
}

/* Registers the fd anew, whatever file has its number now. */
static int renew(struct io *io, struct fd *fd)
{
	fd_check_closed(io, fd);
	fd->special &= (uint8_t)~FD_UNSURE;
	fd->armed = 0;
	int r = kqueue_arm(io, fd);
	if (r != -EBADF && r != -EPERM)
		return r;
	fd_forget(io, fd->number); /* it is closed, or cannot be polled */
	return 0;
}

/* The next wait registers the fd anew: its number may be another file's by then. */
static void kqueue_leave(struct io *io, struct fd *fd)
{
	(void)io;
	fd->armed &= (uint8_t)fd_wanted(fd);
}

/* Closing an fd ends its registrations. Others bring events that name no record any more. */
static void kqueue_forget(struct io *io, struct fd *fd)
{
	(void)io;
	list_remove(&fd->link);
	fd->armed = 0;
}

/* -- waiting */

/* A registration has failed. */
static void tell_error(struct io *io, struct fd *fd, enum direction direction, int error)
{
	if (error == EBADF || error == ENOENT) {
		fd_check_closed(io, fd);
		fd_forget(io, fd->number);
	} else if (error == ENOMEM) {
		fd_fail(fd, direction, -ENOMEM);
	} else {
		fd_event(io, fd, BIT(direction), true); /* the call itself will tell */
	}
}

static void tell(struct io *io, const struct kevent *event)
{
	struct fd *fd = named(io, event);
	if (!fd)
		return;
	enum direction direction = event->filter == EVFILT_READ ? READING : WRITING;
	int number = fd->number;
	uint32_t generation = fd->generation;
	fd->armed &= (uint8_t)~BIT(direction);
	if (!fd->suspected)
		suspects_add(&kqueue_of(io)->suspects, fd);
	if (event->flags & EV_ERROR)
		tell_error(io, fd, direction, (int)event->data);
	else
		fd_event(io, fd, BIT(direction), event->flags & EV_EOF);
	/* A callback is called for as long as the fd is ready. */
	if (fd_is_still(io, fd, number, generation) && fd->sides[direction].callback &&
	    kqueue_arm(io, fd) < 0)
		fd_fail(fd, direction, -ENOMEM);
}

/*
 * Makes at most EVENTS of the registrations, the first ones, and waits. Returns the number of
 * events, or -1 and errno.
 */
static int call(struct kqueue *kqueue, const struct timespec *timeout)
{
	size_t count = kqueue->count < EVENTS ? kqueue->count : EVENTS;
	int n = kevent(kqueue->fd, kqueue->changes, (int)count, kqueue->events, EVENTS, timeout);
	if (n >= 0 || errno == EINTR) {
		kqueue->count -= count;
		for (size_t i = 0; i < kqueue->count; i++)
			kqueue->changes[i] = kqueue->changes[count + i];
	}
	return n;
}

/* call until `when`, but only for a while if fds are suspected, or registrations are left. */
static int call_until(struct kqueue *kqueue, int64_t when)
{
	int64_t left = when > 0 && when != CORO_FOREVER ? when - coro_clock() : 0;
	bool suspicion = !list_empty(&kqueue->suspects.fds);
	if (kqueue->count > EVENTS || left < 0)
		left = 0;
	else if (suspicion && (when == CORO_FOREVER || left > SUSPECT_QUIET_MS * CORO_MSEC))
		left = SUSPECT_QUIET_MS * CORO_MSEC;
	else if (when == CORO_FOREVER)
		return call(kqueue, NULL);
	struct timespec time = system_timespec(left);
	return call(kqueue, &time);
}

/* Returns the number of events; 0 also when a signal has come; or an error. */
static int await_events(struct kqueue *kqueue, int64_t when)
{
	for (;;) {
		bool all = kqueue->count <= EVENTS;
		int n = call_until(kqueue, when);
		if (n > 0)
			return n;
		/* A signal ends a wait. A poll is repeated, since it must report what is ready. */
		if (n < 0 && (errno != EINTR || when != 0))
			return errno == EINTR ? 0 : -errno;
		if (n == 0 && all && !suspects_check_in_quiet(&kqueue->suspects, when))
			return 0;
	}
}

/* Whether they are errors of registrations alone: then the system did not look for others. */
static bool are_errors(const struct kevent *events, int count)
{
	for (int i = 0; i < count; i++)
		if (!(events[i].flags & EV_ERROR))
			return false;
	return count > 0;
}

/*
 * Registrations of fds that were closed since fail. Nothing comes of them, so the system is asked
 * again, before virtual time jumps past what is ready.
 */
static int kqueue_wait_until(struct io *io, int64_t when)
{
	struct kqueue *kqueue = kqueue_of(io);
	int n;
	do {
		n = await_events(kqueue, when);
		for (int i = 0; i < n; i++)
			tell(io, &kqueue->events[i]);
		if (n > 0)
			suspects_count_wait(&kqueue->suspects);
	} while (are_errors(kqueue->events, n) && ring_empty(&sched_of(io->loop)->ready));
	return n < 0 ? n : 0;
}

/* Another loop is about to wait for the kqueue's fd: makes the registrations, and takes no event. */
static void kqueue_settle(struct io *io)
{
	struct kqueue *kqueue = kqueue_of(io);
	struct kevent receipt;
	suspects_check_all(&kqueue->suspects);
	size_t count = kqueue->count;
	kqueue->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct kevent change = kqueue->changes[i];
		change.flags |= EV_RECEIPT;
		int n = kevent(kqueue->fd, &change, 1, &receipt, 1, &(struct timespec){0});
		if (n > 0 && receipt.flags & EV_ERROR && receipt.data)
			tell(io, &receipt);
	}
}

static int kqueue_fd(struct io *io)
{
	return kqueue_of(io)->fd;
}

/* -- create and destroy */

static int watch_inbox(const struct kqueue *kqueue, struct inbox *inbox)
{
	struct kevent change;
	int fd = inbox_fd(inbox);
	if (fd < 0)
		return fd;
	EV_SET(&change, (uintptr_t)fd, EVFILT_READ, EV_ADD, 0, 0, NULL);
	return kevent(kqueue->fd, &change, 1, NULL, 0, NULL) < 0 ? -errno : 0;
}

static int kqueue_create(struct coro_loop *loop, struct io **ret)
{
	struct kqueue *made = memory_alloc(sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->count = made->room = 0;
	made->changes = NULL;
	suspects_init(&made->suspects, &made->io, renew);
	made->fd = system_above_streams(kqueue());
	int r = made->fd < 0 ? -errno : watch_inbox(made, &sched_of(loop)->inbox);
	if (r < 0) {
		if (made->fd >= 0)
			close(made->fd);
		free(made);
		return r;
	}
	fcntl(made->fd, F_SETFD, FD_CLOEXEC);
	io_init(&made->io, loop, &backend_kqueue);
	*ret = &made->io;
	return 0;
}

/* A child made by fork does not have the kqueue, and may have another file under its number. */
static void kqueue_destroy(struct io *io)
{
	struct kqueue *kqueue = kqueue_of(io);
	if (fork_is_own(sched_of(io->loop)->fork_count))
		close(kqueue->fd);
	io_finish(io);
	free(kqueue->changes);
	free(kqueue);
}

const struct backend backend_kqueue = {
	.name = "kqueue",
	.create = kqueue_create,
	.destroy = kqueue_destroy,
	.arm = kqueue_arm,
	.leave = kqueue_leave,
	.forget = kqueue_forget,
	.fd = kqueue_fd,
	.settle = kqueue_settle,
	.wait = kqueue_wait_until,
};
