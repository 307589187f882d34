/* SPDX-License-Identifier: MIT */
/*
 * Linux's io_uring: what is to be done is put down, and handed to the system once for all the tasks
 * of a turn, together with the wait for what comes of it.
 *
 * A call is done by the system as a whole, in the memory of the task that waits for it: an operation.
 * Waiting for an fd is a poll that tells once, and is put down again by who waits again.
 *
 * What is put down has a name, which comes back with what came of it: an operation's is its address,
 * with bit 1 set for a request to cancel it; that of a poll has bit 0 set, and names fd, direction
 * and the record's generation; the inbox's poll is 1, and 0 is of no interest.
 */
#include "coro/task.h"
#include "io/transfer.h"
#include "loop/task.h"

#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 1024, RESULTS = 8192 };

/* How often a look is repeated that could not be taken. */
enum { TRIES = 16 };

enum { NAME_NOBODY = 0, NAME_INBOX = 1 };

enum { NAME_IS_POLL = 1, NAME_IS_CANCEL = 2 };

struct uring {
	struct io io;
	struct io_uring ring;
	struct list levels; /* fds that have callbacks, to be polled for the next wait */
	struct list gone;   /* fds that were found closed, to be forgotten after this wait */
	bool inbox_polled;
	bool closing;          /* operations are cancelled because their fd is closed */
	int signalled, hosted; /* for a host: see uring_fd; -1: there is none */
	bool poll_first;       /* the kernel knows IORING_RECVSEND_POLL_FIRST */
};

static struct uring *uring_of(struct io *io)
{
	return container_of(io, struct uring, io);
}

/* -- putting down */

static int take_results(struct uring *uring);

/* A place to put something down; what is there is handed over first if there is none. */
static struct io_uring_sqe *place(struct uring *uring)
{
	struct io_uring_sqe *sqe;
	while (!(sqe = io_uring_get_sqe(&uring->ring)))
		if (io_uring_submit(&uring->ring) < 0)
			take_results(uring); /* there may have been too many */
	return sqe;
}

/* Has what has that name cancelled; the request is to have this one. */
static void put_cancel(struct uring *uring, uint64_t name, uint64_t as)
{
	struct io_uring_sqe *sqe = place(uring);
	io_uring_prep_cancel64(sqe, name, 0);
	sqe->user_data = as;
}

/* -- polls */

static uint64_t name_of_poll(const struct fd *fd, enum direction direction)
{
	return (uint64_t)fd->generation << 32 | (uint32_t)fd->number << 2 |
	       (uint32_t)direction << 1 | NAME_IS_POLL;
}

/* How: 0, or IORING_POLL_ADD_MULTI. */
static void put_poll(struct uring *uring, struct fd *fd, enum direction direction, unsigned how)
{
	static const unsigned events[] = {
		[READING] = POLLIN | POLLPRI | POLLRDHUP,
		[WRITING] = POLLOUT,
	};
	struct io_uring_sqe *sqe = place(uring);
	io_uring_prep_poll_add(sqe, fd->number, events[direction]);
	sqe->len = how;
	sqe->user_data = name_of_poll(fd, direction);
	fd->armed |= (uint8_t)BIT(direction);
	if (direction == WRITING)
		fd->lasting = how;
}

static int uring_arm(struct io *io, struct fd *fd)
{
	unsigned missing = fd_wanted(fd) & ~(unsigned)fd->armed;
	for (int i = 0; i < DIRECTIONS; i++)
		if (missing & BIT(i))
			put_poll(uring_of(io), fd, i, 0);
	return 0;
}

/*
 * Whatever was asked for, the system tells that the peer has ended its half. If that is all there is,
 * it would tell it again at once, unless it is asked for changes, of which it tells more than once.
 */
static bool is_no_room(enum direction direction, int result)
{
	return direction == WRITING && result >= 0 && !(result & (POLLOUT | POLLERR | POLLHUP));
}

static void poll_has_come(struct uring *uring, const struct io_uring_cqe *cqe)
{
	struct io *io = &uring->io;
	uint64_t name = cqe->user_data;
	int result = cqe->res;
	enum direction direction = name >> 1 & 1;
	struct fd *fd = fd_find(io, (int)((uint32_t)name >> 2));
	if (!fd || fd->generation != name >> 32)
		return;
	bool more = cqe->flags & IORING_CQE_F_MORE;
	if (!more)
		fd->armed &= (uint8_t)~BIT(direction);
	if (result == -EBADF) {
		/* Closed elsewhere. Results are also taken in the midst of calls that use the record. */
		list_remove(&fd->link);
		list_append(&uring->gone, &fd->link);
		return;
	}
	if (result == -EINVAL)
		result = POLLOUT; /* the kernel cannot tell of changes (before 5.13): it is tried */
	if (is_no_room(direction, result)) {
		if (!more)
			put_poll(uring, fd, direction, IORING_POLL_ADD_MULTI);
		return;
	}
	if (result == -ECANCELED || result == -EINTR) {
		fd_event(io, fd, BIT(direction), false); /* they look, and wait again */
	} else if (result < 0) {
		fd_fail(fd, direction, result);
	} else {
		bool both = result & (POLLHUP | POLLERR);
		/* Urgent data is told of with each wake-up, be there any or not. */
		fd_event(io, fd, both ? BIT(READING) | BIT(WRITING) : BIT(direction),
			 result & (POLLRDHUP | POLLHUP | POLLERR));
	}
	if (fd_wants_level(fd) && list_empty(&fd->link))
		list_append(&uring->levels, &fd->link);
}

static void forget_gone(struct uring *uring)
{
	struct list *link;
	while ((link = list_pop(&uring->gone)))
		fd_forget(&uring->io, container_of(link, struct fd, link)->number);
}

/* One that is told of changes only: whether it is ready still. */
static bool is_still_writable(struct io *io, struct fd *fd)
{
	if (!(fd->armed & BIT(WRITING)) || !fd->lasting || !fd->sides[WRITING].watcher)
		return false;
	if (fd_ask(fd->number, WRITING) < 0)
		return false;
	fd_event(io, fd, BIT(WRITING), false);
	return true;
}

/* Callbacks are called for as long as an fd is ready, so it is asked each time. */
static void put_levels(struct uring *uring)
{
	struct list again, *link;
	list_init(&again);
	while ((link = list_pop(&uring->levels))) {
		struct fd *fd = container_of(link, struct fd, link);
		uring_arm(&uring->io, fd);
		if (is_still_writable(&uring->io, fd))
			list_append(&again, link);
	}
	while ((link = list_pop(&again)))
		list_append(&uring->levels, link);
}

/*
 * The system holds a file for as long as it has something to do with it, even if the fd is closed: so
 * it has to let go before.
 */
static void uring_forget(struct io *io, struct fd *fd)
{
	struct uring *uring = uring_of(io);
	list_remove(&fd->link);
	for (int i = 0; i < DIRECTIONS; i++)
		if (fd->armed & BIT(i))
			put_cancel(uring, name_of_poll(fd, i), NAME_NOBODY);
	if (fd->armed || uring->closing)
		io_uring_submit_and_get_events(&uring->ring);
	uring->closing = false;
}

/* -- operations */

struct operation {
	struct fd_wait wait;
	struct uring *uring;
	const struct transfer *transfer;
	struct cleanup cleanup;
	bool over;                /* the system has let go of it */
	bool cancelling;          /* but has yet to answer a request to cancel it */
	bool withdrawn;           /* it was not handed over, and will not be */
	struct io_uring_sqe *sqe; /* where it was put down, at that position of the queue */
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

/* What has been done cannot be taken back, so the task is woken with it. */
static void wake_if_settled(struct operation *operation)
{
	struct latch *latch = &operation->wait.latch;
	if (!is_settled(operation) || latch->state != LATCH_PENDING)
		return;
	latch->state = LATCH_SET;
	wake_given(latch->task, 0);
}

static void operation_is_over(struct operation *operation, const struct io_uring_cqe *cqe)
{
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
	operation->cancelling = true;
	put_cancel(operation->uring, name, name | NAME_IS_CANCEL);
}

/* It is not found while it goes from one state to another, and may be found later. */
static void cancel_is_answered(struct operation *operation, int result)
{
	operation->cancelling = false;
	if (result == -ENOENT)
		cancel(operation);
	wake_if_settled(operation);
}

/*
 * The fd's number may be another's soon, or is: a call that has not been handed over must not be made
 * on that, and is made into nothing. The system reads what was put down when it is handed over.
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

/* Nobody will have what it has brought. */
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

/* The task is thrown away, and its stack with it: the system must let go of that first. */
static void abandon(struct cleanup *cleanup)
{
	struct operation *operation = container_of(cleanup, struct operation, cleanup);
	struct uring *uring = operation->uring;
	operation->wait.latch.state = LATCH_CANCELLED;
	if (uring->io.loop->fork_count != fork_count)
		return; /* the system has it from the parent, whose memory is another */
	withdraw(operation);
	cancel(operation);
	while (!is_settled(operation)) {
		io_uring_submit_and_wait(&uring->ring, 1);
		take_results(uring);
	}
	drop_result(operation);
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

/* The pieces as a message, for the call that takes one. */
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

static void put(struct operation *operation, const struct fd *fd, const struct transfer *transfer)
{
	struct io_uring_sqe *sqe = place(operation->uring);
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
}

/*
 * Waits until the system has let go of the operation: 0; -ECANCELED if the task was cancelled before
 * that, and then so was the operation.
 */
static int wait_for(struct operation *operation)
{
	struct latch *latch = &operation->wait.latch;
	int r = latch_wait(latch);
	cancel(operation);
	while (!is_settled(operation))
		latch_wait(latch);
	return r;
}

/* Whether there is more to be read: the system says so of sockets. */
static void note_rest(struct fd *fd, const struct operation *operation)
{
	if (fd->kind > FD_SOCKET || operation->result <= 0)
		return;
	if (operation->flags & IORING_CQE_F_SOCK_NONEMPTY)
		fd->ready |= BIT(READING);
	else
		fd->ready &= (uint8_t)~BIT(READING);
}

/* The result, seen together with a cancellation or a close that may have brought it about. */
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

static ssize_t uring_perform(struct io *io, struct fd *fd, struct transfer *transfer)
{
	enum direction direction = transfer->direction;
	struct task *task = task_running();
	if (task->coro.flags & CORO_MUST_CANCEL)
		return coro_task_yield(); /* this is its next wait: nothing is done */
	struct operation operation;
	operation.wait = (struct fd_wait){
		.latch.state = LATCH_CANCELLED,
		.fd = fd,
		.closed = operation_closed,
	};
	operation.uring = uring_of(io);
	operation.transfer = transfer;
	operation.over = operation.cancelling = operation.withdrawn = false;
	put(&operation, fd, transfer);
	list_append(fd->sides[direction].line.next, &operation.wait.latch.link); /* its turn */
	cleanup_push(task, &operation.cleanup, abandon);
	loop_watch_begin(io->loop);
	int r = wait_for(&operation);
	loop_watch_end(io->loop);
	cleanup_pop(&operation.cleanup);
	latch_end(&operation.wait.latch);
	if (operation.wait.fd) {
		if (direction == READING)
			note_rest(fd, &operation);
		fd_wake_next(fd, direction);
	}
	return settle(&operation, task, r < 0);
}

/* -- waiting */

static void take_result(struct uring *uring, const struct io_uring_cqe *cqe)
{
	uint64_t name = cqe->user_data;
	if (name == NAME_INBOX)
		uring->inbox_polled = false;
	else if (name & NAME_IS_POLL)
		poll_has_come(uring, cqe);
	else if (name & NAME_IS_CANCEL)
		cancel_is_answered(operation_named(name), cqe->res);
	else if (name != NAME_NOBODY)
		operation_is_over(operation_named(name), cqe);
}

/* Takes what there is: 0, or an error of looking for more. */
static int take_results(struct uring *uring)
{
	struct io_uring_cqe *cqe;
	int r;
	while ((r = io_uring_peek_cqe(&uring->ring, &cqe)) == 0 && cqe) {
		struct io_uring_cqe taken = *cqe;
		io_uring_cqe_seen(&uring->ring, cqe);
		take_result(uring, &taken);
	}
	return r == -EAGAIN ? 0 : r;
}

/* Hands over what was put down, and waits for a result until then. */
static int submit_and_wait(struct uring *uring, int64_t when)
{
	struct __kernel_timespec time, *timeout = NULL;
	struct io_uring_cqe *cqe;
	int64_t left = when == CORO_FOREVER ? 1 : when > 0 ? when - coro_clock() : 0;
	if (left <= 0 || io_uring_cq_ready(&uring->ring) > 0)
		return io_uring_submit_and_get_events(&uring->ring);
	if (when != CORO_FOREVER) {
		time = (struct __kernel_timespec){
			.tv_sec = left / CORO_SEC,
			.tv_nsec = left % CORO_SEC,
		};
		timeout = &time;
	}
	return io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1, timeout, NULL);
}

/* An error that is none, or that passes when results are taken. */
static bool is_passing(int error)
{
	return error == -ETIME || error == -EINTR || error == -EAGAIN || error == -EBUSY;
}

static void put_inbox(struct uring *uring)
{
	struct io_uring_sqe *sqe = place(uring);
	io_uring_prep_poll_add(sqe, uring->io.loop->inbox.fd, POLLIN);
	sqe->user_data = NAME_INBOX;
	uring->inbox_polled = true;
}

/*
 * A look is to see what there is: also when it could not be taken. And what results have had put down,
 * such as a cancellation that is tried again, is handed over before time jumps, or another loop waits.
 */
static bool is_to_be_repeated(const struct uring *uring, int result, int tries)
{
	if (result < 0)
		return is_passing(result) && tries < TRIES;
	return io_uring_sq_ready(&uring->ring) > 0;
}

static int uring_wait(struct io *io, int64_t when)
{
	struct uring *uring = uring_of(io);
	uint64_t count;
	int r, tries = 0;
	if (uring->signalled >= 0 && read(uring->signalled, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN && errno != EINTR)
		return -errno;
	put_levels(uring);
	if (!list_empty(&uring->levels))
		when = 0; /* some are ready */
	if (!uring->inbox_polled)
		put_inbox(uring);
	do {
		r = submit_and_wait(uring, when);
		int taken = take_results(uring);
		r = r < 0 ? r : taken;
	} while (when == 0 && is_to_be_repeated(uring, r, tries++));
	forget_gone(uring);
	return r < 0 && !is_passing(r) ? r : 0;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Has results signalled on one fd, and another tell of that and of the inbox: 0 or an error. */
static int open_for_host(struct uring *uring)
{
	uring->signalled = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uring->hosted = epoll_create1(EPOLL_CLOEXEC);
	int r = uring->signalled < 0 || uring->hosted < 0 ? -errno : 0;
	if (r == 0)
		r = watch(uring->hosted, uring->signalled);
	if (r == 0)
		r = watch(uring->hosted, uring->io.loop->inbox.fd);
	if (r == 0)
		r = io_uring_register_eventfd(&uring->ring, uring->signalled);
	return r;
}

static void close_for_host(struct uring *uring)
{
	if (uring->signalled >= 0)
		close(uring->signalled);
	if (uring->hosted >= 0)
		close(uring->hosted);
	uring->signalled = uring->hosted = -1;
}

/*
 * The ring's own fd will not do: who polls it is not told of results that are the thread's to fetch,
 * as they are here. Nor is what the ring signals enough: what comes of an eventfd, as the inbox is,
 * it signals only some time later.
 */
static int uring_fd(struct io *io)
{
	struct uring *uring = uring_of(io);
	int r = uring->hosted < 0 ? open_for_host(uring) : 0;
	if (r < 0)
		close_for_host(uring);
	return r < 0 ? r : uring->hosted;
}

/*
 * Hands over what was put down. Where that fails, the host is told as if something had come: then it
 * is tried again, and has its error.
 */
static void uring_settle(struct io *io)
{
	const struct uring *uring = uring_of(io);
	const uint64_t one = 1;
	if (uring_wait(io, 0) == 0 && io_uring_sq_ready(&uring->ring) == 0)
		return;
	while (write(uring->signalled, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* -- life */

/* Of the kernels that have it, the older ones do without some of it. */
static int open_ring(struct uring *uring)
{
	enum {
		NEEDED = IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS | IORING_FEAT_FAST_POLL |
			 IORING_FEAT_EXT_ARG,
		BASIC = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		BEST = BASIC | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};
	struct io_uring_params params = {.flags = BEST, .cq_entries = RESULTS};
	int r = io_uring_queue_init_params(ENTRIES, &uring->ring, &params);
	uring->poll_first = r == 0;
	if (r == -EINVAL) {
		params = (struct io_uring_params){.flags = BASIC, .cq_entries = RESULTS};
		r = io_uring_queue_init_params(ENTRIES, &uring->ring, &params);
	}
	if (r == 0 && (params.features & NEEDED) != NEEDED) {
		io_uring_queue_exit(&uring->ring);
		r = -ENOSYS;
	}
	return r;
}

static int uring_create(struct coro_loop *loop, struct io **ret)
{
	int r = inbox_fd(&loop->inbox);
	if (r < 0)
		return r;
	struct uring *uring = malloc(sizeof(*uring));
	if (!uring)
		return -ENOMEM;
	r = open_ring(uring);
	if (r < 0) {
		free(uring);
		return r;
	}
	list_init(&uring->levels);
	list_init(&uring->gone);
	uring->inbox_polled = uring->closing = false;
	uring->signalled = uring->hosted = -1;
	io_init(&uring->io, loop, &backend_uring);
	*ret = &uring->io;
	return 0;
}

/* The system would let go of what is polled only some time after the ring is closed. */
static void cancel_all(struct uring *uring)
{
	struct io_uring_sqe *sqe = place(uring);
	io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
	sqe->user_data = NAME_NOBODY;
	io_uring_submit_and_get_events(&uring->ring);
}

static void uring_destroy(struct io *io)
{
	struct uring *uring = uring_of(io);
	if (io->loop->fork_count == fork_count)
		cancel_all(uring);
	io_uring_queue_exit(&uring->ring);
	close_for_host(uring);
	io_finish(io);
	free(uring);
}

const struct backend backend_uring = {
	.name = "uring",
	.create = uring_create,
	.destroy = uring_destroy,
	.arm = uring_arm,
	.forget = uring_forget,
	.fd = uring_fd,
	.settle = uring_settle,
	.wait = uring_wait,
	.perform = uring_perform,
};
