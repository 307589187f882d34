/* SPDX-License-Identifier: MIT */
/* The transport of an fd. */
#include "stream/stream_fd.h"

#include "core/fail.h"
#include "coro/io.h"
#include "io/readwrite.h"

#include <errno.h>
#include <unistd.h>

static int record_of(const struct fd_end *end, struct io **io, struct fd **ret)
{
	int r = io_of(end->streams->loop, io);
	return r < 0 ? r : fd_of(*io, end->fd, ret);
}

static ssize_t attempt(struct fd_end *end, struct transfer *transfer)
{
	struct io *io;
	struct fd *fd;
	int r = record_of(end, &io, &fd);
	if (r < 0)
		return r;
	if (!(fd->ready & BIT(transfer->direction)))
		return -EAGAIN;
	struct iovec byte;
	r = unlikely(io->otherwise) ? transfer_count(transfer, fd, &byte) : 0;
	if (r < 0)
		return r;
	ssize_t n = transfer->attempt(transfer, fd);
	if (n == -EAGAIN)
		fd->ready &= (uint8_t)~BIT(transfer->direction);
	else
		io_use_budget(io, n > 0 ? (size_t)n : 0);
	fd_pass_on(fd, transfer->direction);
	return unlikely(n < 0) && n != -EAGAIN ? fail_code((int)n) : n;
}

static ssize_t fd_read(void *arg, void *bytes, size_t length)
{
	return attempt(arg, &(struct transfer){
				    .call = CALL_READ,
				    .attempt = attempt_read,
				    .direction = READING,
				    .vec = &(struct iovec){.iov_base = bytes, .iov_len = length},
				    .count = 1,
			    });
}

static ssize_t fd_write(void *arg, const struct iovec *vec, int count)
{
	return attempt(arg, &(struct transfer){
				    .call = CALL_WRITE,
				    .attempt = attempt_write,
				    .direction = WRITING,
				    .vec = vec,
				    .count = count,
			    });
}

static coro_async int fd_wait_for(void *arg, bool writing)
{
	struct io *io;
	struct fd *fd;
	int r = record_of(arg, &io, &fd);
	return r < 0 ? r : fd_wait(io, fd, writing ? WRITING : READING);
}

static int fd_end_writing(void *arg)
{
	const struct fd_end *end = arg;
	if (shutdown(end->fd, SHUT_WR) == 0)
		return 0;
	/* The peer has reset the connection, but what it sent before can still be read. */
	return fail_code(errno == ENOTCONN ? -EPIPE : -errno);
}

static void fd_close(void *arg)
{
	linger_begin(container_of(arg, struct coro_stream, end));
}

static void fd_abort(void *arg)
{
	linger_refuse(container_of(arg, struct coro_stream, end));
}

static int fd_number(void *arg)
{
	return ((const struct fd_end *)arg)->fd;
}

const struct coro_transport socket_transport = {
	.read = fd_read,
	.write = fd_write,
	.wait = fd_wait_for,
	.end = fd_end_writing,
	.close = fd_close,
	.abort = fd_abort,
	.fd = fd_number,
};

const struct coro_transport file_transport = {
	.read = fd_read,
	.write = fd_write,
	.wait = fd_wait_for,
	.close = fd_close,
	.abort = fd_abort,
	.fd = fd_number,
};
