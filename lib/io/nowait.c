/* SPDX-License-Identifier: MIT */
#include "io/nowait.h"

#include "base/system.h"
#include "io/blocking.h"
#include "io/file.h"
#include "io/sigpipe.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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
	if (flags)
		return RESULT(system_pwritev2(number, vec, count, offset, flags));
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
	static bool no_flag; /* the kernel does not know it */
	bool by_flag = !__atomic_load_n(&no_flag, __ATOMIC_RELAXED);
	if (by_flag) {
		ssize_t n = writev_at(number, vec, count, offset, flags | RWF_NOSIGNAL);
		if (!is_refused(n))
			return n;
	}
	struct sigpipe sigpipe;
	sigpipe_block(&sigpipe);
	ssize_t n = writev_at(number, vec, count, offset, flags);
	sigpipe_unblock(&sigpipe, n == -EPIPE);
	if (by_flag && !is_refused(n))
		__atomic_store_n(&no_flag, true, __ATOMIC_RELAXED);
	return n;
}

static ssize_t write_to(const struct fd *fd, int number, const struct transfer *transfer, int flags)
{
	off_t offset = offset_of(transfer);
	return fd->kind == FD_PIPE
		       ? write_quietly(number, transfer->vec, transfer->count, offset, flags)
		       : writev_at(number, transfer->vec, transfer->count, offset, flags);
}

/* The transfer's call by RWF_NOWAIT. */
static inline ssize_t call_by_flag(const struct transfer *transfer, const struct fd *fd)
{
	return transfer->direction == READING
		       ? RESULT(system_preadv2(fd->number, transfer->vec, transfer->count,
					       offset_of(transfer), RWF_NOWAIT))
		       : write_to(fd, fd->number, transfer, RWF_NOWAIT);
}

/* The same on a description that does not wait, or that the program wants to wait. */
static ssize_t call_plainly(const struct transfer *transfer, const struct fd *fd, int number)
{
	return transfer->direction == READING
		       ? readv_at(number, transfer->vec, transfer->count, offset_of(transfer))
		       : write_to(fd, number, transfer, 0);
}

/* -- a description of our own */

static bool is_same_pipe(int a, int b)
{
	struct stat first, second;
	return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/* Only terminals and pipes: opening other devices may give another one. */
static bool may_be_opened(const struct fd *fd)
{
	return fd->kind == FD_PIPE || system_is_same_terminal(fd->number, fd->number);
}

static bool is_same(const struct fd *fd, int own)
{
	return fd->kind == FD_PIPE ? is_same_pipe(fd->number, own)
				   : system_is_same_terminal(fd->number, own);
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

/* A number that was closed plainly may be another file's by now: ours must not outlive its file. */
static void check_own(struct fd *fd)
{
	if (is_same(fd, fd->own))
		return;
	close(fd->own);
	choose_access(fd);
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
	r = blocking_start(blocking, fd->io, fd, READING);
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
	r = blocking_start(blocking, fd->io, fd, WRITING);
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

static __attribute__((noinline)) ssize_t attempt_otherwise(const struct transfer *transfer,
							   struct fd *fd)
{
	if (fd->access == ACCESS_OWN)
		check_own(fd);
	if (fd->access == ACCESS_OWN)
		return call_plainly(transfer, fd, fd->own);
	if (fd->access == ACCESS_BLOCKING || is_nonblocking(fd, transfer->direction))
		return call_plainly(transfer, fd, fd->number);
	return transfer->direction == READING ? read_by_thread(transfer, fd)
					      : write_by_thread(transfer, fd);
}

static inline ssize_t attempt(const struct transfer *transfer, struct fd *fd)
{
	if (likely(fd->access <= ACCESS_FLAG)) {
		ssize_t n = call_by_flag(transfer, fd);
		if (likely(!is_refused(n) && !is_file_and_waits(fd, n))) {
			fd->access = ACCESS_FLAG;
			return n;
		}
		choose_access(fd);
	}
	return attempt_otherwise(transfer, fd);
}

/* Of a piece that is too long for one call, the first part. */
static __attribute__((noinline)) ssize_t attempt_piece(const struct transfer *transfer,
						       struct fd *fd)
{
	struct iovec piece = {.iov_base = transfer->vec->iov_base, .iov_len = MOST_AT_ONCE};
	struct transfer part = *transfer;
	part.vec = &piece;
	return attempt(&part, fd);
}

ssize_t nowait_attempt(struct transfer *transfer, struct fd *fd)
{
	bool long_piece = transfer->count == 1 && transfer->vec->iov_len > MOST_AT_ONCE;
	return unlikely(long_piece) ? attempt_piece(transfer, fd) : attempt(transfer, fd);
}
