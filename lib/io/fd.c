/* SPDX-License-Identifier: MIT */
#include "io/fd.h"

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

/* -- waits */

static int describe_wait(const struct wait *wait, char *text, size_t size)
{
	const struct fd *fd = container_of(wait->waiter, struct fd_wait, waiter)->fd;
	if (!fd)
		return snprintf(text, size, "an fd that is closed");
	return snprintf(text, size, "fd %d, %s", fd->number, wait->kind->what);
}

const struct wait_kind fd_waiting[DIRECTIONS] = {
	[READING] = {.leave = waiter_leave, .what = "to read", .describe = describe_wait},
	[WRITING] = {.leave = waiter_leave, .what = "to write", .describe = describe_wait},
};

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

/* Room for a record of that number: 0 or -ENOMEM. */
static int reserve(struct io *io, int number)
{
	enum { FIRST = 64 };
	size_t count = io->fd_count ? io->fd_count : FIRST;
	if ((size_t)number < io->fd_count)
		return 0;
	while (count <= (size_t)number)
		count *= 2;
	struct fd **fds = realloc(io->fds, count * sizeof(*fds));
	if (!fds)
		return -ENOMEM;
	memset(fds + io->fd_count, 0, (count - io->fd_count) * sizeof(*fds));
	io->fds = fds;
	io->fd_count = count;
	return 0;
}

/* A record that is not filled in yet: NULL without memory. */
static struct fd *allocate(struct io *io, int number)
{
	return reserve(io, number) == 0 ? slab_alloc(&io->records) : NULL;
}

/* Tells most fds apart; those that have no file behind them are alike. 0: it is not open. */
static uint64_t identity_of(int number)
{
	struct stat status;
	if (fstat(number, &status) < 0)
		return 0;
	return (uint64_t)status.st_dev << 48 ^ (uint64_t)status.st_ino;
}

/* Debug mode: an fd that the loop knows was closed, or is another now. */
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
	if (unlikely(io->loop->debug))
		fd->identity = identity_of(fd->number);
	fd->generation = fd->watch = ++io->generation;
	io->fds[fd->number] = fd;
}

/* The first use of an fd. A number that is none costs no memory. */
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

/* As far as that would mislead calls: sockets have calls of their own, and files are not waited for. */
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
		return; /* it is made when it is first used */
	fd_init(fd, number);
	fd->kind = like->kind;
	keep(io, fd);
}

/* Who waits is off the line, and looks at the record no more. */
static void send_away(struct fd *fd, enum direction direction)
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

/* Frees a record, and what it has of its own. */
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
	for (int i = 0; i < DIRECTIONS; i++) {
		send_away(fd, i);
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
	/* After a fork, what the system watches is the parent's. */
	if (fork_is_own(io->loop->fork_count))
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

int fd_turn_over(struct io *io, struct fd *fd)
{
	int number = fd->number;
	uint32_t generation = fd->generation;
	int r = io_turn_over(io);
	if (r < 0)
		return r;
	return fd_is_still(io, fd, number, generation) ? 0 : -EBADF;
}

/* -- waiting */

/*
 * Not if one was woken who has yet to run, or the system has a call of somebody's: these will pass it
 * on.
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

void fd_event(struct io *io, struct fd *fd, unsigned ready, bool hung_up)
{
	fd->ready |= (uint8_t)ready;
	fd->hung_up |= hung_up;
	for (int i = 0; i < DIRECTIONS; i++) {
		struct fd_callback *callback = fd->sides[i].callback;
		if (!(ready & BIT(i)))
			continue;
		if (callback && callback->call.position == CALL_IDLE)
			call_push(io->loop, &callback->call);
		fd_wake_next(fd, i);
	}
}

void fd_fail(struct fd *fd, enum direction direction, int error)
{
	list_for_each(link, &fd->sides[direction].line) {
		struct fd_wait *wait = fd_wait_of(link);
		if (wait->waiter.state != WAITER_PENDING || wait->closed)
			continue;
		wait->error = error;
		waiter_wake(&wait->waiter);
	}
}

/* Its poller refuses it: from now on it is not waited for. */
static void take_for_file(struct fd *fd)
{
	fd->kind = FD_FILE;
	fd->ready = BIT(READING) | BIT(WRITING);
}

int fd_arm(struct io *io, struct fd *fd, struct fd_wait *wait, enum direction direction)
{
	if (fd->busy & BIT(direction))
		return 0;
	fd_check_closed(io, fd);
	int r = !fork_is_own(io->loop->fork_count) ? -EOWNERDEAD
		: fd->kind == FD_FILE              ? -EPERM
						   : io->backend->arm(io, fd);
	fd->special &= (uint8_t)~FD_UNSURE;
	if (r == 0)
		return 0;
	list_remove(&wait->waiter.link);
	if (r != -EPERM)
		return r;
	take_for_file(fd);
	return 1;
}

void fd_leave(struct io *io, struct fd *fd, enum direction direction)
{
	fd_pass_on(fd, direction); /* it may have been the one who was woken */
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

/* The first in line, as one who was woken and has yet to run. */
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

/* Asks, and may wait for it: 0; -EAGAIN: it is not ready; or an error. */
static int ask(int number, enum direction direction, bool wait)
{
	const struct timespec none = {0};
	struct pollfd fd = {.fd = number, .events = direction == READING ? POLLIN : POLLOUT};
	int n;
	if (number < 0)
		return -EBADF; /* which poll would pass over */
	do {
		n = poll(&fd, 1, wait ? -1 : 0);
		if (n < 0 && (errno == EINVAL || system_lacks(errno)))
			n = poll_fds(&fd, 1, wait ? NULL : &none);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -EAGAIN : fd.revents & POLLNVAL ? -EBADF : 0;
}

int fd_block(int number, enum direction direction)
{
	return ask(number, direction, true);
}

int fd_ask(int number, enum direction direction)
{
	return ask(number, direction, false);
}

/* -- resting */

/* One who rests is in line like one whose call the system has: nobody is woken in its place. */
struct rest {
	struct fd_wait wait;
	struct cleanup cleanup;
};

/* Its pause will be over soon. */
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
	list_append(fd->sides[direction].line.next, &rest.wait.waiter.link); /* its turn */
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

int fd_rest(struct io *io, struct fd *fd, enum direction direction, int n)
{
	enum { LONGEST = 6 };
	if (fd->busy & BIT(direction))
		return 0; /* the thread that is tells when it is not */
	int r = fd_ask(fd->number, direction);
	if (r == -EAGAIN)
		return 0;
	if (r < 0) {
		fd_wake_next(fd, direction);
		return r;
	}
	if (n == 0)
		return 1; /* it may have become so just now */
	int64_t pause = CORO_MSEC << (n < LONGEST ? n - 1 : LONGEST - 1);
	struct timespec time = {.tv_nsec = pause};
	r = io ? rest_in_line(fd, direction, pause) : (nanosleep(&time, NULL), 0);
	return r < 0 ? r : 1;
}

/* -- the public calls */

/* Whether a thread has read what nobody has taken yet. */
static bool has_result(const struct fd *fd, enum direction direction)
{
	return direction == READING && fd->sides[READING].blocking && !(fd->busy & BIT(READING));
}

/*
 * What is known of the fd may be out of date, since who waits this way reads by other means: so it
 * is asked, and only then waited for.
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
	io_spend(io, 0);
	for (bool again = false; fd->kind != FD_FILE; again = true) {
		r = has_result(fd, direction) ? 0 : fd_ask(number, direction);
		if (r != -EAGAIN)
			break;
		fd->ready &= (uint8_t)~BIT(direction);
		r = again ? fd_wait_again(io, fd, direction) : fd_wait(io, fd, direction);
		if (r < 0)
			return r;
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

/* The io of the loop that runs here, NULL if there is none. */
static struct io *running_io(void)
{
	fork_notice();
	struct coro_loop *loop = thread_current->loop;
	return loop && loop->poller ? io_made(loop) : NULL;
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

int coro_fd_close(int fd)
{
	struct coro_loop *loop = thread_current->loop;
	struct extension *files = loop ? loop->extensions[EXTENSION_SOCKET_FILES] : NULL;
	if (files)
		files->closing_fd(files, loop, fd);
	coro_fd_forget(fd);
	/* One that a signal has interrupted is closed all the same. */
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
	/* Others share these, and would not expect it. */
	if (fd <= STDERR_FILENO || isatty(fd))
		return 0;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? fail_code(-errno) : 0;
}
