/* SPDX-License-Identifier: MIT */
/* Calls on sockets. */
#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "coro/task.h"
#include "io/blocking.h"
#include "io/option.h"
#include "io/readwrite.h"
#include "sched/fault.h"

#include <fcntl.h>
#include <string.h>

/* -- bytes */

/* attempt_read for sockets only. */
static ssize_t attempt_recv(struct transfer *transfer, struct fd *fd)
{
	return fd->kind > FD_SOCKET ? -ENOTSOCK : attempt_read(transfer, fd);
}

static ssize_t attempt_send(struct transfer *transfer, struct fd *fd)
{
	return fd->kind > FD_SOCKET ? -ENOTSOCK : attempt_write(transfer, fd);
}

/* Whether a call with these flags waits until there is no room left. */
static bool waits_for_all(int flags)
{
	return flags & MSG_WAITALL && !(flags & (MSG_DONTWAIT | MSG_PEEK));
}

ssize_t coro_recv(int fd, void *bytes, size_t length, int flags)
{
	return transfer_run(&(struct transfer){
		.call = CALL_RECV,
		.attempt = attempt_recv,
		.direction = READING,
		.number = fd,
		.flags = flags,
		.whole = waits_for_all(flags),
		.vec = &(struct iovec){.iov_base = bytes, .iov_len = length},
		.count = 1,
	});
}

/*
 * Sends nothing on a stream, which does not wait. Returns 0 or an error; -EAGAIN if the socket is no
 * stream, so that an empty message is to be sent.
 */
static ssize_t send_nothing(int fd, int flags)
{
	int type = socket_option(fd, SO_TYPE);
	if (type < 0)
		return type;
	return type == SOCK_STREAM ? RESULT(send(fd, "", 0, flags | MSG_DONTWAIT | MSG_NOSIGNAL))
				   : -EAGAIN;
}

ssize_t coro_sendall(int fd, const void *bytes, size_t length, int flags)
{
	if (unlikely(length == 0)) {
		ssize_t r = send_nothing(fd, flags);
		if (r != -EAGAIN)
			return r < 0 ? transfer_failed(r) : r;
	}
	return transfer_run(&(struct transfer){
		.call = CALL_SEND,
		.attempt = attempt_send,
		.direction = WRITING,
		.number = fd,
		.flags = flags,
		.whole = !(flags & MSG_DONTWAIT),
		.vec = &(struct iovec){.iov_base = (void *)bytes, .iov_len = length},
		.count = 1,
	});
}

/* -- messages */

static ssize_t attempt_recvmsg(struct transfer *transfer, struct fd *fd)
{
	struct msghdr *message = transfer->message;
	ssize_t n = RESULT(recvmsg(fd->number, message, transfer->flags | MSG_DONTWAIT));
	/* A read that received fds ends there, and so proves nothing. */
	bool alone = n < 0 || (message->msg_controllen == 0 && !(message->msg_flags & MSG_CTRUNC));
	if (alone && (fd->kind == FD_TCP || fd->kind == FD_UNIX))
		note_read(transfer, fd, n);
	return n;
}

/*
 * Receives more of a message, unless control data came with the part before: what follows is another
 * message, and its control data would take the place of the first.
 */
static ssize_t attempt_recvmsg_rest(struct transfer *transfer, struct fd *fd)
{
	struct msghdr *message = transfer->message;
	struct msghdr rest = {
		.msg_iov = (struct iovec *)transfer->vec,
		.msg_iovlen = (size_t)transfer->count,
		.msg_control = message->msg_control,
		.msg_controllen = transfer->control_room,
	};
	if (message->msg_controllen > 0 || message->msg_flags & MSG_CTRUNC)
		return 0;
	ssize_t n = RESULT(recvmsg(fd->number, &rest, transfer->flags | MSG_DONTWAIT));
	if (n >= 0) {
		message->msg_controllen = rest.msg_controllen;
		message->msg_flags = rest.msg_flags;
	}
	return n;
}

static ssize_t attempt_sendmsg(struct transfer *transfer, struct fd *fd)
{
	return RESULT(sendmsg(fd->number, transfer->message,
			      transfer->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* Has the loop forget the number of an fd that was received. */
static void forget_received(int fd)
{
	coro_fd_forget(fd);
}

ssize_t coro_recvmsg(int fd, struct msghdr *message, int flags)
{
	if (!message)
		return fail_with(-EINVAL, "coro_recvmsg: message is NULL");
	ssize_t n = transfer_run(&(struct transfer){
		.call = CALL_RECVMSG,
		.attempt = attempt_recvmsg,
		.attempt_rest = attempt_recvmsg_rest,
		.direction = READING,
		.number = fd,
		.flags = flags,
		.whole = waits_for_all(flags),
		.vec = message->msg_iov,
		.count = (int)message->msg_iovlen,
		.message = message,
		.control_room = message->msg_control ? message->msg_controllen : 0,
	});
	if (n >= 0 && message->msg_control)
		transfer_each_fd(message, forget_received);
	return n;
}

ssize_t coro_sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (!message)
		return fail_with(-EINVAL, "coro_sendmsg: message is NULL");
	return transfer_run(&(struct transfer){
		.call = CALL_SENDMSG,
		.attempt = attempt_sendmsg,
		.attempt_rest = attempt_send,
		.direction = WRITING,
		.number = fd,
		.flags = flags,
		.whole = !(flags & MSG_DONTWAIT),
		.vec = message->msg_iov,
		.count = (int)message->msg_iovlen,
		.message = (struct msghdr *)message,
	});
}

ssize_t coro_recvfrom(int fd, void *bytes, size_t length, int flags, struct sockaddr *address,
		      socklen_t *address_length)
{
	struct iovec vec = {.iov_base = bytes, .iov_len = length};
	struct msghdr message = {
		.msg_name = address,
		.msg_namelen = address && address_length ? *address_length : 0,
		.msg_iov = &vec,
		.msg_iovlen = 1,
	};
	ssize_t n = coro_recvmsg(fd, &message, flags);
	if (n >= 0 && address && address_length)
		*address_length = message.msg_namelen;
	return n;
}

ssize_t coro_sendto(int fd, const void *bytes, size_t length, int flags,
		    const struct sockaddr *address, socklen_t address_length)
{
	struct iovec vec = {.iov_base = (void *)bytes, .iov_len = length};
	struct msghdr message = {
		.msg_name = (void *)address,
		.msg_namelen = address_length,
		.msg_iov = &vec,
		.msg_iovlen = 1,
	};
	return coro_sendmsg(fd, &message, flags);
}

/* -- connections */

/*
 * Whether an error of accept is the connection's and not the listening socket's, so that accept is
 * tried again. Linux also returns errors that the new connection has already, and a firewall's.
 */
static bool is_of_connection(int listening, int error)
{
	switch (error) {
	case -ECONNABORTED:
	case -ECONNRESET:
	case -ETIMEDOUT:
	case -EPROTO:
	case -ENOPROTOOPT:
	case -ENETDOWN:
	case -ENETUNREACH:
	case -EHOSTDOWN:
	case -EHOSTUNREACH:
	case -ENONET:
		return true;
	case -EOPNOTSUPP: /* may also mean that it does not listen */
	case -EPERM:
	case -ENOSR:
	case -EPROTONOSUPPORT:
	case -ESOCKTNOSUPPORT:
		return socket_option(listening, SO_ACCEPTCONN) > 0;
	default:
		return false;
	}
}

/* Accepts where the system has no accept4. */
static ssize_t accept_plainly(const struct transfer *transfer, const struct fd *fd)
{
	ssize_t accepted =
		RESULT(accept(fd->number, transfer->peer.address, transfer->peer.length));
	if (accepted >= 0) {
		fcntl((int)accepted, F_SETFD, FD_CLOEXEC);
		fcntl((int)accepted, F_SETFL, fcntl((int)accepted, F_GETFL) | O_NONBLOCK);
	}
	return accepted;
}

static bool is_nonblocking(int number)
{
	int flags = fcntl(number, F_GETFL);
	return flags < 0 || flags & O_NONBLOCK;
}

/* Sets O_NONBLOCK. Others who share the description may clear it again. */
static int set_nonblocking(int number)
{
	int flags = fcntl(number, F_GETFL);
	if (flags < 0)
		return -errno;
	return flags & O_NONBLOCK || fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

/*
 * Keeps accept from blocking. It has no flag for that, and another process may take a connection
 * before it is accepted. Others who share the socket may clear O_NONBLOCK, so it is checked again
 * after each switch of tasks.
 */
static int keep_from_blocking(struct fd *fd)
{
	if (fd->access == ACCESS_BLOCKING)
		return 0;
	uint32_t now = (uint32_t)thread_current->sched->ready.head;
	if (fd->nonblocking_at == now)
		return 0;
	int r = set_nonblocking(fd->number);
	if (r == 0)
		fd->nonblocking_at = now;
	return r;
}

static ssize_t attempt_accept(struct transfer *transfer, struct fd *fd)
{
	int r = keep_from_blocking(fd);
	if (r < 0)
		return r;
	ssize_t accepted =
		RESULT(system_accept(fd->number, transfer->peer.address, transfer->peer.length));
	if (accepted >= 0 || !system_lacks((int)-accepted))
		return accepted;
	/* The error may be a firewall's for one connection. Do not block for the next one. */
	r = fd_ask(fd->number, READING);
	return r < 0 ? r : accept_plainly(transfer, fd);
}

/* Has the running loop make the record of an accepted connection. */
static void note_accepted(int listening, int accepted)
{
	struct coro_loop *loop = sched_loop(thread_current->sched);
	struct sched *sched = sched_of(loop);
	struct io *io = loop && sched->poller ? io_made(loop) : NULL;
	const struct fd *like = io && sched->running ? fd_find(io, listening) : NULL;
	if (like)
		fd_received(io, accepted, like);
	else if (io)
		fd_forget(io, accepted);
}

/* Moves an fd above the standard streams. If that fails, keeps it where it is. */
static int above_streams(int accepted)
{
	int moved = accepted > 2 ? accepted : fcntl(accepted, F_DUPFD_CLOEXEC, 3);
	if (moved < 0 || moved == accepted)
		return accepted;
	close(accepted);
	return moved;
}

int coro_accept(int fd, struct sockaddr *address, socklen_t *length)
{
	if (address && !length)
		return fail_with(-EINVAL, "coro_accept: an argument is NULL or out of range");
	struct transfer transfer = {
		.call = CALL_ACCEPT,
		.attempt = attempt_accept,
		.direction = READING,
		.number = fd,
		.peer = {address, address ? length : NULL},
	};
	enum { TRIES = 64 }; /* bounds a lasting error that looks like a connection's */
	socklen_t room = address ? *length : 0;
	int accepted = (int)transfer_run(&transfer);
	for (int tries = 1; tries < TRIES && is_of_connection(fd, accepted); tries++) {
		if (address)
			*length = room;
		accepted = (int)transfer_run(&transfer);
	}
	if (accepted < 0)
		return accepted;
	accepted = above_streams(accepted);
	note_accepted(fd, accepted);
	return accepted;
}

static int connect_now(int number, const struct sockaddr *address, socklen_t length)
{
	int r = (int)RESULT(connect(number, address, length));
	/* A connect that was interrupted or cancelled before goes on. */
	return r == -EALREADY ? -EINPROGRESS : r;
}

/* Asks the socket for the result of connect. Returns 0, an error, or -EINPROGRESS. */
static int connect_error(int number)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	int error = socket_option(number, SO_ERROR);
	if (error != 0)
		return error < 0 ? error : -error;
	if (getpeername(number, (struct sockaddr *)&peer, &length) == 0)
		return 0;
	return errno == ENOTCONN ? -EINPROGRESS : -errno;
}

static int connect_outcome(const struct fd *fd, const struct sockaddr *address, socklen_t length)
{
	if (!SYSTEM_CONNECT_TELLS || !is_nonblocking(fd->number))
		return connect_error(fd->number);
	int r = connect_now(fd->number, address, length);
	return r == -EISCONN ? 0 : r;
}

/* Retries a unix socket whose listener's backlog is full. No event tells when it is not. */
static int connect_later(struct io *io, const struct fd *fd, const struct sockaddr *address,
			 socklen_t length)
{
	int64_t delay = CORO_MSEC;
	uint32_t generation = fd->generation;
	int number = fd->number, r;
	do {
		struct timespec time = {.tv_nsec = delay};
		r = io ? coro_sleep(delay) : (nanosleep(&time, NULL), 0);
		if (r < 0)
			return r;
		if (io && !fd_is_still(io, fd, number, generation))
			return -EBADF;
		delay += delay < 32 * CORO_MSEC ? delay : 0;
		r = connect_now(number, address, length);
	} while (r == -EAGAIN);
	return r;
}

/* Whether connect would block. */
static bool may_block(int number)
{
	return !is_nonblocking(number) && socket_option(number, SO_TYPE) != SOCK_DGRAM;
}

static ssize_t make_connect(struct blocking *blocking)
{
	return RESULT(connect(blocking->fd, (const struct sockaddr *)blocking->bytes,
			      (socklen_t)blocking->length));
}

/*
 * Connects in a thread, since O_NONBLOCK is left as it is: others may share it. A cancellation
 * interrupts the thread, and the kernel goes on connecting.
 */
static int connect_by_thread(struct io *io, struct fd *fd, const struct sockaddr *address,
			     socklen_t length)
{
	uint32_t generation = fd->generation;
	int number = fd->number;
	if (fd->sides[WRITING].blocking)
		return -EALREADY; /* another task connects it */
	if (length < sizeof(address->sa_family) || length > sizeof(struct sockaddr_storage))
		return -EINVAL;
	struct blocking *blocking;
	int r = blocking_create(length, &blocking);
	if (r < 0)
		return r;
	memcpy(blocking->bytes, address, length);
	blocking->make = make_connect;
	blocking->owner = task_running();
	r = blocking_start(blocking, io, fd, WRITING);
	while (r == 0 && !blocking->over) {
		r = fd_wait(io, fd, WRITING);
		if (!fd_is_still(io, fd, number, generation))
			return r < 0 ? r : -EBADF;
	}
	if (r == 0)
		r = (int)blocking->result;
	blocking_drop(fd, WRITING);
	return r;
}

/* Connects and waits for the result. io is NULL outside of tasks. */
static int connect_by_attempts(struct io *io, struct fd *fd, const struct sockaddr *address,
			       socklen_t length)
{
	fd->ready &= (uint8_t)~BIT(WRITING);
	fd->hung_up = false;
	if (io && may_block(fd->number))
		return connect_by_thread(io, fd, address, length);
	int r = connect_now(fd->number, address, length);
	if (r == -EAGAIN)
		r = connect_later(io, fd, address, length);
	for (int woken = -1; r == -EINPROGRESS; woken++) {
		fd->ready &= (uint8_t)~BIT(WRITING);
		r = woken < 0 ? 0 : fd_rest(io, fd, WRITING, woken);
		if (r == 0)
			r = io ? fd_wait(io, fd, WRITING) : fd_block(fd->number, WRITING);
		if (r < 0)
			return r;
		r = connect_outcome(fd, address, length);
	}
	if (r == 0)
		fd->ready |= BIT(WRITING);
	return r;
}

/* Has the poller make the call. Returns -EAGAIN if it cannot. */
static int connect_as_whole(struct io *io, struct fd *fd, const struct sockaddr *address,
			    socklen_t length)
{
	if (!io->backend->perform)
		return -EAGAIN;
	int r = fd_stand_in_line(io, fd, WRITING);
	if (r < 0)
		return r;
	r = (int)io->backend->perform(io, fd,
				      &(struct transfer){
					      .call = CALL_CONNECT,
					      .direction = WRITING,
					      .peer = {(struct sockaddr *)address, &length},
				      });
	/* A connect that was cancelled before is waited for by attempts. */
	return r == -EINPROGRESS || r == -EALREADY ? -EAGAIN : r;
}

static int connect_in_task(struct io *io, int number, const struct sockaddr *address,
			   socklen_t length)
{
	struct fd *fd;
	int r = fd_of(io, number, &fd);
	if (r == 0)
		r = fd_check_budget(io, fd);
	if (r < 0)
		return r;
	r = connect_as_whole(io, fd, address, length);
	if (r != -EAGAIN)
		return r;
	fd = fd_find(io, number);
	return fd ? connect_by_attempts(io, fd, address, length) : -EBADF;
}

static int connect_socket(int fd, const struct sockaddr *address, socklen_t length)
{
	struct io *io;
	struct fd own;
	int r = io_current(&io);
	if (r < 0)
		return r;
	if (io)
		return connect_in_task(io, fd, address, length);
	r = fd_examine(&own, fd);
	return r < 0 ? r : connect_by_attempts(NULL, &own, address, length);
}

int coro_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int r = fault_of(FAULT_CONNECT);
	if (r < 0)
		return r;
	r = connect_socket(fd, address, length);
	return r < 0 ? (int)transfer_failed(r) : r;
}
