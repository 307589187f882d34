/* SPDX-License-Identifier: MIT */
#include "io/nowait.h"

#include "base/system.h"
#include "io/blocking.h"
#include "io/file.h"
#include "io/sigpipe.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* Most bytes that one call reads or writes: some devices have no end. */
enum { MOST_AT_ONCE = 1 << 20, MOST_BY_THREAD = 65536 };

/* -- the calls, on whatever description */

static off_t offset_of(const struct transfer *transfer)
{
	return transfer->offset ? *transfer->offset : FILE_POSITION;
}

static ssize_t readv_at(int number, const struct iovec *vec, int count, off_t offset)
{
	if (offset != FILE_POSITION)
		return RESULT(preadv(number, vec, count, offset));
	return count == 1 ? RESULT(read(number, vec->iov_base, vec->iov_len))
			  : RESULT(readv(number, vec, count));
}

static ssize_t writev_at(int number, const struct iovec *vec, int count, off_t offset, int flags)
{
#if SYSTEM_NOWAIT
	if (flags)
		return RESULT(pwritev2(number, vec, count, offset, flags));
#else
	(void)flags;
#endif
	if (offset != FILE_POSITION)
		return RESULT(pwritev(number, vec, count, offset));
	return count == 1 ? RESULT(write(number, vec->iov_base, vec->iov_len))
			  : RESULT(writev(number, vec, count));
}

/* The answer of a system that does not know the flag, or not for this fd, or of a sandbox. */
static inline bool is_refused(ssize_t error)
{
	return unlikely(error < 0) && error != -EAGAIN &&
	       (error == -EOPNOTSUPP || system_lacks((int)-error));
}

/* To a pipe, which would raise SIGPIPE if nobody reads from it. */
static ssize_t write_quietly(int number, const struct iovec *vec, int count, off_t offset,
			     int flags)
{
#if SYSTEM_NOWAIT
	static bool no_flag; /* the kernel does not know it */
	bool by_flag = !__atomic_load_n(&no_flag, __ATOMIC_RELAXED);
	if (by_flag) {
		ssize_t n = writev_at(number, vec, count, offset, flags | RWF_NOSIGNAL);
		if (!is_refused(n))
			return n;
	}
#endif
	struct quiet quiet;
	quiet_begin(&quiet);
	ssize_t n = writev_at(number, vec, count, offset, flags);
	quiet_end(&quiet, n == -EPIPE);
#if SYSTEM_NOWAIT
	if (by_flag && !is_refused(n))
		__atomic_store_n(&no_flag, true, __ATOMIC_RELAXED);
#endif
	return n;
}

static ssize_t write_to(const struct fd *fd, int number, const struct transfer *transfer, int flags)
{
	off_t offset = offset_of(transfer);
	return fd->kind == FD_PIPE
		       ? write_quietly(number, transfer->vec, transfer->count, offset, flags)
		       : writev_at(number, transfer->vec, transfer->count, offset, flags);
}

/* -- a description of our own */

#ifdef __linux__

static bool is_same_terminal(int a, int b)
{
	unsigned first, second;
	return ioctl(a, TIOCGDEV, &first) == 0 && ioctl(b, TIOCGDEV, &second) == 0 &&
	       first == second;
}

static bool is_same_pipe(int a, int b)
{
	struct stat first, second;
	return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/* Only terminals and pipes: opening other devices may give another one. */
static bool may_be_opened(const struct fd *fd)
{
	return fd->kind == FD_PIPE || is_same_terminal(fd->number, fd->number);
}

static bool is_same(const struct fd *fd, int own)
{
	return fd->kind == FD_PIPE ? is_same_pipe(fd->number, own)
				   : is_same_terminal(fd->number, own);
}

/* open does not take O_DIRECT, which a pipe of packets has. */
static bool has_flags(int own, int flags)
{
	return !(flags & O_DIRECT) || fcntl(own, F_SETFL, O_NONBLOCK | O_DIRECT) == 0;
}

/* Opens it once more: the fd, or -1. */
static int open_own(const struct fd *fd)
{
	char path[32];
	int flags = fcntl(fd->number, F_GETFL);
	if (flags < 0 || !may_be_opened(fd))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd->number);
	int own = system_above_streams(
		open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	if (own >= 0 && is_same(fd, own) && has_flags(own, flags))
		return own;
	if (own >= 0)
		close(own);
	return -1;
}

#else

static int open_own(const struct fd *fd)
{
	(void)fd;
	return -1;
}

#endif

/* For an fd that does not know RWF_NOWAIT. */
static void choose_access(struct fd *fd)
{
	if (fd->kind == FD_FILE) {
		fd->access = ACCESS_THREAD;
		return;
	}
	fd->own = open_own(fd);
	fd->access = fd->own >= 0 ? ACCESS_OWN : ACCESS_THREAD;
}

/* -- by a thread */

/*
 * Names the task that waits for the end of a write: it makes the next attempt with the same bytes.
 */
static const void *owner_of(const struct transfer *transfer)
{
	int i = 0;
	while (i < transfer->count - 1 && transfer->vec[i].iov_len == 0)
		i++;
	return transfer->vec[i].iov_base;
}

static struct io *io_of_thread(void)
{
	return io_made(thread_current->loop);
}

static void finish(struct fd *fd, enum direction direction)
{
	blocking_drop(fd, direction);
}

static size_t room_of(const struct transfer *transfer)
{
	size_t length = transfer_length(transfer);
	return length < MOST_BY_THREAD ? length : MOST_BY_THREAD;
}

/*
 * Called in a thread that may be cancelled in the call. Sanitizers then do not clear the frames it
 * leaves; these need no clearing, since they take no address of a local.
 */
static ssize_t make_read(struct blocking *blocking)
{
	char *bytes = blocking->bytes;
	return blocking->offset == FILE_POSITION
		       ? RESULT(read(blocking->fd, bytes, blocking->length))
		       : RESULT(pread(blocking->fd, bytes, blocking->length, blocking->offset));
}

static ssize_t make_write(struct blocking *blocking)
{
	const char *bytes = blocking->bytes;
	return blocking->offset == FILE_POSITION
		       ? RESULT(write(blocking->fd, bytes, blocking->length))
		       : RESULT(pwrite(blocking->fd, bytes, blocking->length, blocking->offset));
}

/* Makes a call for the thread, if the fd seems ready; the caller fills in *ret and starts it. */
static int begin(const struct transfer *transfer, const struct fd *fd, struct blocking **ret)
{
	int r = fd_ask(fd->number, transfer->direction);
	if (r == 0)
		r = blocking_create(room_of(transfer), ret);
	if (r < 0)
		return r;
	(*ret)->offset = offset_of(transfer);
	(*ret)->owner = owner_of(transfer);
	return 0;
}

static int begin_read(const struct transfer *transfer, struct fd *fd)
{
	struct blocking *blocking;
	int r = begin(transfer, fd, &blocking);
	if (r < 0)
		return r;
	blocking->make = make_read;
	r = blocking_start(blocking, io_of_thread(), fd, READING);
	return r < 0 ? r : -EAGAIN;
}

/* Copies to the pieces: the count. */
static size_t scatter(const struct transfer *transfer, const char *bytes, size_t length)
{
	size_t done = 0;
	for (int i = 0; i < transfer->count && done < length; i++) {
		size_t room = transfer->vec[i].iov_len, left = length - done;
		size_t part = room < left ? room : left;
		if (part > 0)
			memcpy(transfer->vec[i].iov_base, bytes + done, part);
		done += part;
	}
	return done;
}

static void gather(const struct transfer *transfer, char *bytes, size_t length)
{
	for (int i = 0; i < transfer->count && length > 0; i++) {
		size_t there = transfer->vec[i].iov_len, part = there < length ? there : length;
		if (part > 0)
			memcpy(bytes, transfer->vec[i].iov_base, part);
		bytes += part;
		length -= part;
	}
}

static ssize_t read_by_thread(const struct transfer *transfer, struct fd *fd)
{
	struct blocking *blocking = fd->sides[READING].blocking;
	if (!blocking)
		return begin_read(transfer, fd);
	if (!blocking->over) {
		blocking_hold(blocking, true);
		return -EAGAIN;
	}
	ssize_t n = blocking->result;
	if (blocking->offset != offset_of(transfer)) {
		finish(fd, READING); /* of another offset, where it can be read again */
		return begin_read(transfer, fd);
	}
	if (n > 0) {
		n = (ssize_t)scatter(transfer, blocking->bytes + blocking->taken,
				     (size_t)n - blocking->taken);
		blocking->taken += (size_t)n;
	}
	if (n <= 0 || blocking->taken == (size_t)blocking->result)
		finish(fd, READING);
	return n;
}

static int begin_write(const struct transfer *transfer, struct fd *fd)
{
	struct blocking *blocking;
	int r = begin(transfer, fd, &blocking);
	if (r < 0)
		return r;
	blocking->make = make_write;
	gather(transfer, blocking->bytes, blocking->length);
	r = blocking_start(blocking, io_of_thread(), fd, WRITING);
	return r < 0 ? r : -EAGAIN;
}

/* An error of a write whose owner has left is given to the next. */
static ssize_t write_by_thread(const struct transfer *transfer, struct fd *fd)
{
	const struct blocking *blocking = fd->sides[WRITING].blocking;
	if (!blocking)
		return begin_write(transfer, fd);
	if (!blocking->over) {
		blocking_hold(fd->sides[WRITING].blocking, true);
		return -EAGAIN;
	}
	ssize_t n = blocking->result;
	bool ours = blocking->owner == owner_of(transfer);
	finish(fd, WRITING);
	return ours || (n < 0 && n != -EAGAIN) ? n : begin_write(transfer, fd);
}

ssize_t nowait_leave(const struct transfer *transfer, struct fd *fd)
{
	struct blocking *blocking = fd->sides[transfer->direction].blocking;
	if (!blocking)
		return -ECANCELED;
	if (list_empty(&fd->sides[transfer->direction].line))
		blocking_hold(blocking, false);
	if (transfer->direction == READING || blocking->owner != owner_of(transfer))
		return -ECANCELED;
	blocking->owner = NULL;
	return blocking->over && blocking->result < 0 ? -ECANCELED
	       : blocking->over                       ? blocking->result
						      : (ssize_t)blocking->length;
}

/* -- attempts */

/* Whether a call would return at once now, with no result of a thread to be taken first. */
static bool is_nonblocking(const struct fd *fd, enum direction direction)
{
	if (fd->sides[direction].blocking)
		return false;
	if (fd->kind == FD_FILE)
		return false; /* which has no use for it */
	int flags = fcntl(fd->number, F_GETFL);
	return flags >= 0 && flags & O_NONBLOCK;
}

/* A file cannot be polled for when it would not wait. */
static inline bool is_file_and_waits(const struct fd *fd, ssize_t n)
{
	return unlikely(n == -EAGAIN) && fd->kind == FD_FILE;
}

static ssize_t read_otherwise(struct transfer *transfer, struct fd *fd)
{
	off_t offset = offset_of(transfer);
	if (fd->access == ACCESS_OWN)
		return readv_at(fd->own, transfer->vec, transfer->count, offset);
	if (fd->access == ACCESS_BLOCKING || is_nonblocking(fd, READING))
		return readv_at(fd->number, transfer->vec, transfer->count, offset);
	return read_by_thread(transfer, fd);
}

/* Cuts a single piece to what one call may read or write. */
static struct transfer bounded(const struct transfer *transfer, struct iovec *piece)
{
	struct transfer part = *transfer;
	if (transfer->count != 1 || transfer->vec->iov_len <= MOST_AT_ONCE)
		return part;
	*piece = (struct iovec){.iov_base = transfer->vec->iov_base, .iov_len = MOST_AT_ONCE};
	part.vec = piece;
	return part;
}

static inline ssize_t read_bounded(struct transfer *transfer, struct fd *fd)
{
#if SYSTEM_NOWAIT
	if (likely(fd->access <= ACCESS_FLAG)) {
		ssize_t n = RESULT(preadv2(fd->number, transfer->vec, transfer->count,
					   offset_of(transfer), RWF_NOWAIT));
		if (likely(!is_refused(n) && !is_file_and_waits(fd, n))) {
			fd->access = ACCESS_FLAG;
			return n;
		}
	}
#endif
	if (fd->access <= ACCESS_FLAG)
		choose_access(fd);
	return read_otherwise(transfer, fd);
}

ssize_t nowait_read(struct transfer *transfer, struct fd *fd)
{
	struct iovec piece;
	if (likely(transfer->count == 1 && transfer->vec->iov_len <= MOST_AT_ONCE))
		return read_bounded(transfer, fd);
	struct transfer part = bounded(transfer, &piece);
	return read_bounded(&part, fd);
}

static ssize_t write_otherwise(struct transfer *transfer, struct fd *fd)
{
	if (fd->access == ACCESS_OWN)
		return write_to(fd, fd->own, transfer, 0);
	if (fd->access == ACCESS_BLOCKING || is_nonblocking(fd, WRITING))
		return write_to(fd, fd->number, transfer, 0);
	return write_by_thread(transfer, fd);
}

static inline ssize_t write_bounded(struct transfer *transfer, struct fd *fd)
{
#if SYSTEM_NOWAIT
	if (likely(fd->access <= ACCESS_FLAG)) {
		ssize_t n = write_to(fd, fd->number, transfer, RWF_NOWAIT);
		if (likely(!is_refused(n) && !is_file_and_waits(fd, n))) {
			fd->access = ACCESS_FLAG;
			return n;
		}
	}
#endif
	if (fd->access <= ACCESS_FLAG)
		choose_access(fd);
	return write_otherwise(transfer, fd);
}

ssize_t nowait_write(struct transfer *transfer, struct fd *fd)
{
	struct iovec piece;
	if (likely(transfer->count == 1 && transfer->vec->iov_len <= MOST_AT_ONCE))
		return write_bounded(transfer, fd);
	struct transfer part = bounded(transfer, &piece);
	return write_bounded(&part, fd);
}
