/* SPDX-License-Identifier: MIT */
#include "io/bytes.h"

#include "base/system.h"
#include "coro/io.h"
#include "io/file.h"
#include "io/quiet.h"

#include <limits.h>

/* -- reading */

/* Asks whether a read of so few bytes has emptied the stream, as it seems. */
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
 * A stream gives all it has, so a read that gets less than it asked for has emptied it, and the next
 * one need not be tried before there is an event. That saves a call for each message, but is wrong
 * where something cuts reads short: a protocol above the stream, or a library before the system's.
 * So it is believed up to the most bytes for which it was seen to be true, and below those for which
 * it was not; and between the two the system is asked, at once: later, an answer to what was written
 * meanwhile would look like more of the same. One byte alone proves nothing.
 */
static inline void note(const struct transfer *transfer, struct fd *fd, ssize_t got)
{
	enum { LEAVES_SOME = MSG_PEEK | MSG_OOB };
	if (transfer->flags & LEAVES_SOME)
		return;
	if (got <= 1 || (size_t)got >= transfer_length(transfer) || got > UINT32_MAX || fd->hung_up)
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

/* A read here also ends where something else than bytes comes along, which the message tells. */
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

static ssize_t readv_now(int number, const struct iovec *vec, int count)
{
	return count == 1 ? RESULT(read(number, vec->iov_base, vec->iov_len))
			  : RESULT(readv(number, vec, count));
}

#if SYSTEM_NOWAIT
/* The kernel has no such flag for the fd, or no call with flags at all. */
static bool is_unknown_flag(ssize_t error)
{
	return error == -EOPNOTSUPP || system_lacks((int)-error);
}
#endif

static ssize_t read_other(struct transfer *transfer, struct fd *fd)
{
#if SYSTEM_NOWAIT
	if (fd->access == ACCESS_FLAG) {
		ssize_t n =
			RESULT(preadv2(fd->number, transfer->vec, transfer->count, -1, RWF_NOWAIT));
		if (!is_unknown_flag(n))
			return n;
		fd->access = ACCESS_ASK;
	}
#endif
	if (fd->access == ACCESS_ASK) {
		int r = fd_ask(fd->number, READING);
		if (r < 0)
			return r;
	}
	return readv_now(fd->number, transfer->vec, transfer->count);
}

static inline ssize_t read_any(struct transfer *transfer, struct fd *fd)
{
	if (likely(fd->kind == FD_TCP || fd->kind == FD_SOCKET))
		return read_socket(transfer, fd);
	return fd->kind == FD_UNIX ? read_unix(transfer, fd) : read_other(transfer, fd);
}

ssize_t attempt_read(struct transfer *transfer, struct fd *fd)
{
	return read_any(transfer, fd);
}

/* -- writing */

/*
 * Bytes that one call writes to a stream at the most: where the peer takes them as fast as they come,
 * there is no other end to it.
 */
enum { MOST_AT_ONCE = 1 << 20 };

/* How many of the pieces to write at once, at least one. */
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
	bool is_stream = fd->kind <= FD_UNIX; /* else it is one message, however long */
	struct msghdr message = {
		.msg_iov = (struct iovec *)transfer->vec,
		.msg_iovlen = is_stream ? pieces_at_once(transfer) : (size_t)transfer->count,
	};
	return RESULT(sendmsg(fd->number, &message, transfer->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

static inline ssize_t write_socket(struct transfer *transfer, struct fd *fd)
{
	const struct iovec *vec = transfer->vec;
	int flags = transfer->flags | MSG_DONTWAIT | MSG_NOSIGNAL;
	size_t length = vec->iov_len;
	if (unlikely(length > MOST_AT_ONCE) && fd->kind <= FD_UNIX)
		length = MOST_AT_ONCE;
	else if (unlikely(transfer->count != 1))
		return write_pieces(transfer, fd);
	return RESULT(send(fd->number, vec->iov_base, length, flags));
}

static ssize_t writev_now(int number, const struct iovec *vec, int count, int flags)
{
#if SYSTEM_NOWAIT
	if (flags)
		return RESULT(pwritev2(number, vec, count, -1, flags));
#endif
	return count == 1 ? RESULT(write(number, vec->iov_base, vec->iov_len))
			  : RESULT(writev(number, vec, count));
}

/* To a pipe, which raises SIGPIPE if nobody reads from it. */
static ssize_t write_quietly(int number, const struct iovec *vec, int count, int flags)
{
#if SYSTEM_NOWAIT
	static bool no_flag; /* the kernel does not know it */
	bool by_flag = !__atomic_load_n(&no_flag, __ATOMIC_RELAXED);
	if (by_flag) {
		ssize_t n = writev_now(number, vec, count, flags | RWF_NOSIGNAL);
		if (!is_unknown_flag(n))
			return n;
	}
#endif
	struct quiet quiet;
	quiet_begin(&quiet);
	ssize_t n = writev_now(number, vec, count, flags);
	quiet_end(&quiet, n == -EPIPE);
#if SYSTEM_NOWAIT
	if (by_flag && !is_unknown_flag(n))
		__atomic_store_n(&no_flag, true, __ATOMIC_RELAXED);
#endif
	return n;
}

static ssize_t write_flagged(const struct fd *fd, const struct iovec *vec, int count, int flags)
{
	return fd->kind == FD_PIPE ? write_quietly(fd->number, vec, count, flags)
				   : writev_now(fd->number, vec, count, flags);
}

static ssize_t write_other(struct transfer *transfer, struct fd *fd)
{
#if SYSTEM_NOWAIT
	if (fd->access == ACCESS_FLAG) {
		ssize_t n = write_flagged(fd, transfer->vec, transfer->count, RWF_NOWAIT);
		if (!is_unknown_flag(n))
			return n;
		fd->access = ACCESS_ASK;
	}
#endif
	if (fd->access != ACCESS_ASK)
		return write_flagged(fd, transfer->vec, transfer->count, 0);
	int r = fd_ask(fd->number, WRITING);
	if (r < 0)
		return r;
	/* More might block: what is ready takes so much of a pipe at the least. */
	const struct iovec *vec = transfer->vec;
	for (int left = transfer->count; left > 1 && vec->iov_len == 0; left--)
		vec++;
	struct iovec first = *vec;
	if (first.iov_len > PIPE_BUF)
		first.iov_len = PIPE_BUF;
	return write_flagged(fd, &first, 1, 0);
}

static inline ssize_t write_any(struct transfer *transfer, struct fd *fd)
{
	return likely(fd->kind <= FD_SOCKET) ? write_socket(transfer, fd)
					     : write_other(transfer, fd);
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
 * A read or write of no bytes, which does not wait (POSIX), and is made of no pieces: so it reaches
 * no driver, but for the errors of the fd.
 */
static ssize_t read_nothing(int fd)
{
	struct iovec empty = {.iov_base = (char *)"", .iov_len = 0};
	return RESULT(readv(fd, &empty, 1));
}

static ssize_t write_nothing(int fd)
{
	struct iovec empty = {.iov_base = (char *)"", .iov_len = 0};
	return RESULT(writev(fd, &empty, 1));
}

/* Whether a write of no bytes sends a message, which is empty. */
static bool sends_messages(int fd)
{
	int type = 0;
	socklen_t length = sizeof(type);
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type != SOCK_STREAM;
}

ssize_t coro_read(int fd, void *bytes, size_t length)
{
	if (unlikely(length == 0))
		return read_nothing(fd);
	struct iovec vec = {.iov_base = bytes, .iov_len = length};
	return read_into(fd, &vec, 1);
}

ssize_t coro_write(int fd, const void *bytes, size_t length)
{
	if (unlikely(length == 0) && !sends_messages(fd))
		return write_nothing(fd);
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
		return -EINVAL;
	return vector_is_empty(vec, count) ? read_nothing(fd) : read_into(fd, vec, count);
}

ssize_t coro_writev(int fd, const struct iovec *vec, int count)
{
	if (vector_is_wrong(vec, count))
		return -EINVAL;
	return vector_is_empty(vec, count) ? write_nothing(fd) : write_from(fd, vec, count);
}

static ssize_t read_at(struct transfer *transfer, struct fd *fd)
{
	return RESULT(preadv(fd->number, transfer->vec, transfer->count, *transfer->offset));
}

static ssize_t write_at(struct transfer *transfer, struct fd *fd)
{
	return RESULT(pwritev(fd->number, transfer->vec, transfer->count, *transfer->offset));
}

ssize_t coro_pread(int fd, void *bytes, size_t length, off_t offset)
{
	if (offset < 0)
		return -EINVAL;
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
		return -EINVAL;
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
