/* SPDX-License-Identifier: MIT */
/* Calls that io_uring makes as a whole, while the task that made them waits. */
#include "coro/task.h"
#include "io/poller/uring.h"
#include "io/transfer.h"
#include "task/task.h"

#include <errno.h>
#include <unistd.h>

struct operation {
	struct fd_wait wait;
	struct uring *uring;
	const struct transfer *transfer;
	struct cleanup cleanup;
	bool over;                /* its result has come */
	bool cancelling;          /* the result of a request to cancel it has not come yet */
	bool withdrawn;           /* turned into a no-op before it was submitted */
	bool holding;             /* see hold */
	struct io_uring_sqe *sqe; /* its entry, at that position of the queue */
	unsigned position;
	int result;
	unsigned flags;
	struct msghdr message;
};

static struct operation *operation_of(struct fd_wait *wait)
{
	return container_of(wait, struct operation, wait);
}

static struct operation *operation_named(uint64_t name)
{
	return (struct operation *)(uintptr_t)(name & ~(uint64_t)NAME_IS_CANCEL);
}

static bool is_settled(const struct operation *operation)
{
	return operation->over && !operation->cancelling;
}

/* Wakes the task when the kernel is done. A transfer cannot be undone, so the wait succeeds. */
static void wake_if_settled(struct operation *operation)
{
	struct waiter *waiter = &operation->wait.waiter;
	if (!is_settled(operation) || waiter->state != WAITER_PENDING)
		return;
	waiter->state = WAITER_WOKEN;
	wake_given(waiter->task, 0);
}

void uring_operation_came(const struct io_uring_cqe *cqe)
{
	struct operation *operation = operation_named(cqe->user_data);
	operation->over = true;
	operation->result = operation->withdrawn ? -ECANCELED : cqe->res;
	operation->flags = cqe->flags;
	wake_if_settled(operation);
}

static void cancel(struct operation *operation)
{
	uint64_t name = (uintptr_t)operation;
	if (operation->over || operation->cancelling || operation->withdrawn)
		return;
	operation->cancelling =
		uring_put_cancel(operation->uring, name, name | NAME_IS_CANCEL) == 0;
}

/* The kernel may not find an operation that changes state (-ENOENT), so it is cancelled again. */
void uring_cancel_came(const struct io_uring_cqe *cqe)
{
	struct operation *operation = operation_named(cqe->user_data);
	operation->cancelling = false;
	if (cqe->res == -ENOENT)
		cancel(operation);
	wake_if_settled(operation);
}

/*
 * Turns an operation that was not submitted into a no-op: its fd's number may be another file's by
 * then. The kernel reads an entry only when it is submitted.
 */
static void withdraw(struct operation *operation)
{
	const struct io_uring *ring = &operation->uring->ring;
	unsigned handed_over = __atomic_load_n(ring->sq.khead, __ATOMIC_ACQUIRE);
	if (operation->over || (int)(operation->position - handed_over) < 0)
		return;
	io_uring_prep_nop(operation->sqe);
	operation->sqe->user_data = (uintptr_t)operation;
	operation->withdrawn = true;
}

static void operation_closed(struct fd_wait *wait)
{
	struct operation *operation = operation_of(wait);
	operation->uring->closing = true;
	withdraw(operation);
	cancel(operation);
}

static void close_fd(int fd)
{
	close(fd);
}

/* Closes the fds that an operation has received for a discarded task. */
static void drop_result(const struct operation *operation)
{
	const struct transfer *transfer = operation->transfer;
	if (operation->result < 0)
		return;
	if (transfer->call == CALL_ACCEPT)
		close(operation->result);
	else if (transfer->call == CALL_RECVMSG && transfer->message->msg_control)
		transfer_each_fd(transfer->message, close_fd);
}

/*
 * Keeps virtual time from jumping during an operation on a file. The kernel works on it meanwhile, as
 * a thread does with other pollers. An operation on another fd may wait for ever and holds nothing.
 */
static void hold(struct operation *operation, const struct fd *fd)
{
	struct coro_loop *loop = operation->uring->io.loop;
	operation->holding = sched_of(loop)->virtual_clock && fd->kind == FD_FILE;
	if (operation->holding)
		sched_hold(sched_of(loop));
}

static void unhold(struct operation *operation)
{
	struct coro_loop *loop = operation->uring->io.loop;
	if (!operation->holding)
		return;
	operation->holding = false;
	sched_unhold(sched_of(loop));
	sched_let_go(sched_of(loop));
}

/* Called when the task is discarded. The kernel uses its stack, so the operation must end first. */
static void discard(struct cleanup *cleanup)
{
	struct operation *operation = container_of(cleanup, struct operation, cleanup);
	struct uring *uring = operation->uring;
	operation->wait.waiter.state = WAITER_CANCELLED;
	unhold(operation);
	if (!sched_is_own(sched_of(uring->io.loop)))
		return; /* in a child of fork: the kernel works in the parent's memory */
	withdraw(operation);
	for (int tries = 0; !is_settled(operation) && tries < URING_TRIES;) {
		cancel(operation);
		int r = io_uring_submit_and_wait(&uring->ring, 1);
		uring_take_results(uring);
		tries += r < 0 && !uring_error_passes(r);
	}
	if (is_settled(operation))
		drop_result(operation);
	else
		uring->lost = true; /* the ring, about to be closed, ends it */
}

static unsigned length_of(const struct iovec *vec)
{
	enum { MOST = 1 << 30 };
	return vec->iov_len < MOST ? (unsigned)vec->iov_len : MOST;
}

static uint64_t offset_of(const struct transfer *transfer)
{
	return transfer->offset ? (uint64_t)*transfer->offset : (uint64_t)-1;
}

/* Returns the transfer's pieces as a message, for recvmsg and sendmsg. */
static struct msghdr *message_of(struct operation *operation, const struct transfer *transfer)
{
	operation->message = (struct msghdr){
		.msg_iov = (struct iovec *)transfer->vec,
		.msg_iovlen = (size_t)transfer->count,
	};
	return &operation->message;
}

static void put_read(struct io_uring_sqe *sqe, struct operation *operation, const struct fd *fd,
		     const struct transfer *transfer)
{
	const struct iovec *vec = transfer->vec;
	if (transfer->call == CALL_READ && fd->kind > FD_SOCKET)
		io_uring_prep_readv(sqe, fd->number, vec, (unsigned)transfer->count,
				    offset_of(transfer));
	else if (transfer->count == 1)
		io_uring_prep_recv(sqe, fd->number, vec->iov_base, length_of(vec), transfer->flags);
	else
		io_uring_prep_recvmsg(sqe, fd->number, message_of(operation, transfer),
				      (unsigned)transfer->flags);
}

static void put_write(struct io_uring_sqe *sqe, struct operation *operation, const struct fd *fd,
		      const struct transfer *transfer)
{
	const struct iovec *vec = transfer->vec;
	int flags = transfer->flags | MSG_NOSIGNAL;
	if (transfer->call == CALL_WRITE && fd->kind > FD_SOCKET)
		io_uring_prep_writev(sqe, fd->number, vec, (unsigned)transfer->count,
				     offset_of(transfer));
	else if (transfer->count == 1)
		io_uring_prep_send(sqe, fd->number, vec->iov_base, length_of(vec), flags);
	else
		io_uring_prep_sendmsg(sqe, fd->number, message_of(operation, transfer),
				      (unsigned)flags);
}

static int put(struct operation *operation, const struct fd *fd, const struct transfer *transfer)
{
	struct io_uring_sqe *sqe;
	int r = uring_place(operation->uring, &sqe);
	if (r < 0)
		return r;
	operation->sqe = sqe;
	operation->position = operation->uring->ring.sq.sqe_tail - 1;
	switch (transfer->call) {
	case CALL_READ:
	case CALL_RECV:
		put_read(sqe, operation, fd, transfer);
		break;
	case CALL_WRITE:
	case CALL_SEND:
		put_write(sqe, operation, fd, transfer);
		break;
	case CALL_RECVMSG:
		io_uring_prep_recvmsg(sqe, fd->number, transfer->message,
				      (unsigned)transfer->flags);
		break;
	case CALL_SENDMSG:
		io_uring_prep_sendmsg(sqe, fd->number, transfer->message,
				      (unsigned)transfer->flags | MSG_NOSIGNAL);
		break;
	case CALL_ACCEPT:
		io_uring_prep_accept(sqe, fd->number, transfer->peer.address, transfer->peer.length,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);
		break;
	case CALL_CONNECT:
		io_uring_prep_connect(sqe, fd->number, transfer->peer.address,
				      *transfer->peer.length);
		break;
	case CALL_OTHER:
		io_uring_prep_nop(sqe);
		break;
	}
	bool receives = sqe->opcode == IORING_OP_RECV || sqe->opcode == IORING_OP_RECVMSG;
	if (receives && operation->uring->poll_first && !(fd->ready & BIT(READING)))
		sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	sqe->user_data = (uintptr_t)operation;
	return 0;
}

/*
 * Waits until the kernel is done with the operation. Returns 0, or -ECANCELED if the task was cancelled
 * while it waited; then the operation was cancelled too.
 */
static int wait_for(struct operation *operation)
{
	struct waiter *waiter = &operation->wait.waiter;
	const struct wait_kind *kind = &fd_waiting[operation->transfer->direction];
	int r = waiter_wait(waiter, kind);
	cancel(operation);
	while (!is_settled(operation))
		waiter_wait(waiter, kind);
	return r;
}

/* Notes whether a socket has more to read, as the kernel reports it. */
static void note_rest(struct fd *fd, const struct operation *operation)
{
	if (fd->kind > FD_SOCKET || operation->result <= 0)
		return;
	if (operation->flags & IORING_CQE_F_SOCK_NONEMPTY)
		fd->ready |= BIT(READING);
	else
		fd->ready &= (uint8_t)~BIT(READING);
}

/*
 * Returns the result for the task. An undone operation is -ECANCELED if the task was cancelled, and
 * -EBADF if the fd was closed; otherwise it is tried again. A finished one keeps its result, and a
 * cancellation is put off to the next wait.
 */
static int settle(const struct operation *operation, struct task *task, bool cancelled)
{
	int result = operation->result;
	bool undone = result == -ECANCELED || result == -EINTR;
	if (undone && cancelled)
		return -ECANCELED;
	if (cancelled)
		task_put_off_cancel(task);
	if (!undone)
		return result;
	return operation->wait.fd ? -EAGAIN : -EBADF;
}

ssize_t uring_perform(struct io *io, struct fd *fd, struct transfer *transfer)
{
	enum direction direction = transfer->direction;
	struct task *task = task_running();
	if (task->coro.flags & FLAG_MUST_CANCEL)
		return coro_task_yield(); /* the pending cancellation is delivered here */
	struct operation operation;
	operation.wait = (struct fd_wait){
		.waiter.state = WAITER_CANCELLED,
		.fd = fd,
		.closed = operation_closed,
	};
	operation.uring = uring_of(io);
	operation.transfer = transfer;
	operation.over = operation.cancelling = operation.withdrawn = false;
	int r = put(&operation, fd, transfer);
	if (r < 0)
		return r;
	/* It has its turn already, so it goes to the front of the line. */
	list_append(fd->sides[direction].line.next, &operation.wait.waiter.link);
	cleanup_push(task, &operation.cleanup, discard);
	hold(&operation, fd);
	sched_watch_begin(sched_of(io->loop));
	r = wait_for(&operation);
	sched_watch_end(sched_of(io->loop));
	unhold(&operation);
	cleanup_pop(&operation.cleanup);
	waiter_end(&operation.wait.waiter);
	if (operation.wait.fd) {
		if (direction == READING)
			note_rest(fd, &operation);
		if (!transfer_keeps_turn(transfer, operation.result))
			fd_wake_next(fd, direction);
	}
	return settle(&operation, task, r < 0);
}
