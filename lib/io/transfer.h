/* SPDX-License-Identifier: MIT */
/* A transfer: the description of a call on an fd, which is tried again after a wait. */
#ifndef IO_TRANSFER_H
#define IO_TRANSFER_H

#include "coro/base.h"
#include "io/fd.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The calls that a poller may make as a whole: see perform in poller.h. */
enum transfer_call {
	CALL_OTHER, /* none of the below */
	CALL_READ,
	CALL_WRITE,
	CALL_RECV,
	CALL_SEND,
	CALL_RECVMSG,
	CALL_SENDMSG,
	CALL_ACCEPT,
	CALL_CONNECT,
};

struct transfer {
	enum transfer_call call;
	/* Makes the call without waiting. Returns its result, -EAGAIN or another error. */
	ssize_t (*attempt)(struct transfer *transfer, struct fd *fd);
	/* The same for the rest, once a part was transferred. NULL: attempt does that too. */
	ssize_t (*attempt_rest)(struct transfer *transfer, struct fd *fd);
	/* Makes the call on a regular file: see file.h. NULL: attempt does that too. */
	ssize_t (*file)(int fd, const struct iovec *vec, int count, off_t offset);
	enum direction direction;
	int number; /* of the fd */
	int flags;  /* of send and recv; with MSG_DONTWAIT there is one attempt */
	bool whole; /* goes on until all of vec is transferred */
	bool held;  /* a later part of a whole: it has and keeps its turn */
	const struct iovec *vec;
	int count;
	const off_t *offset; /* in the file; NULL for its position */
	union {
		struct {
			struct msghdr *message;
			size_t control_room; /* of a message to receive */
		};
		struct {
			struct sockaddr *address;
			socklen_t *length;
		} peer;
		struct {
			int number;
			off_t *offset;
			size_t length;
			int64_t took; /* ns: the last attempt */
		} source;
	};
};

/* Has the running task cancelled in its next wait, since this cancelled call returns a result. */
void transfer_keep_cancellation(void);

/* Calls fn for each fd that was received with a message. */
void transfer_each_fd(struct msghdr *message, void (*fn)(int fd));

/* The length of vec in bytes. */
static inline size_t transfer_length(const struct transfer *transfer)
{
	size_t length = transfer->vec->iov_len;
	for (int i = 1; i < transfer->count; i++)
		length += transfer->vec[i].iov_len;
	return length;
}

/* The result of a system call, or its errno negated. Repeats the call after EINTR. */
#define RESULT(call)                                     \
	({                                               \
		ssize_t result_;                         \
		do                                       \
			result_ = (call);                \
		while (result_ < 0 && errno == EINTR);   \
		result_ < 0 ? (ssize_t)-errno : result_; \
	})

/* -- making it */

/*
 * The cases that transfer_run leaves out: outside of tasks, without an io, as a whole, of a device or
 * file, or of a loop that has faults.
 */
coro_async ssize_t transfer_run_outside(struct transfer *transfer);
coro_async ssize_t transfer_run_otherwise(struct transfer *transfer, struct io *io, struct fd *fd);

/*
 * Counts a call for CORO_FAULTS. Returns 0, or the error that it is to fail with. May make it short, with
 * *byte as the piece that is left.
 */
int transfer_count(struct transfer *transfer, const struct fd *fd, struct iovec *byte);

/* Makes the call again after -ENOTSOCK, if the record was of another kind than the fd. */
coro_async ssize_t transfer_run_anew(struct transfer *transfer, struct io *io, struct fd *fd);

/*
 * `done` bytes were transferred: goes on with what is left, as long as the record is the same. Others
 * who wait for the fd have to wait until it is through.
 */
coro_async ssize_t transfer_rest(struct transfer *transfer, struct io *io, struct fd *fd,
				 uint32_t generation, ssize_t done);

static inline bool transfer_is_partial(const struct transfer *transfer, ssize_t done)
{
	return transfer->whole && done > 0 &&
	       (transfer->count != 1 || (size_t)done != transfer->vec->iov_len);
}

/* The result of a call that was cancelled in a wait: -ECANCELED, or bytes that a thread wrote. */
ssize_t transfer_cancelled(struct transfer *transfer, struct io *io);

/* The result after an error of fd_rest: that of a call that blocks, if the socket was shut down. */
ssize_t transfer_ended(const struct transfer *transfer, int error) __attribute__((cold));

/* Fails with an error that has no message, unless it is a cancellation, which may have one. */
ssize_t transfer_failed(ssize_t error) __attribute__((cold));

/* Whether the call keeps its turn, since more of it follows. */
static inline bool transfer_keeps_turn(const struct transfer *transfer, ssize_t n)
{
	return transfer->held || transfer_is_partial(transfer, n);
}

/*
 * The fields of a transfer that attempts use, read before the first call, so that the compiler knows
 * that they do not change.
 */
struct transfer_way {
	ssize_t (*attempt)(struct transfer *transfer, struct fd *fd);
	enum direction direction;
	bool its_turn; /* it has waited in line */
	bool once, whole, held;
	bool placed; /* has an offset; on fds without offsets that is an error at once */
	const struct iovec *vec;
	int count;
};

static inline __attribute__((always_inline)) struct transfer_way transfer_way(
	const struct transfer *transfer, bool its_turn)
{
	return (struct transfer_way){
		.attempt = transfer->attempt,
		.direction = transfer->direction,
		.its_turn = its_turn,
		.once = transfer->flags & MSG_DONTWAIT,
		.whole = transfer->whole,
		.held = transfer->held,
		.placed = transfer->offset,
		.vec = transfer->vec,
		.count = transfer->count,
	};
}

/* transfer_is_partial of a way. */
static inline bool transfer_goes_on(const struct transfer_way *way, ssize_t n)
{
	return way->whole && n > 0 && (way->count != 1 || (size_t)n != way->vec->iov_len);
}

/* Makes attempts, and waits between them. After an error the record may be gone. */
static inline __attribute__((always_inline)) ssize_t transfer_attempts(struct transfer *transfer,
								       struct io *io, struct fd *fd,
								       struct transfer_way way)
{
	const enum direction direction = way.direction;
	bool its_turn = way.its_turn;
	/* First come, first served. */
	bool wait = !(fd->ready & BIT(direction)) ||
		    (!its_turn && !list_empty(&fd->sides[direction].line));
	if (unlikely(way.once && wait) && direction == WRITING && !its_turn &&
	    !list_empty(&fd->sides[direction].line))
		return -EAGAIN; /* the first in line may have written a part */
	for (int woken = wait ? 0 : -1;; woken++) {
		if (wait && !way.once && (!way.placed || woken > 0)) {
			int r = fd_wait_inline(io, fd, direction, its_turn);
			if (unlikely(r < 0))
				return r == -ECANCELED ? transfer_cancelled(transfer, io) : r;
		}
		ssize_t n = way.attempt(transfer, fd);
		if (likely(n != -EAGAIN || way.once)) {
			if (n == -EAGAIN)
				fd->ready &= (uint8_t)~BIT(direction);
			/* No other call may come between this part and the rest. */
			if (likely(!way.held && !transfer_goes_on(&way, n)))
				fd_pass_on(fd, direction);
			return n;
		}
		fd->ready &= (uint8_t)~BIT(direction);
		int r = woken < 0 ? 0 : fd_rest(io, fd, direction, woken);
		if (unlikely(r < 0))
			return transfer_ended(transfer, r);
		wait = r == 0;
		its_turn = true;
	}
}

/*
 * Makes the call. In a task only the task waits. Returns its result or an error. Inline, so that
 * there is only one return between the switch and the caller.
 */
static inline __attribute__((always_inline)) ssize_t transfer_run(struct transfer *transfer)
{
	const struct transfer_way way = transfer_way(transfer, transfer->held);
	struct coro_loop *loop = sched_loop(thread_current->sched);
	struct sched *sched = sched_of(loop);
	if (unlikely(!loop || !sched->running || !sched->poller))
		return transfer_run_outside(transfer);
	struct io *io = io_made(loop);
	struct fd *fd;
	int r = fd_of(io, transfer->number, &fd);
	if (likely(r == 0))
		r = fd_check_budget(io, fd);
	if (unlikely(r < 0))
		return transfer_failed(r);
	if (unlikely(io->otherwise || fd->kind >= FD_DEVICE))
		return transfer_run_otherwise(transfer, io, fd);
	ssize_t n = transfer_attempts(transfer, io, fd, way);
	if (likely(n > 0)) {
		if (unlikely(transfer_goes_on(&way, n)))
			return transfer_rest(transfer, io, fd, fd->generation, n);
		io_use_budget(io, (size_t)n);
		return n;
	}
	if (unlikely(n == -ENOTSOCK))
		return transfer_run_anew(transfer, io, fd);
	io_use_budget(io, 0);
	return n == 0 ? 0 : transfer_failed(n);
}

#endif
