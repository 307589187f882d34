/* SPDX-License-Identifier: MIT */
/* coro_splice: moves bytes from or to a pipe. */
#include "base/system.h"
#include "core/fail.h"
#include "coro/io.h"
#include "coro/task.h"
#include "io/sigpipe.h"
#include "io/transfer.h"
#include "thread/offload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

struct splice {
	int in, out;
	off_t *in_offset, *out_offset;
	size_t length;
	unsigned flags;
};

/* Pauses when splice would block though both ends are ready, for the n-th time. See fd_rest. */
static int rest(const struct io *io, int n)
{
	enum { LONGEST = 6 };
	if (n == 0)
		return 0; /* one may have become ready just now */
	int64_t pause = CORO_MSEC << (n < LONGEST ? n - 1 : LONGEST - 1);
	struct timespec time = {.tv_nsec = pause};
	return io ? coro_sleep(pause) : (nanosleep(&time, NULL), 0);
}

/* Waits for the end that is not ready. *ready counts how often both were. */
static int wait_for_end(const struct splice *ends, const struct io *io, int *ready)
{
	int in = fd_ask(ends->in, READING);
	int out = in == 0 ? fd_ask(ends->out, WRITING) : 0;
	if (in == 0 && out == 0)
		return rest(io, (*ready)++);
	*ready = 0;
	if (in == -EAGAIN)
		return coro_readable(ends->in);
	return out == -EAGAIN ? coro_writable(ends->out) : in < 0 ? in : out;
}

static ssize_t splice_now(const struct splice *ends)
{
	struct sigpipe sigpipe;
	sigpipe_block(&sigpipe);
	ssize_t n = RESULT(system_splice(ends->in, ends->in_offset, ends->out, ends->out_offset,
					 ends->length, ends->flags | SPLICE_F_NONBLOCK));
	sigpipe_unblock(&sigpipe, n == -EPIPE);
	return n;
}

/* Whether splice may block on this end. SPLICE_F_NONBLOCK concerns pipes only. */
static bool may_block(int number)
{
	struct stat status;
	int flags = fcntl(number, F_GETFL);
	return flags >= 0 && !(flags & O_NONBLOCK) && fstat(number, &status) == 0 &&
	       !S_ISFIFO(status.st_mode);
}

struct splice_call {
	const struct splice *ends;
	ssize_t moved;
};

static int call_splice(void *arg)
{
	struct splice_call *call = arg;
	call->moved = splice_now(call->ends);
	return 0;
}

static ssize_t splice_in_thread(const struct splice *ends)
{
	struct splice_call call = {.ends = ends};
	int r = offload(call_splice, &call);
	return r < 0 ? r : call.moved;
}

/* One end, which may be closed while the task waits for the other. io is NULL outside of tasks. */
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

/* Returns 0, or -EBADF if it was closed meanwhile, since its number may be reused. */
static int end_check(const struct end *end)
{
	bool same = !end->io || fd_is_still(end->io, end->fd, end->number, end->generation);
	return same ? 0 : -EBADF;
}

static ssize_t splice_between(const struct splice *ends, const struct end *in,
			      const struct end *out)
{
	/* SPLICE_F_NONBLOCK concerns the pipe only, so both ends must be ready first. */
	int ready = 0, r = coro_readable(ends->in);
	if (r == 0)
		r = end_check(out);
	if (r == 0)
		r = coro_writable(ends->out);
	while (r == 0) {
		r = end_check(in) < 0 ? -EBADF : end_check(out);
		if (r < 0)
			break;
		ssize_t n = may_block(ends->in) || may_block(ends->out) ? splice_in_thread(ends)
									: splice_now(ends);
		if (n != -EAGAIN || ends->flags & SPLICE_F_NONBLOCK)
			return n;
		r = wait_for_end(ends, in->io, &ready);
	}
	return r;
}

ssize_t coro_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t length,
		    unsigned flags)
{
	struct splice ends = {in, out, in_offset, out_offset, length, flags};
	struct end from, to;
	if (!SYSTEM_SPLICE)
		return fail_code(-ENOSYS);
	int r = end_begin(&from, in);
	if (r == 0)
		r = end_begin(&to, out);
	ssize_t n = r < 0 ? r : splice_between(&ends, &from, &to);
	return n < 0 ? transfer_failed(n) : n;
}
