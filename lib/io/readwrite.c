/* SPDX-License-Identifier: MIT */
#include "io/readwrite.h"

#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "io/file.h"
#include "io/nowait.h"
#include "io/option.h"

#include <limits.h>

/* -- reading */

/* Asks the kernel whether a short read of this many bytes has emptied the stream. */
static __attribute__((noinline)) void examine_short_read(struct fd *fd, uint32_t bytes)
{
	int r = fd_ask(fd->number, READING);
	if (r == -EAGAIN) {
		fd->proven = bytes;
		fd->ready &= (uint8_t)~BIT(READING);
	} else if (r == 0) {
		fd->doubted = bytes;
	}
}

/*
 * A read on a stream returns all there is. So a short read has emptied it, and the next read waits
 * for an event instead of trying. This saves a system call for each message. It is wrong if something
 * cuts reads short: a protocol above the stream, or an interposed library. So a short read is
 * believed up to the largest size for which it was proven, and not from the smallest size on for
 * which it was refuted. In between the kernel is asked, at once: later, the answer to a message
 * written meanwhile would look like a refutation. A read of one byte proves nothing.
 */
static inline void note(const struct transfer *transfer, struct fd *fd, ssize_t got)
{
	enum { LEAVES_SOME = MSG_PEEK | MSG_OOB };
	if (transfer->flags & LEAVES_SOME)
		return;
	if (got <= 1 || (size_t)got >= transfer_length(transfer) || (uint64_t)got > UINT32_MAX ||
	    fd->hung_up)
		return;
	uint32_t bytes = (uint32_t)got;
	if (unlikely(fd->doubted) && bytes >= fd->doubted)
		return;
	if (likely(bytes <= fd->proven))
		fd->ready &= (uint8_t)~BIT(READING);
	else
		examine_short_read(fd, bytes);
}

void note_read(const struct transfer *transfer, struct fd *fd, ssize_t got)
{
	note(transfer, fd, got);
}

/* On a unix socket a read also ends where fds were sent. MSG_CTRUNC tells that. */
static ssize_t read_unix(struct transfer *transfer, struct fd *fd)
{
	struct msghdr message = {
		.msg_iov = (struct iovec *)transfer->vec,
		.msg_iovlen = (size_t)transfer->count,
	};
	ssize_t n = RESULT(recvmsg(fd->number, &message, transfer->flags | MSG_DONTWAIT));
	if (!(message.msg_flags & MSG_CTRUNC))
		note(transfer, fd, n);
	return n;
}

static ssize_t read_pieces(struct transfer *transfer, struct fd *fd)
{
	struct msghdr message = {
		.msg_iov = (struct iovec *)transfer->vec,
		.msg_iovlen = (size_t)transfer->count,
	};
	return RESULT(recvmsg(fd->number, &message, transfer->flags | MSG_DONTWAIT));
}

static inline ssize_t read_socket(struct transfer *transfer, struct fd *fd)
{
	const struct iovec *vec = transfer->vec;
	int flags = transfer->flags | MSG_DONTWAIT;
	ssize_t n = transfer->count == 1
			    ? RESULT(recv(fd->number, vec->iov_base, vec->iov_len, flags))
			    : read_pieces(transfer, fd);
	if (fd->kind == FD_TCP)
		note(transfer, fd, n);
	return n;
}

static inline ssize_t read_any(struct transfer *transfer, struct fd *fd)
{
	if (likely(fd->kind == FD_TCP || fd->kind == FD_SOCKET))
		return read_socket(transfer, fd);
	return fd->kind == FD_UNIX ? read_unix(transfer, fd) : nowait_attempt(transfer, fd);
}

ssize_t attempt_read(struct transfer *transfer, struct fd *fd)
{
	return read_any(transfer, fd);
}

/* -- writing */

/* The most bytes that one call writes to a stream. A fast peer would otherwise hold the loop. */
enum { MOST_AT_ONCE = 1 << 20 };

/* The number of pieces to write at once, at least one. */
static size_t pieces_at_once(const struct transfer *transfer)
{
	size_t length = transfer->vec->iov_len;
	int count = 1;
	while (count < transfer->count && length < MOST_AT_ONCE)
		length += transfer->vec[count++].iov_len;
	return (size_t)count;
}

static ssize_t write_pieces(struct transfer *transfer, struct fd *fd)
{
	bool is_stream = fd->kind <= FD_UNIX; /* else it is one message of any length */
	struct msghdr message = {
		.msg_iov = (struct iovec *)transfer->vec,
		.msg_iovlen = is_stream ? pieces_at_once(transfer) : (size_t)transfer->count,
	};
	return RESULT(sendmsg(fd->number, &message, transfer->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

static __attribute__((noinline)) ssize_t write_much(struct transfer *transfer, struct fd *fd)
{
	const struct iovec *vec = transfer->vec;
	int flags = transfer->flags | MSG_DONTWAIT | MSG_NOSIGNAL;
	if (vec->iov_len <= MOST_AT_ONCE || fd->kind > FD_UNIX)
		return write_pieces(transfer, fd);
	return RESULT(send(fd->number, vec->iov_base, MOST_AT_ONCE, flags));
}

static inline ssize_t write_socket(struct transfer *transfer, struct fd *fd)
{
	const struct iovec *vec = transfer->vec;
	int flags = transfer->flags | MSG_DONTWAIT | MSG_NOSIGNAL;
	if (unlikely(transfer->count != 1 || vec->iov_len > MOST_AT_ONCE))
		return write_much(transfer, fd);
	return RESULT(send(fd->number, vec->iov_base, vec->iov_len, flags));
}

static inline ssize_t write_any(struct transfer *transfer, struct fd *fd)
{
	return likely(fd->kind <= FD_SOCKET) ? write_socket(transfer, fd)
					     : nowait_attempt(transfer, fd);
}

ssize_t attempt_write(struct transfer *transfer, struct fd *fd)
{
	return write_any(transfer, fd);
}

/* -- the public calls */

static inline __attribute__((always_inline)) ssize_t read_into(int fd, const struct iovec *vec,
							       int count)
{
	return transfer_run(&(struct transfer){
		.call = CALL_READ,
		.attempt = read_any,
		.file = file_read,
		.direction = READING,
		.number = fd,
		.vec = vec,
		.count = count,
	});
}

static inline __attribute__((always_inline)) ssize_t write_from(int fd, const struct iovec *vec,
								int count)
{
	return transfer_run(&(struct transfer){
		.call = CALL_WRITE,
		.attempt = write_any,
		.file = file_write,
		.direction = WRITING,
		.number = fd,
		.whole = true,
		.vec = vec,
		.count = count,
	});
}

/*
 * A read or write of no bytes, which does not wait (POSIX). The call only checks the fd for errors:
 * the kernel does not pass an empty vector to a driver.
 */
static __attribute__((noinline)) ssize_t read_nothing(int fd)
{
	struct iovec empty = {.iov_base = (char *)"", .iov_len = 0};
	ssize_t n = RESULT(readv(fd, &empty, 1));
	return n < 0 ? transfer_failed(n) : n;
}

static ssize_t write_nothing(int fd)
{
	struct iovec empty = {.iov_base = (char *)"", .iov_len = 0};
	ssize_t n = RESULT(writev(fd, &empty, 1));
	return n < 0 ? transfer_failed(n) : n;
}

/* Whether a write of no bytes sends an empty message. */
static bool sends_messages(int fd)
{
	int type = socket_option(fd, SO_TYPE);
	return type >= 0 && type != SOCK_STREAM;
}

ssize_t coro_read(int fd, void *bytes, size_t length)
{
	if (unlikely(length == 0))
		return read_nothing(fd);
	struct iovec vec = {.iov_base = bytes, .iov_len = length};
	return read_into(fd, &vec, 1);
}

/* Writes no bytes. On a socket of messages this sends an empty one. */
static __attribute__((noinline)) ssize_t write_empty(int fd)
{
	struct iovec empty = {.iov_base = (char *)"", .iov_len = 0};
	return sends_messages(fd) ? write_from(fd, &empty, 1) : write_nothing(fd);
}

ssize_t coro_write(int fd, const void *bytes, size_t length)
{
	if (unlikely(length == 0))
		return write_empty(fd);
	struct iovec vec = {.iov_base = (void *)bytes, .iov_len = length};
	return write_from(fd, &vec, 1);
}

static bool vector_is_wrong(const struct iovec *vec, int count)
{
	return count < 0 || count > IOV_MAX || (!vec && count > 0);
}

static bool vector_is_empty(const struct iovec *vec, int count)
{
	while (count > 0 && vec->iov_len == 0)
		vec++, count--;
	return count == 0;
}

ssize_t coro_readv(int fd, const struct iovec *vec, int count)
{
	if (vector_is_wrong(vec, count))
		return fail_with(-EINVAL, "coro_readv: an argument is NULL or out of range");
	return vector_is_empty(vec, count) ? read_nothing(fd) : read_into(fd, vec, count);
}

ssize_t coro_writev(int fd, const struct iovec *vec, int count)
{
	if (vector_is_wrong(vec, count))
		return fail_with(-EINVAL, "coro_writev: an argument is NULL or out of range");
	return vector_is_empty(vec, count) ? write_nothing(fd) : write_from(fd, vec, count);
}

/* Sockets have no offsets: the system call returns the error. */
static ssize_t read_at(struct transfer *transfer, struct fd *fd)
{
	if (fd->kind > FD_SOCKET)
		return nowait_attempt(transfer, fd);
	return RESULT(preadv(fd->number, transfer->vec, transfer->count, *transfer->offset));
}

static ssize_t write_at(struct transfer *transfer, struct fd *fd)
{
	if (fd->kind > FD_SOCKET)
		return nowait_attempt(transfer, fd);
	return RESULT(pwritev(fd->number, transfer->vec, transfer->count, *transfer->offset));
}

ssize_t coro_pread(int fd, void *bytes, size_t length, off_t offset)
{
	if (offset < 0)
		return fail_with(-EINVAL, "coro_pread: an argument is NULL or out of range");
	return transfer_run(&(struct transfer){
		.call = CALL_READ,
		.attempt = read_at,
		.file = file_read,
		.direction = READING,
		.number = fd,
		.vec = &(struct iovec){.iov_base = bytes, .iov_len = length},
		.count = 1,
		.offset = &offset,
	});
}

ssize_t coro_pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	if (offset < 0)
		return fail_with(-EINVAL, "coro_pwrite: an argument is NULL or out of range");
	return transfer_run(&(struct transfer){
		.call = CALL_WRITE,
		.attempt = write_at,
		.file = file_write,
		.direction = WRITING,
		.number = fd,
		.vec = &(struct iovec){.iov_base = (void *)bytes, .iov_len = length},
		.count = 1,
		.offset = &offset,
	});
}
