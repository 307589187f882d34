/* SPDX-License-Identifier: MIT */
/* The records that a loop keeps of fds: their kinds, making and forgetting them. */
#include "io/fd.h"

#include "base/memory.h"
#include "base/pieces.h"
#include "base/poll.h"
#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "coro/task.h"
#include "io/blocking.h"
#include "io/option.h"
#include "io/urgent.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- kinds */

static sa_family_t family_of(int number)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(address);
	getsockname(number, (struct sockaddr *)&address, &length);
	return address.ss_family;
}

static void examine_socket(struct fd *fd, int protocol)
{
	fd->kind = FD_SOCKET;
	sa_family_t family = family_of(fd->number);
	if (family == AF_UNIX && socket_option(fd->number, SO_TYPE) == SOCK_STREAM)
		fd->kind = FD_UNIX;
	else if ((family == AF_INET || family == AF_INET6) && protocol == IPPROTO_TCP)
		fd->kind = FD_TCP;
}

static int examine_other(struct fd *fd)
{
	struct stat status;
	if (fstat(fd->number, &status) < 0)
		return -errno;
	if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) {
		fd->kind = FD_FILE;
		return 0;
	}
	fd->kind = S_ISFIFO(status.st_mode) ? FD_PIPE : FD_DEVICE;
	return 0;
}

static void fd_init(struct fd *fd, int number)
{
	*fd = (struct fd){.number = number, .ready = BIT(READING) | BIT(WRITING), .own = -1};
	for (int i = 0; i < DIRECTIONS; i++)
		list_init(&fd->sides[i].line);
	list_init(&fd->link);
}

int fd_examine(struct fd *fd, int number)
{
	fd_init(fd, number);
	int protocol = system_protocol(number);
	if (protocol == -ENOTSOCK)
		return examine_other(fd);
	if (protocol < 0)
		return protocol;
	examine_socket(fd, protocol);
	return 0;
}

/* -- records */

/* Makes room for the record of a number. Returns 0 or -ENOMEM. */
static int reserve(struct io *io, int number)
{
	enum { FIRST = 64 };
	size_t count = io->fd_count ? io->fd_count : FIRST;
	if ((size_t)number < io->fd_count)
		return 0;
	while (count <= (size_t)number)
		count *= 2;
	struct fd **fds = memory_resize(io->fds, count * sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	memset(fds + io->fd_count, 0, (count - io->fd_count) * sizeof(*fds));
	io->fds = fds;
	io->fd_count = count;
	return 0;
}

/* Allocates a record, uninitialized. NULL without memory. */
static struct fd *allocate(struct io *io, int number)
{
	return reserve(io, number) == 0 ? slab_alloc(&io->records) : NULL;
}

/* A number that differs between most fds, but not between those without an inode. 0: not open. */
static uint64_t identity_of(int number)
{
	struct stat status;
	if (fstat(number, &status) < 0)
		return 0;
	return (uint64_t)status.st_dev << 48 ^ (uint64_t)status.st_ino;
}

/* Debug mode: reports an fd of the loop that was closed or replaced without coro_fd_close. */
static void report_closed(int fd)
{
	struct pieces text = {.count = 0};
	char number[16];
	snprintf(number, sizeof(number), "%d", fd);
	pieces_add(&text, "coro: fd ");
	pieces_add(&text, number);
	pieces_add(
		&text,
		" was closed, or is another now, and the loop was not told: use coro_fd_close or "
		"coro_fd_forget\n");
	pieces_write(&text);
}

void fd_say_closed(struct fd *fd)
{
	uint64_t before = fd->identity;
	fd->identity = identity_of(fd->number);
	if (before && fd->identity != before)
		report_closed(fd->number);
}

static void keep(struct io *io, struct fd *fd)
{
	if (unlikely(sched_of(io->loop)->debug))
		fd->identity = identity_of(fd->number);
	fd->generation = fd->watch = ++io->generation;
	fd->io = io;
	io->fds[fd->number] = fd;
}

/* Makes the record at the first use of an fd. A number that is not open costs no memory. */
int fd_create(struct io *io, int number, struct fd **ret)
{
	if (fcntl(number, F_GETFD) < 0)
		return -errno;
	struct fd *fd = allocate(io, number);
	if (!fd)
		return -ENOMEM;
	int r = fd_examine(fd, number);
	if (r < 0) {
		slab_free(fd);
		return r;
	}
	keep(io, fd);
	*ret = fd;
	return 0;
}

/* Whether the fd's kind has changed so that calls would go wrong: to or from a socket or a file. */
static bool is_another(const struct fd *fd)
{
	struct stat status;
	if (fstat(fd->number, &status) < 0)
		return false;
	bool is_socket = S_ISSOCK(status.st_mode);
	if (fd->kind == FD_FILE)
		return is_socket || S_ISFIFO(status.st_mode);
	return is_socket != (fd->kind <= FD_SOCKET);
}

int fd_renew(struct io *io, struct fd **ret)
{
	int number = (*ret)->number;
	if (!is_another(*ret))
		return 0;
	fd_check_closed(io, *ret);
	fd_forget(io, number);
	int r = fd_create(io, number, ret);
	return r < 0 ? r : 1;
}

void fd_received(struct io *io, int number, const struct fd *like)
{
	fd_forget(io, number);
	struct fd *fd = allocate(io, number);
	if (!fd)
		return; /* the first use makes the record */
	fd_init(fd, number);
	fd->kind = like->kind;
	keep(io, fd);
}

/* Empties a line. Those in it do not use the record any more. */
static void empty_line(struct fd *fd, enum direction direction)
{
	struct list *link;
	while ((link = list_pop(&fd->sides[direction].line))) {
		struct fd_wait *wait = fd_wait_of(link);
		wait->fd = NULL;
		if (wait->closed)
			wait->closed(wait);
		else
			waiter_wake(&wait->waiter);
	}
}

static void close_polls(struct fd *fd)
{
	struct list *link;
	while ((link = list_pop(&fd->polls))) {
		struct fd_poll *entry = fd_poll_of(link);
		entry->fd = NULL;
		entry->closed = true;
		entry->wake(entry, 0);
	}
	fd->polled = false;
}

/* Frees a record and what it owns. */
static void let_go(struct fd *fd)
{
	for (int i = 0; i < DIRECTIONS; i++)
		blocking_drop(fd, i);
	if (fd->own >= 0)
		close(fd->own);
	slab_free(fd);
}

void fd_dismiss(struct io *io, struct fd *fd)
{
	if (unlikely(fd->polled))
		close_polls(fd);
	for (int i = 0; i < DIRECTIONS; i++) {
		empty_line(fd, i);
		fd_callback_remove(io, fd, i);
	}
}

void fd_forget(struct io *io, int number)
{
	struct fd *fd = fd_find(io, number);
	if (unlikely(!list_empty(&io->urgent)))
		urgent_forget(io, number);
	if (!fd)
		return;
	fd_dismiss(io, fd);
	/* In a child of fork the poller's kernel objects are the parent's. */
	if (fork_is_own(sched_of(io->loop)->fork_count))
		io->backend->forget(io, fd);
	io->fds[number] = NULL;
	let_go(fd);
}

void fds_finish(struct io *io)
{
	for (size_t i = 0; i < io->fd_count; i++) {
		struct fd *fd = io->fds[i];
		if (!fd)
			continue;
		for (int side = 0; side < DIRECTIONS; side++)
			free(fd->sides[side].callback);
		let_go(fd);
	}
}

/* -- the public calls */

/* The io of the running loop. NULL for none. */
static struct io *running_io(void)
{
	fork_notice();
	struct coro_loop *loop = sched_loop(thread_current->sched);
	return loop && sched_of(loop)->poller ? io_made(loop) : NULL;
}

int coro_fd_forget(int fd)
{
	struct io *io = running_io();
	if (fd < 0)
		return fail_code(-EBADF);
	if (io)
		fd_forget(io, fd);
	return 0;
}

/*
 * With SO_LINGER and a time, close would block the thread until all is sent. Without, the system sends
 * it in the background.
 */
static void keep_close_from_blocking(const struct io *io, int number)
{
	const struct fd *fd = io ? fd_find(io, number) : NULL;
	struct linger linger;
	socklen_t length = sizeof(linger);
	if (fd && fd->kind != FD_TCP && fd->kind != FD_SOCKET)
		return;
	if (getsockopt(number, SOL_SOCKET, SO_LINGER, &linger, &length) < 0 || !linger.l_onoff ||
	    linger.l_linger == 0)
		return;
	linger.l_onoff = 0;
	setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

int coro_fd_close(int fd)
{
	const struct io *io = running_io();
	struct coro_loop *loop = sched_loop(thread_current->sched);
	struct extension *files = loop ? loop->extensions[EXTENSION_SOCKET_FILES] : NULL;
	if (files)
		files->closing_fd(files, loop, fd);
	/* In a child of fork the socket is the parent's too. */
	if (loop && fork_is_own(sched_of(loop)->fork_count))
		keep_close_from_blocking(io, fd);
	coro_fd_forget(fd);
	/* After EINTR the fd is closed all the same. */
	return close(fd) < 0 && errno != EINTR ? fail_code(-errno) : 0;
}

void fd_set_reset(int number)
{
	static const struct linger reset = {.l_onoff = 1};
	setsockopt(number, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

int coro_fd_reset(int fd)
{
	fd_set_reset(fd);
	return coro_fd_close(fd);
}

int coro_fd_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return fail_code(-errno);
	coro_fd_forget(fd);
	/* Other processes share these and do not expect O_NONBLOCK. */
	if (fd <= STDERR_FILENO || isatty(fd))
		return 0;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? fail_code(-errno) : 0;
}
