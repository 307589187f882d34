/* SPDX-License-Identifier: MIT */
/* coro_sendfile. */
#include "base/memory.h"
#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "io/file.h"
#include "io/readwrite.h"
#include "io/sigpipe.h"
#include "io/transfer.h"
#include "thread/offload.h"

#include <fcntl.h>
#include <stdlib.h>

/* -- through a buffer, where sendfile does not work or could only block */

enum { COPY_BUFFER = 65536 };

static ssize_t read_source(int in, off_t *offset, void *bytes, size_t length)
{
	ssize_t n = offset ? coro_pread(in, bytes, length, *offset) : coro_read(in, bytes, length);
	if (n > 0 && offset)
		*offset += n;
	return n;
}

/* Moves the offset back over bytes that were read but not written. */
static void give_back(int in, off_t *offset, ssize_t count)
{
	if (offset)
		*offset -= count;
	else
		lseek(in, -count, SEEK_CUR);
}

/* The state of a call. fd and turn are valid in tasks only. */
struct sending {
	int out, in;
	off_t *offset;
	size_t length;
	struct io *io; /* NULL outside of tasks */
	struct fd *fd; /* of out */
	struct fd_turn turn;
};

/* Returns 0, or -EBADF if `out` was closed meanwhile, since its number may be reused. */
static int check_turn(const struct sending *sending)
{
	return !sending->io || sending->turn.wait.fd ? 0 : -EBADF;
}

static ssize_t write_in_turn(const struct sending *sending, const char *bytes, size_t length)
{
	int r = check_turn(sending);
	if (r < 0)
		return r;
	return transfer_run(&(struct transfer){
		.call = CALL_WRITE,
		.attempt = attempt_write,
		.file = file_write,
		.direction = WRITING,
		.number = sending->out,
		.whole = true,
		.held = true,
		.vec = &(struct iovec){.iov_base = (char *)bytes, .iov_len = length},
		.count = 1,
	});
}

/* Copies the rest after `done` bytes. Returns an error only if nothing was sent at all. */
static ssize_t copy(const struct sending *sending, ssize_t done, char *buffer)
{
	int in = sending->in;
	off_t *offset = sending->offset;
	size_t length = sending->length;
	while ((size_t)done < length) {
		size_t room = length - (size_t)done;
		ssize_t got =
			read_source(in, offset, buffer, room < COPY_BUFFER ? room : COPY_BUFFER);
		if (got == -ECANCELED && done > 0)
			transfer_keep_cancellation();
		if (got <= 0)
			return done > 0 ? done : got;
		ssize_t put = write_in_turn(sending, buffer, (size_t)got);
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

static void copying_discard(struct cleanup *cleanup)
{
	free(container_of(cleanup, struct copying, cleanup)->buffer);
}

static ssize_t send_copy(const struct sending *sending, ssize_t done)
{
	struct task *task = task_running();
	struct copying copying;
	/* Without an offset the file must be seekable, to give bytes back. */
	if (!sending->offset && lseek(sending->in, 0, SEEK_CUR) < 0)
		return done > 0 ? done : errno == ESPIPE ? -EINVAL : -errno;
	copying.buffer = memory_alloc(COPY_BUFFER);
	if (!copying.buffer)
		return done > 0 ? done : -ENOMEM;
	if (task)
		cleanup_push(task, &copying.cleanup, copying_discard);
	ssize_t n = copy(sending, done, copying.buffer);
	if (task)
		cleanup_pop(&copying.cleanup);
	free(copying.buffer);
	return n;
}

/* -- by sendfile */

/* Whether the system cannot send between these two fds. */
static bool is_refused(ssize_t error)
{
	return error == -EINVAL || error == -EOPNOTSUPP || system_lacks((int)-error);
}

/* Returns -EOPNOTSUPP where the call could block. A copy does not. */
static ssize_t attempt_sendfile(struct transfer *transfer, struct fd *fd)
{
	struct sigpipe sigpipe;
	int flags = fcntl(fd->number, F_GETFL);
	if (flags < 0)
		return -errno;
	if (fd->access != ACCESS_BLOCKING && (!(flags & O_NONBLOCK) || fd->kind == FD_DEVICE))
		return -EOPNOTSUPP;
	sigpipe_block(&sigpipe);
	int64_t began = coro_clock();
	ssize_t n = RESULT(system_sendfile(fd->number, transfer->source.number,
					   transfer->source.offset, transfer->source.length));
	transfer->source.took = coro_clock() - began;
	sigpipe_unblock(&sigpipe, n == -EPIPE);
	return n;
}

/*
 * The most bytes that one call sends. In the loop's thread, since it holds the loop up: 256 KiB take
 * some 0.1 ms, but 10 ms where the kernel must first get memory for the file. In another thread, since
 * the call cannot be cancelled.
 */
enum { MOST_AT_ONCE = 256 << 10, MOST_IN_THREAD = 16 << 20 };

/* A call that takes longer is a task's last one before others run. */
#define LONG_CALL (1 * CORO_MSEC)

static size_t part_of(const struct sending *sending, ssize_t done, size_t most)
{
	size_t left = sending->length - (size_t)done;
	return left < most ? left : most;
}

static ssize_t send_part(const struct sending *sending, ssize_t done)
{
	struct transfer transfer = {
		.attempt = attempt_sendfile,
		.direction = WRITING,
		.number = sending->out,
		.held = true,
		.source = {sending->in, sending->offset, part_of(sending, done, MOST_AT_ONCE), 0},
	};
	ssize_t n = transfer_run(&transfer);
	if (sending->io && transfer.source.took > LONG_CALL)
		io_use_up_budget(sending->io);
	return n;
}

struct file_part {
	const struct sending *sending;
	size_t length;
	ssize_t sent;
};

static int call_sendfile(void *arg)
{
	struct file_part *part = arg;
	const struct sending *sending = part->sending;
	part->sent =
		RESULT(system_sendfile(sending->out, sending->in, sending->offset, part->length));
	return 0;
}

static ssize_t send_part_to_file(const struct sending *sending, ssize_t done)
{
	struct file_part part = {sending, part_of(sending, done, MOST_IN_THREAD), 0};
	int r = offload(call_sendfile, &part);
	return r < 0 ? r : part.sent;
}

static ssize_t send_all(const struct sending *sending)
{
	bool to_file = sending->io && sending->fd->kind == FD_FILE;
	ssize_t done = 0;
	while ((size_t)done < sending->length) {
		ssize_t n = check_turn(sending);
		if (n == 0)
			n = to_file ? send_part_to_file(sending, done) : send_part(sending, done);
		if (is_refused(n))
			return send_copy(sending, done);
		if (n == -ECANCELED && done > 0)
			transfer_keep_cancellation();
		if (n <= 0)
			return done > 0 ? done : n;
		done += n;
	}
	return done;
}

/* -- the public call */

/* Sends with the turn of `out`, so that no other task writes in between. */
static ssize_t send_in_turn(struct sending *sending)
{
	struct fd *fd;
	int r = fd_of(sending->io, sending->out, &fd);
	if (r == 0)
		r = fd_check_budget(sending->io, fd);
	if (r == 0)
		r = fd_stand_in_line(sending->io, fd, WRITING);
	if (r < 0)
		return r;
	sending->fd = fd;
	fd_turn_begin(fd, WRITING, &sending->turn);
	ssize_t n = send_all(sending);
	fd_turn_end(&sending->turn);
	if (sending->turn.wait.fd)
		fd_pass_on(fd, WRITING);
	return n;
}

ssize_t coro_sendfile(int out, int in, off_t *offset, size_t length)
{
	struct sending sending = {.out = out, .in = in, .offset = offset, .length = length};
	int r = io_current(&sending.io);
	if (r < 0 || length == 0)
		return fail_code(r);
	ssize_t n = sending.io ? send_in_turn(&sending) : send_all(&sending);
	return n < 0 ? transfer_failed(n) : n;
}
