/* SPDX-License-Identifier: MIT */
/* Reading and writing any fd. */
#include "coro/io.h"
#include "posix/call.h"
#include "posix/names.h"
#include "posix/timeouts.h"
#include "posix/view.h"

#include <signal.h>
#include <sys/sendfile.h>

/* An fd that the program has set O_NONBLOCK on never waits. */
static bool waits(int fd)
{
	return call_waits() && !view_is_nonblocking(fd);
}

/* The library below raises no SIGPIPE. */
static ssize_t written(ssize_t n, int before)
{
	if (unlikely(n == -EPIPE))
		raise(SIGPIPE);
	return call_result(n, before);
}

PUBLIC ssize_t read(int fd, void *bytes, size_t length)
{
	struct limit limit;
	if (!waits(fd))
		return libc()->read(fd, bytes, length);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_RCVTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit, coro_read(fd, bytes, length), -EAGAIN);
	return call_result(n, before);
}

PUBLIC ssize_t readv(int fd, const struct iovec *vec, int count)
{
	struct limit limit;
	if (!waits(fd))
		return libc()->readv(fd, vec, count);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_RCVTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit, coro_readv(fd, vec, count), -EAGAIN);
	return call_result(n, before);
}

PUBLIC ssize_t write(int fd, const void *bytes, size_t length)
{
	struct limit limit;
	if (!waits(fd))
		return libc()->write(fd, bytes, length);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_SNDTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit, coro_write(fd, bytes, length), -EAGAIN);
	return written(n, before);
}

PUBLIC ssize_t writev(int fd, const struct iovec *vec, int count)
{
	struct limit limit;
	if (!waits(fd))
		return libc()->writev(fd, vec, count);
	int before = errno;
	ssize_t n = limit_begin(&limit, fd, SO_SNDTIMEO);
	if (likely(n == 0))
		n = limit_end(&limit, coro_writev(fd, vec, count), -EAGAIN);
	return written(n, before);
}

/* -- at an offset, which only files have */

PUBLIC ssize_t pread(int fd, void *bytes, size_t length, off_t offset)
{
	if (!call_waits())
		return libc()->pread(fd, bytes, length, offset);
	int before = errno;
	return call_result(coro_pread(fd, bytes, length, offset), before);
}

PUBLIC ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
	if (!call_waits())
		return libc()->pwrite(fd, bytes, length, offset);
	int before = errno;
	return call_result(coro_pwrite(fd, bytes, length, offset), before);
}

/* FORTIFY's names and those with 64-bit offsets. */
PUBLIC ssize_t __read_chk(int fd, void *bytes, size_t length, size_t room)
{
	call_check_room(length, room);
	return read(fd, bytes, length);
}

PUBLIC ssize_t __pread_chk(int fd, void *bytes, size_t length, off_t offset, size_t room)
{
	call_check_room(length, room);
	return pread(fd, bytes, length, offset);
}

SAME(pread64, pread);
SAME(pwrite64, pwrite);
SAME(__pread64_chk, __pread_chk);

/* -- between two fds */

/* If either has O_NONBLOCK, libc is asked: it waits for the other alone. */
static bool both_wait(int in, int out)
{
	return call_waits() && !view_is_nonblocking(in) && !view_is_nonblocking(out);
}

PUBLIC ssize_t sendfile(int out, int in, off_t *offset, size_t length)
{
	struct limit limit;
	if (!both_wait(in, out))
		return libc()->sendfile(out, in, offset, length);
	int before = errno;
	ssize_t n = limit_begin(&limit, out, SO_SNDTIMEO);
	if (n == 0)
		n = limit_end(&limit, coro_sendfile(out, in, offset, length), -EAGAIN);
	return written(n, before);
}

SAME(sendfile64, sendfile);

PUBLIC ssize_t splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t length,
		      unsigned flags)
{
	struct limit limit;
	if (flags & SPLICE_F_NONBLOCK || !both_wait(in, out))
		return libc()->splice(in, in_offset, out, out_offset, length, flags);
	int before = errno;
	ssize_t n = limit_begin(&limit, out, SO_SNDTIMEO);
	if (n == 0)
		n = limit_end(&limit, coro_splice(in, in_offset, out, out_offset, length, flags),
			      -EAGAIN);
	return written(n, before);
}
