/* SPDX-License-Identifier: MIT */
#include "io/transfer.h"

#include "base/system.h"
#include "core/fail.h"
#include "coro/timeout.h"
#include "io/file.h"
#include "io/nowait.h"
#include "io/option.h"
#include "sched/fault.h"
#include "task/task.h"

#include <string.h>
#include <unistd.h>

void transfer_keep_cancellation(void)
{
	struct task *task = task_running();
	if (task)
		task_put_off_cancel(task);
}

void transfer_each_fd(struct msghdr *message, void (*fn)(int fd))
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = CMSG_LEN(0); i + sizeof(int) <= at->cmsg_len; i += sizeof(int)) {
			int fd;
			memcpy(&fd, (char *)at + i, sizeof(fd));
			fn(fd);
		}
	}
}

ssize_t transfer_cancelled(struct transfer *transfer, struct io *io)
{
	struct fd *fd = fd_find(io, transfer->number);
	ssize_t n = fd && fd->kind > FD_SOCKET ? nowait_leave(transfer, fd) : -ECANCELED;
	if (n > 0)
		transfer_keep_cancellation();
	return n;
}

ssize_t transfer_ended(const struct transfer *transfer, int error)
{
	if (error != -ESHUTDOWN)
		return error;
	if (transfer->call == CALL_ACCEPT)
		return -EINVAL;
	if (transfer->call == CALL_RECVMSG) {
		transfer->message->msg_namelen = 0;
		transfer->message->msg_controllen = 0;
		transfer->message->msg_flags = 0;
	}
	return 0;
}

/* Makes the call outside of tasks: blocks the thread. */
static ssize_t block(struct transfer *transfer, struct fd *fd)
{
	for (int woken = -1;; woken++) {
		ssize_t n = transfer->attempt(transfer, fd);
		if (n != -EAGAIN || transfer->flags & MSG_DONTWAIT)
			return n;
		int r = woken < 0 ? 0 : fd_rest(NULL, fd, transfer->direction, woken);
		if (r == 0)
			r = fd_block(fd->number, transfer->direction);
		if (r < 0)
			return transfer_ended(transfer, r);
	}
}

/* Whether the call writes to a file at its position, which the kernel then moves. */
static inline bool moves_position(const struct transfer *transfer, const struct fd *fd)
{
	return fd->kind == FD_FILE && transfer->direction == WRITING && !transfer->offset;
}

/*
 * Moves the position of a file behind what was written. Linux does not, in io_uring, if the rest of a
 * write has failed: then the rest would take the place of the beginning.
 */
static void mend_position(const struct transfer *transfer, off_t before, ssize_t n)
{
	if (n > 0 && before >= 0 && (size_t)n < transfer_length(transfer) &&
	    lseek(transfer->number, 0, SEEK_CUR) == before)
		lseek(transfer->number, before + n, SEEK_SET);
}

/* Has the poller make the call, after all those in line. */
static inline ssize_t perform(struct transfer *transfer, struct io *io, struct fd *fd)
{
	bool first = transfer->held || list_empty(&fd->sides[transfer->direction].line);
	int r = likely(first) ? 0 : fd_stand_in_line(io, fd, transfer->direction);
	if (r < 0)
		return r;
	bool moves = moves_position(transfer, fd);
	off_t before = moves ? lseek(transfer->number, 0, SEEK_CUR) : -1;
	ssize_t n = io->backend->perform(io, fd, transfer);
	if (moves)
		mend_position(transfer, before, n);
	return n == -EAGAIN ? transfer_attempts(transfer, io, fd, transfer_way(transfer, true)) : n;
}

/*
 * Whether the kernel waits until all is received as it should. It waits for several messages of
 * SOCK_SEQPACKET, and forgets fds that came with the first part of a message.
 */
static inline bool receives_whole(const struct transfer *transfer, const struct fd *fd)
{
	return fd->kind != FD_SOCKET && transfer->call == CALL_RECV;
}

/* Whether the poller can make the call as a whole. */
static inline bool can_be_performed(const struct transfer *transfer, const struct io *io,
				    const struct fd *fd)
{
	if (!io->performs || !transfer->call || transfer->flags & MSG_DONTWAIT)
		return false;
	if (transfer->whole && transfer->direction == READING && !receives_whole(transfer, fd))
		return false;
	if (likely(fd->kind == FD_TCP || fd->kind == FD_UNIX))
		return !transfer->offset;
	if (fd->kind == FD_PIPE && transfer->direction == WRITING)
		return false; /* the kernel's write would raise SIGPIPE */
	/* The kernel retries a datagram that finds no room, and some kernels then send it empty. */
	if (fd->kind == FD_SOCKET && transfer->direction == WRITING)
		return false;
	if (fd->kind > FD_SOCKET && fd->kind != FD_FILE && fd->access != ACCESS_FLAG)
		return false; /* the kernel polls first, but then the call may block */
	return !transfer->offset || fd->kind == FD_FILE; /* other fds have no offsets */
}

/* Makes the call once, in the way for this fd. */
static inline ssize_t once(struct transfer *transfer, struct io *io, struct fd *fd)
{
	if (!io)
		return block(transfer, fd);
	if (can_be_performed(transfer, io, fd))
		return perform(transfer, io, fd);
	if (fd->kind == FD_FILE && transfer->file)
		return transfer->file(transfer->number, transfer->vec, transfer->count,
				      transfer->offset ? *transfer->offset : FILE_POSITION);
	return transfer_attempts(transfer, io, fd, transfer_way(transfer, transfer->held));
}

/* Renews the budget, which lets other tasks run, but keeps the fd's turn. As fd_check_budget. */
static int renew_budget_in_turn(struct io *io, struct fd *fd, enum direction direction)
{
	struct fd_turn turn;
	if (!io_out_of_budget(io))
		return 0;
	fd_turn_begin(fd, direction, &turn);
	int r = io_renew_budget(io);
	fd_turn_end(&turn);
	return turn.wait.fd ? r : -EBADF;
}

/* The rest of a message is sent as bytes, without address and fds. */
static void become_rest(struct transfer *transfer)
{
	if (!transfer->attempt_rest)
		return;
	transfer->attempt = transfer->attempt_rest;
	if (transfer->direction == WRITING)
		transfer->call = CALL_SEND;
}

/* Whether a part is all that there will be: a socket of messages is received from one at a time. */
static bool is_one_message(const struct transfer *transfer, const struct fd *fd)
{
	return transfer->direction == READING && fd->kind == FD_SOCKET &&
	       socket_option(fd->number, SO_TYPE) != SOCK_STREAM;
}

/*
 * The transfer without its first skip bytes. If they end inside a piece, the rest of that piece is
 * put in *piece and is all of vec.
 */
static struct transfer without(const struct transfer *transfer, size_t skip, struct iovec *piece)
{
	struct transfer rest = *transfer;
	for (; rest.count > 0 && skip >= rest.vec->iov_len; rest.vec++, rest.count--)
		skip -= rest.vec->iov_len;
	if (rest.count > 0 && skip > 0) {
		piece->iov_base = (char *)rest.vec->iov_base + skip;
		piece->iov_len = rest.vec->iov_len - skip;
		rest.vec = piece;
		rest.count = 1;
	}
	return rest;
}

/* Transfers the next part. io is NULL outside of tasks. */
static ssize_t next_piece(struct transfer *rest, struct io *io, struct fd *fd)
{
	int r = io ? renew_budget_in_turn(io, fd, rest->direction) : 0;
	if (r < 0)
		return r;
	ssize_t n = once(rest, io, fd);
	if (io)
		io_use_budget(io, n > 0 ? (size_t)n : 0);
	return n;
}

ssize_t transfer_rest(struct transfer *transfer, struct io *io, struct fd *fd, uint32_t generation,
		      ssize_t done)
{
	struct iovec piece;
	become_rest(transfer);
	transfer->held = true;
	if (io)
		io_use_budget(io, (size_t)done);
	bool over = is_one_message(transfer, fd);
	while (!over && (!io || fd_is_still(io, fd, transfer->number, generation))) {
		struct transfer rest = without(transfer, (size_t)done, &piece);
		if (rest.count == 0)
			break;
		ssize_t n = next_piece(&rest, io, fd);
		if (n == -ECANCELED)
			transfer_keep_cancellation();
		if (n <= 0)
			break; /* the next call returns the error */
		done += n;
	}
	if (io && fd_is_still(io, fd, transfer->number, generation))
		fd_pass_on(fd, transfer->direction);
	return done;
}

/* io is NULL outside of tasks. */
static inline ssize_t run(struct transfer *transfer, struct io *io, struct fd *fd)
{
	uint32_t generation = fd->generation;
	ssize_t n = once(transfer, io, fd);
	if (transfer_is_partial(transfer, n))
		return transfer_rest(transfer, io, fd, generation, n);
	if (io)
		io_use_budget(io, n > 0 ? (size_t)n : 0);
	return n < 0 ? transfer_failed(n) : n;
}

ssize_t transfer_failed(ssize_t error)
{
	return error == -ECANCELED ? error : fail_code((int)error);
}

ssize_t transfer_run_anew(struct transfer *transfer, struct io *io, struct fd *fd)
{
	int r = fd_renew(io, &fd);
	if (r < 0)
		return transfer_failed(r);
	return r > 0 ? run(transfer, io, fd) : fail_code(-ENOTSOCK);
}

/*
 * The fault of a call, by its kind. Calls that are none of these, such as sendfile, have none.
 */
static int transfer_fault(const struct transfer *transfer)
{
	static const uint8_t calls[] = {
		[CALL_OTHER] = FAULT_CALLS,  [CALL_READ] = FAULT_READ,
		[CALL_WRITE] = FAULT_WRITE,  [CALL_RECV] = FAULT_RECV,
		[CALL_RECVMSG] = FAULT_RECV, [CALL_SEND] = FAULT_SEND,
		[CALL_SENDMSG] = FAULT_SEND, [CALL_ACCEPT] = FAULT_ACCEPT,
	};
	enum fault_call call = calls[transfer->call];
	return call < FAULT_CALLS ? fault_of(call) : 0;
}

/* Whether the call may transfer less than there is without losing the rest. */
static bool may_be_short(const struct transfer *transfer, const struct fd *fd)
{
	return fd->kind != FD_SOCKET && transfer->call != CALL_RECVMSG && !transfer->whole;
}

int transfer_count(struct transfer *transfer, const struct fd *fd, struct iovec *byte)
{
	int fault = transfer_fault(transfer);
	if (likely(fault <= 0))
		return fault;
	if (may_be_short(transfer, fd)) {
		*byte = (struct iovec){transfer->vec->iov_base, transfer->vec->iov_len > 0};
		transfer->vec = byte;
		transfer->count = 1;
	}
	return 0;
}

/* run, unless a fault comes instead. */
static ssize_t run_counted(struct transfer *transfer, struct io *io, struct fd *fd)
{
	struct iovec byte;
	int fault = transfer_count(transfer, fd, &byte);
	return fault < 0 ? fault : run(transfer, io, fd);
}

/*
 * The tenths of a second after which a read without input returns 0, as a terminal may be set. -1 if
 * it waits for input.
 */
static int time_to_read(const struct transfer *transfer, const struct fd *fd)
{
	bool may_be = fd->kind == FD_DEVICE && transfer->direction == READING &&
		      (fd->access == ACCESS_OWN || fd->access == ACCESS_UNKNOWN);
	return may_be && !transfer->offset ? system_terminal_time(fd->number) : -1;
}

/* run_counted of a read that waits no longer than that. The description of our own only polls. */
static ssize_t run_for(int tenths, struct transfer *transfer, struct io *io, struct fd *fd)
{
	struct coro_timeout timeout;
	fd->ready |= BIT(READING); /* without a time, the read itself tells that there is nothing */
	if (tenths == 0)
		return run_counted(transfer, io, fd);
	int r = coro_timeout_begin_site(NULL, &timeout, tenths * 100 * CORO_MSEC);
	if (r < 0)
		return r;
	ssize_t n = run_counted(transfer, io, fd);
	r = coro_timeout_end(&timeout, n < 0 ? (int)n : 0);
	return n != -ECANCELED ? n : r == -ETIMEDOUT ? 0 : r;
}

ssize_t transfer_run_otherwise(struct transfer *transfer, struct io *io, struct fd *fd)
{
	fd_check_closed(io, fd);
	int r = fd->kind == FD_FILE && !io->performs ? fd_renew(io, &fd) : 0;
	if (r < 0)
		return transfer_failed(r);
	int tenths = time_to_read(transfer, fd);
	ssize_t n = tenths < 0 ? run_counted(transfer, io, fd) : run_for(tenths, transfer, io, fd);
	return unlikely(n == -ENOTSOCK) ? transfer_run_anew(transfer, io, fd) : n;
}

ssize_t transfer_run_outside(struct transfer *transfer)
{
	struct io *io;
	struct fd own, *fd = &own;
	int r = io_current(&io);
	if (r == 0)
		r = io ? fd_of(io, transfer->number, &fd) : fd_examine(&own, transfer->number);
	if (r < 0)
		return transfer_failed(r);
	if (io)
		return transfer_run_otherwise(transfer, io, fd); /* the loop's first call */
	own.access = ACCESS_BLOCKING;
	return run_counted(transfer, NULL, fd);
}
