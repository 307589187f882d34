/* SPDX-License-Identifier: MIT */
/* Bytes from one fd to another. */
#include "base/system.h"
#include "coro/io.h"
#include "io/quiet.h"
#include "io/transfer.h"

#include <fcntl.h>
#include <stdlib.h>

#ifdef __linux__
#include <sys/sendfile.h>
#endif

/* -- by way of a buffer, where the system cannot, or could only block */

enum { COPY_BUFFER = 65536 };

static ssize_t read_source(int in, off_t *offset, void *bytes, size_t length)
{
	ssize_t n = offset ? coro_pread(in, bytes, length, *offset) : coro_read(in, bytes, length);
	if (n > 0 && offset)
		*offset += n;
	return n;
}

/* What was read and could not be written is as if it had not been. */
static void give_back(int in, off_t *offset, ssize_t count)
{
	if (offset)
		*offset -= count;
	else
		lseek(in, -count, SEEK_CUR);
}

/* Copies on from `done`; an error shows only if nothing was copied. */
static ssize_t copy(int out, int in, off_t *offset, size_t length, ssize_t done, char *buffer)
{
	while ((size_t)done < length) {
		size_t room = length - (size_t)done;
		ssize_t got =
			read_source(in, offset, buffer, room < COPY_BUFFER ? room : COPY_BUFFER);
		if (got <= 0)
			return done > 0 ? done : got;
		ssize_t put = coro_write(out, buffer, (size_t)got);
		if (put < got)
			give_back(in, offset, got - (put > 0 ? put : 0));
		if (put < 0 && done > 0 && put == -ECANCELED)
			transfer_keep_cancellation();
		if (put < 0)
			return done > 0 ? done : put;
		done += put;
		if (put < got)
			return done;
	}
	return done;
}

struct copying {
	struct cleanup cleanup;
	char *buffer;
};

static void copying_abandon(struct cleanup *cleanup)
{
	free(container_of(cleanup, struct copying, cleanup)->buffer);
}

static ssize_t send_copy(int out, int in, off_t *offset, size_t length, ssize_t done)
{
	struct task *task = task_running();
	struct copying copying;
	/* What cannot be given back must not be read. */
	if (!offset && lseek(in, 0, SEEK_CUR) < 0)
		return done > 0 ? done : errno == ESPIPE ? -EINVAL : -errno;
	copying.buffer = malloc(COPY_BUFFER);
	if (!copying.buffer)
		return done > 0 ? done : -ENOMEM;
	if (task)
		cleanup_push(task, &copying.cleanup, copying_abandon);
	ssize_t n = copy(out, in, offset, length, done, copying.buffer);
	if (task)
		cleanup_pop(&copying.cleanup);
	free(copying.buffer);
	return n;
}

/* -- by the system */

#ifdef __linux__

/* The result of a call that the system has no faster way for. */
static bool is_refused(ssize_t error)
{
	return error == -EINVAL || error == -EOPNOTSUPP || system_lacks((int)-error);
}

/* -EOPNOTSUPP: it could only block. */
static ssize_t attempt_sendfile(struct transfer *transfer, struct fd *fd)
{
	struct quiet quiet;
	int flags = fcntl(fd->number, F_GETFL);
	if (flags < 0 || !(flags & O_NONBLOCK))
		return -EOPNOTSUPP;
	quiet_begin(&quiet);
	ssize_t n = RESULT(sendfile(fd->number, transfer->source.number, transfer->source.offset,
				    transfer->source.length));
	quiet_end(&quiet, n == -EPIPE);
	return n;
}

ssize_t coro_sendfile(int out, int in, off_t *offset, size_t length)
{
	ssize_t done = 0;
	while ((size_t)done < length) {
		ssize_t n = transfer_run(&(struct transfer){
			.attempt = attempt_sendfile,
			.direction = WRITING,
			.number = out,
			.source = {in, offset, length - (size_t)done},
		});
		if (is_refused(n))
			return send_copy(out, in, offset, length, done);
		if (n == -ECANCELED && done > 0)
			transfer_keep_cancellation();
		if (n <= 0)
			return done > 0 ? done : n;
		done += n;
	}
	return done;
}

struct splice {
	int in, out;
	off_t *in_offset, *out_offset;
	size_t length;
	unsigned flags;
};

/* Which end holds it up; asked only once it was held up. */
static int wait_for_end(const struct splice *ends)
{
	int r = fd_ask(ends->in, READING);
	return r == -EAGAIN ? coro_readable(ends->in) : r < 0 ? r : coro_writable(ends->out);
}

static ssize_t splice_now(const struct splice *ends)
{
	struct quiet quiet;
	quiet_begin(&quiet);
	ssize_t n = RESULT(splice(ends->in, ends->in_offset, ends->out, ends->out_offset,
				  ends->length, ends->flags | SPLICE_F_NONBLOCK));
	quiet_end(&quiet, n == -EPIPE);
	return n;
}

/* An end, while the other may be waited for; outside of tasks io is NULL. */
struct end {
	struct io *io;
	struct fd *fd;
	int number;
	uint32_t generation;
};

static int end_begin(struct end *end, int number)
{
	*end = (struct end){.number = number};
	int r = io_current(&end->io);
	if (r < 0 || !end->io)
		return r;
	r = fd_of(end->io, number, &end->fd);
	if (r == 0)
		end->generation = end->fd->generation;
	return r;
}

/* 0; -EBADF if it was closed meanwhile: the number may be another's. */
static int end_check(const struct end *end)
{
	bool same = !end->io || fd_is_still(end->io, end->fd, end->number, end->generation);
	return same ? 0 : -EBADF;
}

static ssize_t splice_between(const struct splice *ends, const struct end *in,
			      const struct end *out)
{
	/* The flag speaks for the pipe only: the other end is to be ready beforehand. */
	int r = coro_readable(ends->in);
	if (r == 0)
		r = end_check(out);
	if (r == 0)
		r = coro_writable(ends->out);
	while (r == 0) {
		r = end_check(in) < 0 ? -EBADF : end_check(out);
		if (r < 0)
			break;
		ssize_t n = splice_now(ends);
		if (n != -EAGAIN || ends->flags & SPLICE_F_NONBLOCK)
			return n;
		r = wait_for_end(ends);
	}
	return r;
}

ssize_t coro_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t length,
		    unsigned flags)
{
	struct splice ends = {in, out, in_offset, out_offset, length, flags};
	struct end from, to;
	int r = end_begin(&from, in);
	if (r == 0)
		r = end_begin(&to, out);
	return r < 0 ? r : splice_between(&ends, &from, &to);
}

#else

ssize_t coro_sendfile(int out, int in, off_t *offset, size_t length)
{
	return length ? send_copy(out, in, offset, length, 0) : 0;
}

ssize_t coro_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t length,
		    unsigned flags)
{
	(void)in, (void)in_offset, (void)out, (void)out_offset, (void)length, (void)flags;
	return -ENOSYS;
}

#endif
