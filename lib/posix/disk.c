/* SPDX-License-Identifier: MIT */
/*
 * Calls on files that libcoro has none of its own for: a thread of the loop's waits for the disk. They
 * are over in a time, so a cancellation waits, and nothing that was transferred is lost.
 */
#include "coro/shield.h"
#include "coro/thread.h"
#include "posix/call.h"
#include "posix/names.h"

#include <sys/uio.h>

struct disk_call {
	ssize_t (*make)(const struct disk_call *call);
	int fd;
	/* Of reads and writes. */
	const struct iovec *vec;
	int count;
	off_t offset;
	/* Of copies. */
	off_t *from, *to;
	int out;
	size_t length;

	unsigned flags;
	ssize_t result; /* valid once it was made, like error */
	int error;
};

static int in_a_thread(void *arg)
{
	struct disk_call *call = arg;
	do
		call->result = call->make(call);
	while (call->result < 0 && errno == EINTR);
	call->error = errno;
	return 0;
}

static ssize_t make_apart(struct disk_call *call)
{
	struct coro_shield_scope shield;
	int before = errno;
	bool shielded = coro_shield_begin(&shield, CORO_FOREVER) == 0;
	int r = coro_to_thread(in_a_thread, call);
	if (shielded)
		r = coro_shield_end(&shield, r);
	if (r == -EAGAIN)
		r = in_a_thread(call); /* there is none: the loop waits */
	return call_result(r < 0 ? r : call->result < 0 ? -call->error : call->result, before);
}

/* -- several buffers at an offset */

static ssize_t read_at(const struct disk_call *call)
{
	return libc()->preadv(call->fd, call->vec, call->count, call->offset);
}

static ssize_t write_at(const struct disk_call *call)
{
	return libc()->pwritev(call->fd, call->vec, call->count, call->offset);
}

static ssize_t read_with_flags(const struct disk_call *call)
{
	return libc()->preadv2(call->fd, call->vec, call->count, call->offset, (int)call->flags);
}

static ssize_t write_with_flags(const struct disk_call *call)
{
	return libc()->pwritev2(call->fd, call->vec, call->count, call->offset, (int)call->flags);
}

PUBLIC ssize_t preadv(int fd, const struct iovec *vec, int count, off_t offset)
{
	return call_waits() ? make_apart(&(struct disk_call){.make = read_at,
							     .fd = fd,
							     .vec = vec,
							     .count = count,
							     .offset = offset})
			    : libc()->preadv(fd, vec, count, offset);
}

PUBLIC ssize_t pwritev(int fd, const struct iovec *vec, int count, off_t offset)
{
	return call_waits() ? make_apart(&(struct disk_call){.make = write_at,
							     .fd = fd,
							     .vec = vec,
							     .count = count,
							     .offset = offset})
			    : libc()->pwritev(fd, vec, count, offset);
}

/* An offset of -1 is where the file stands. Pipes and sockets have only that, and no use for flags. */
static bool is_stream(int fd, off_t offset, int flags)
{
	int before = errno;
	bool is = offset == -1 && (!flags || lseek(fd, 0, SEEK_CUR) < 0);
	errno = before;
	return is;
}

PUBLIC ssize_t preadv2(int fd, const struct iovec *vec, int count, off_t offset, int flags)
{
	if (flags & RWF_NOWAIT || !call_waits())
		return libc()->preadv2(fd, vec, count, offset, flags);
	if (is_stream(fd, offset, flags))
		return readv(fd, vec, count);
	return make_apart(&(struct disk_call){.make = read_with_flags,
					      .fd = fd,
					      .vec = vec,
					      .count = count,
					      .offset = offset,
					      .flags = (unsigned)flags});
}

PUBLIC ssize_t pwritev2(int fd, const struct iovec *vec, int count, off_t offset, int flags)
{
	if (flags & RWF_NOWAIT || !call_waits())
		return libc()->pwritev2(fd, vec, count, offset, flags);
	if (is_stream(fd, offset, flags))
		return writev(fd, vec, count);
	return make_apart(&(struct disk_call){.make = write_with_flags,
					      .fd = fd,
					      .vec = vec,
					      .count = count,
					      .offset = offset,
					      .flags = (unsigned)flags});
}

SAME(preadv64, preadv);
SAME(pwritev64, pwritev);
SAME(preadv64v2, preadv2);
SAME(pwritev64v2, pwritev2);

/* -- from file to file */

static ssize_t copy(const struct disk_call *call)
{
	return libc()->copy_file_range(call->fd, call->from, call->out, call->to, call->length,
				       call->flags);
}

PUBLIC ssize_t copy_file_range(int in, off_t *from, int out, off_t *to, size_t length,
			       unsigned flags)
{
	return call_waits() ? make_apart(&(struct disk_call){.make = copy,
							     .fd = in,
							     .from = from,
							     .out = out,
							     .to = to,
							     .length = length,
							     .flags = flags})
			    : libc()->copy_file_range(in, from, out, to, length, flags);
}
