/* SPDX-License-Identifier: MIT */
/* Waiting for fds: events, the lines of those who wait, turns and pauses. */
#include "base/poll.h"
#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "coro/task.h"
#include "io/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

/* -- waits */

static int describe_wait(const struct task_wait *wait, char *text, size_t size)
{
	const struct fd *fd = container_of(wait->waiter, struct fd_wait, waiter)->fd;
	if (!fd)
		return snprintf(text, size, "an fd that is closed");
	return snprintf(text, size, "fd %d, %s", fd->number, wait->kind->what);
}

const struct wait_kind fd_waiting[DIRECTIONS] = {
	[READING] = {.leave = waiter_leave,
		     .what = "to read",
		     .describe = describe_wait,
		     .subject = SUBJECT_BESIDE(SUBJECT_FD, struct fd_wait, waiter, fd)},
	[WRITING] = {.leave = waiter_leave,
		     .what = "to write",
		     .describe = describe_wait,
		     .subject = SUBJECT_BESIDE(SUBJECT_FD, struct fd_wait, waiter, fd)},
};

/* -- waiting */

int fd_renew_budget(struct io *io, struct fd *fd)
{
	int number = fd->number;
	uint32_t generation = fd->generation;
	int r = io_renew_budget(io);
	if (r < 0)
		return r;
	return fd_is_still(io, fd, number, generation) ? 0 : -EBADF;
}

/*
 * Wakes none if one was woken and has not run yet, or the kernel has the call of one: these pass the
 * event on.
 */
void fd_wake_next(struct fd *fd, enum direction direction)
{
	list_for_each(link, &fd->sides[direction].line) {
		struct fd_wait *wait = fd_wait_of(link);
		if (wait->waiter.state == WAITER_WOKEN || wait->closed)
			return;
		if (wait->waiter.state == WAITER_PENDING) {
			waiter_wake(&wait->waiter);
			return;
		}
	}
}

unsigned fd_polled_for(const struct fd *fd)
{
	unsigned directions = 0;
	list_for_each(link, &fd->polls)
		directions |= fd_poll_of(link)->directions;
	return directions & ~(unsigned)fd->busy;
}

void fd_wake_polls(struct fd *fd, unsigned directions, int error)
{
	list_for_each(link, &fd->polls) {
		struct fd_poll *entry = fd_poll_of(link);
		if (!(entry->directions & directions))
			continue;
		entry->woken = true;
		entry->wake(entry, error);
	}
}

void fd_event(struct io *io, struct fd *fd, unsigned ready, bool hung_up)
{
	fd->ready |= (uint8_t)ready;
	fd->hung_up |= hung_up;
	if (unlikely(fd->polled))
		fd_wake_polls(fd, ready, 0);
	for (int i = 0; i < DIRECTIONS; i++) {
		struct fd_callback *callback = fd->sides[i].callback;
		if (!(ready & BIT(i)))
			continue;
		if (callback && callback->call.position == CALL_IDLE)
			call_push(sched_of(io->loop), &callback->call);
		fd_wake_next(fd, i);
	}
}

void fd_fail(struct fd *fd, enum direction direction, int error)
{
	if (fd->polled)
		fd_wake_polls(fd, BIT(direction), error);
	list_for_each(link, &fd->sides[direction].line) {
		struct fd_wait *wait = fd_wait_of(link);
		if (wait->waiter.state != WAITER_PENDING || wait->closed)
			continue;
		wait->error = error;
		waiter_wake(&wait->waiter);
	}
}

/* The poller refuses the fd: from now on it counts as always ready. */
static void take_for_file(struct fd *fd)
{
	fd->kind = FD_FILE;
	fd->pollable = false;
	fd->ready = BIT(READING) | BIT(WRITING);
}

/* Epoll knows; the other pollers report any file as ready. */
int fd_check_kind(struct fd *fd)
{
	if (fd->kind != FD_FILE || fd->pollable)
		return 0;
	int r = system_check_pollable(fd->number);
	fd->pollable = r == 0;
	return system_lacks(-r) ? -EPERM : r;
}

int fd_watch(struct io *io, struct fd *fd)
{
	fd_check_closed(io, fd);
	int r = fork_is_own(sched_of(io->loop)->fork_count) ? fd_check_kind(fd) : -EOWNERDEAD;
	if (r == 0)
		r = io->backend->arm(io, fd);
	fd->special &= (uint8_t)~FD_UNSURE;
	if (r == -EPERM)
		take_for_file(fd);
	return r;
}

int fd_arm(struct io *io, struct fd *fd, struct fd_wait *wait, enum direction direction)
{
	if (fd->busy & BIT(direction))
		return 0;
	int r = fd_watch(io, fd);
	if (r == 0)
		return 0;
	list_remove(&wait->waiter.link);
	return r == -EPERM ? 1 : r;
}

void fd_leave(struct io *io, struct fd *fd, enum direction direction)
{
	fd_pass_on(fd, direction); /* this one may have been woken */
	fd->special |= FD_UNSURE;
	if (io->backend->leave)
		io->backend->leave(io, fd);
}

int fd_wait(struct io *io, struct fd *fd, enum direction direction)
{
	return fd_wait_inline(io, fd, direction, false);
}

int fd_wait_again(struct io *io, struct fd *fd, enum direction direction)
{
	return fd_wait_inline(io, fd, direction, true);
}

int fd_stand_in_line(struct io *io, struct fd *fd, enum direction direction)
{
	struct fd_wait wait = {.waiter.state = WAITER_CANCELLED, .fd = fd};
	if (list_empty(&fd->sides[direction].line))
		return 0;
	list_append(&fd->sides[direction].line, &wait.waiter.link);
	return fd_wait_in_line(io, &wait, direction);
}

static void discard_turn(struct cleanup *cleanup)
{
	list_remove(&container_of(cleanup, struct fd_turn, cleanup)->wait.waiter.link);
}

/* Puts the caller first in line, as one that was woken and has not run yet. */
void fd_turn_begin(struct fd *fd, enum direction direction, struct fd_turn *turn)
{
	turn->wait = (struct fd_wait){.waiter.state = WAITER_WOKEN, .fd = fd};
	turn->direction = direction;
	list_append(fd->sides[direction].line.next, &turn->wait.waiter.link);
	cleanup_push(task_running(), &turn->cleanup, discard_turn);
}

void fd_turn_end(struct fd_turn *turn)
{
	cleanup_pop(&turn->cleanup);
	list_remove(&turn->wait.waiter.link);
}

/*
 * Asks which of these events there are, or blocks until there are some. Returns them, or -EAGAIN or
 * another error.
 */
static int ask(int number, short events, bool wait)
{
	const struct timespec none = {0};
	struct pollfd fd = {.fd = number, .events = events};
	int n;
	if (number < 0)
		return -EBADF; /* poll ignores negative fds */
	do {
		n = poll(&fd, 1, wait ? -1 : 0);
		if (n < 0 && (errno == EINVAL || system_lacks(errno)))
			n = poll_fds(&fd, 1, wait ? NULL : &none);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -EAGAIN : fd.revents & POLLNVAL ? -EBADF : fd.revents;
}

static const short events_of[DIRECTIONS] = {[READING] = POLLIN, [WRITING] = POLLOUT};

int fd_block(int number, enum direction direction)
{
	int r = ask(number, events_of[direction], true);
	return r < 0 ? r : 0;
}

int fd_ask(int number, enum direction direction)
{
	int r = ask(number, events_of[direction], false);
	return r < 0 ? r : 0;
}

/* -- pausing */

/* A task that pauses stays first in line. Like one whose call the kernel has, it keeps its turn. */
struct rest {
	struct fd_wait wait;
	struct cleanup cleanup;
};

/* Nothing to do: the pause is short. */
static void rest_closed(struct fd_wait *wait)
{
	(void)wait;
}

static void rest_discard(struct cleanup *cleanup)
{
	list_remove(&container_of(cleanup, struct rest, cleanup)->wait.waiter.link);
}

static int rest_in_line(struct fd *fd, enum direction direction, int64_t pause)
{
	struct rest rest = {
		.wait = {.waiter.state = WAITER_CANCELLED, .fd = fd, .closed = rest_closed},
	};
	list_append(fd->sides[direction].line.next, &rest.wait.waiter.link); /* in front */
	cleanup_push(task_running(), &rest.cleanup, rest_discard);
	int r = coro_sleep(pause);
	cleanup_pop(&rest.cleanup);
	list_remove(&rest.wait.waiter.link);
	if (!rest.wait.fd)
		return r < 0 ? r : -EBADF;
	if (r < 0)
		fd_wake_next(fd, direction);
	return r;
}

/*
 * Whether its direction of reading was shut down. Then a call that may block returns, but on datagram
 * sockets and unix listeners the kernel answers one that may not with -EAGAIN.
 */
static bool is_shut_down(const struct fd *fd)
{
	if (fd->kind != FD_SOCKET && fd->kind != FD_UNIX)
		return false;
	int events = ask(fd->number, POLLIN | POLLRDHUP, false);
	return events > 0 && events & POLLRDHUP;
}

int fd_rest(struct io *io, struct fd *fd, enum direction direction, int n)
{
	enum { LONGEST = 6 };
	if (fd->busy & BIT(direction))
		return 0; /* the thread at work makes an event when it is done */
	int r = fd_ask(fd->number, direction);
	if (r == -EAGAIN)
		return 0;
	if (r == 0 && n == 0)
		return 1; /* it may have become ready just now */
	if (r == 0 && direction == READING && is_shut_down(fd))
		r = -ESHUTDOWN;
	if (r < 0) {
		fd_wake_next(fd, direction);
		return r;
	}
	int64_t pause = CORO_MSEC << (n < LONGEST ? n - 1 : LONGEST - 1);
	struct timespec time = {.tv_nsec = pause};
	r = io ? rest_in_line(fd, direction, pause) : (nanosleep(&time, NULL), 0);
	return r < 0 ? r : 1;
}

/* -- the public calls */

/* Whether a thread has read bytes that were not taken yet. */
static bool has_result(const struct fd *fd, enum direction direction)
{
	return direction == READING && fd->sides[READING].blocking && !(fd->busy & BIT(READING));
}

/*
 * The record's `ready` may be out of date, since the caller reads and writes by other means. So this
 * asks the kernel first, and only then waits.
 */
static int wait_until_ready(int number, enum direction direction)
{
	struct io *io;
	struct fd *fd;
	int r = io_current(&io);
	if (r < 0)
		return r;
	if (!io)
		return fd_block(number, direction);
	r = fd_of(io, number, &fd);
	if (r == 0)
		r = fd_check_budget(io, fd);
	if (r == 0 && fd->kind == FD_FILE)
		r = fd_renew(io, &fd);
	if (r < 0)
		return r;
	io_use_budget(io, 0);
	for (bool again = false;; again = true) {
		r = has_result(fd, direction) ? 0 : fd_ask(number, direction);
		if (r != -EAGAIN)
			break;
		if (fd->kind != FD_FILE)
			fd->ready &= (uint8_t)~BIT(direction);
		r = again ? fd_wait_again(io, fd, direction) : fd_wait(io, fd, direction);
		if (r < 0)
			return r;
		if (fd->kind == FD_FILE && !fd->pollable)
			break;
	}
	fd_pass_on(fd, direction);
	return r;
}

int coro_readable(int fd)
{
	return fail_outcome(wait_until_ready(fd, READING));
}

int coro_writable(int fd)
{
	return fail_outcome(wait_until_ready(fd, WRITING));
}
