/* SPDX-License-Identifier: MIT */
/*
 * The same as fail_call.c for calls that go by way of io_uring: they have the names of the calls that
 * do the same, and liburing's own are "io_uring_enter" and "io_uring_setup". One that is to fail is
 * replaced by one that does nothing and has that result: from Linux 6.9 on.
 */
#include "fail_call.h"

#ifdef CORO_URING

#include <errno.h>
#include <liburing.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#ifndef IORING_NOP_INJECT_RESULT
#define IORING_NOP_INJECT_RESULT 1U
#endif

static const char *name_of(unsigned opcode)
{
	switch (opcode) {
	case IORING_OP_RECV:
		return "recv";
	case IORING_OP_SEND:
		return "send";
	case IORING_OP_RECVMSG:
		return "recvmsg";
	case IORING_OP_SENDMSG:
		return "sendmsg";
	case IORING_OP_READV:
		return "preadv2";
	case IORING_OP_WRITEV:
		return "pwritev2";
	case IORING_OP_ACCEPT:
		return "accept4";
	case IORING_OP_CONNECT:
		return "connect";
	case IORING_OP_POLL_ADD:
		return "uring_poll";
	case IORING_OP_ASYNC_CANCEL:
		return "uring_cancel";
	default:
		return NULL;
	}
}

static void make_fail(struct io_uring_sqe *sqe)
{
	uint64_t name = sqe->user_data;
	int error = errno;
	if (sqe->opcode == IORING_OP_RECV || sqe->opcode == IORING_OP_RECVMSG ||
	    sqe->opcode == IORING_OP_SEND || sqe->opcode == IORING_OP_SENDMSG)
		lose_connection(sqe->fd, error);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_NOP;
	sqe->rw_flags = IORING_NOP_INJECT_RESULT;
	sqe->len = (uint32_t)-error;
	sqe->user_data = name;
}

/* A message of its first piece, shortened; of the last few, which the kernel has read by then. */
static const struct msghdr *shortened(const struct msghdr *message)
{
	enum { FEW = 64 };
	static _Thread_local struct {
		struct msghdr message;
		struct iovec vec;
	} copies[FEW], *copy;
	static _Thread_local unsigned count;
	if (message->msg_iovlen == 0 || shorter(SIZE_MAX) == SIZE_MAX)
		return message;
	copy = &copies[count++ % FEW];
	copy->message = *message;
	copy->vec = message->msg_iov[0];
	copy->vec.iov_len = shorter(copy->vec.iov_len);
	copy->message.msg_iov = &copy->vec;
	copy->message.msg_iovlen = 1;
	return &copy->message;
}

static void make_short(struct io_uring_sqe *sqe)
{
	const struct iovec *vec = (const struct iovec *)(uintptr_t)sqe->addr;
	switch (sqe->opcode) {
	case IORING_OP_RECV:
	case IORING_OP_SEND:
		sqe->len = (uint32_t)shorter(sqe->len);
		break;
	case IORING_OP_SENDMSG:
		sqe->addr = (uintptr_t)shortened((const struct msghdr *)(uintptr_t)sqe->addr);
		break;
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
		if (shorter(SIZE_MAX) == SIZE_MAX || sqe->len == 0)
			break;
		sqe->opcode = sqe->opcode == IORING_OP_READV ? IORING_OP_READ : IORING_OP_WRITE;
		sqe->addr = (uintptr_t)vec->iov_base;
		sqe->len = (uint32_t)shorter(vec->iov_len);
		break;
	default:
		break;
	}
}

/* Checks all entries that are about to be submitted. */
static void change(struct io_uring *ring)
{
	struct io_uring_sq *sq = &ring->sq;
	for (unsigned at = sq->sqe_head; at != sq->sqe_tail; at++) {
		struct io_uring_sqe *sqe = &sq->sqes[at & *sq->kring_mask];
		const char *name = name_of(sqe->opcode);
		if (name && call_at_fails(name, (const void *)(uintptr_t)sqe->user_data))
			make_fail(sqe);
		else
			make_short(sqe);
	}
}

#define WRAP_URING(name, parameters, arguments)   \
	int __real_##name parameters;             \
	int __wrap_##name parameters;             \
	int __wrap_##name parameters              \
	{                                         \
		if (call_fails("io_uring_enter")) \
			return -errno;            \
		change(r);                        \
		return __real_##name arguments;   \
	}

WRAP_URING(io_uring_submit, (struct io_uring * r), (r))
WRAP_URING(io_uring_submit_and_wait, (struct io_uring * r, unsigned n), (r, n))
WRAP_URING(io_uring_submit_and_get_events, (struct io_uring * r), (r))
WRAP_URING(io_uring_submit_and_wait_timeout,
	   (struct io_uring * r, struct io_uring_cqe **c, unsigned n, struct __kernel_timespec *t,
	    sigset_t *s),
	   (r, c, n, t, s))

int __real_io_uring_queue_init_params(unsigned n, struct io_uring *r, struct io_uring_params *p);
int __wrap_io_uring_queue_init_params(unsigned n, struct io_uring *r, struct io_uring_params *p);
int __wrap_io_uring_queue_init_params(unsigned n, struct io_uring *r, struct io_uring_params *p)
{
	if (call_fails("io_uring_setup"))
		return -errno;
	return __real_io_uring_queue_init_params(n, r, p);
}

/* Looks for results; only now and then it has to ask the kernel. */
int __real___io_uring_get_cqe(struct io_uring *r, struct io_uring_cqe **c, unsigned s, unsigned n,
			      sigset_t *m);
int __wrap___io_uring_get_cqe(struct io_uring *r, struct io_uring_cqe **c, unsigned s, unsigned n,
			      sigset_t *m);
int __wrap___io_uring_get_cqe(struct io_uring *r, struct io_uring_cqe **c, unsigned s, unsigned n,
			      sigset_t *m)
{
	bool asks = *r->sq.kflags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN);
	if (asks && call_fails("uring_look"))
		return -errno;
	return __real___io_uring_get_cqe(r, c, s, n, m);
}

int __real_io_uring_register_eventfd(struct io_uring *r, int fd);
int __wrap_io_uring_register_eventfd(struct io_uring *r, int fd);
int __wrap_io_uring_register_eventfd(struct io_uring *r, int fd)
{
	if (call_fails("io_uring_register"))
		return -errno;
	return __real_io_uring_register_eventfd(r, fd);
}

#endif
