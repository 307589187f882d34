/* SPDX-License-Identifier: MIT */
/*
 * Linux's io_uring. Tasks queue requests. The loop submits those of a whole turn at once, by the same
 * system call that waits for results.
 *
 *   uring_poll.c        polls: a task that waits for an fd queues a poll, which reports once
 *   uring_operation.c   operations: the kernel makes a call as a whole, in the memory of the task
 *                       that waits for it
 *   uring.c             the ring: submits requests, waits, and takes results
 *
 * Each request has a name (user_data), which its result carries too:
 *
 *   an operation    its address
 *   its cancel      its address, with bit 1 set
 *   a poll          bit 0 set; the fd, the direction and the record's watch
 *   the inbox       1
 *   any other       0: the result is ignored
 */
#ifndef IO_POLLER_URING_H
#define IO_POLLER_URING_H

#include "io/fd.h"

#include <errno.h>
#include <liburing.h>

enum { NAME_NOBODY = 0, NAME_INBOX = 1 };

enum { NAME_IS_POLL = 1, NAME_IS_CANCEL = 2 };

struct uring {
	struct io io;
	struct io_uring ring;
	struct list levels; /* fds with callbacks, which the next wait must poll again */
	struct list gone;   /* fds found closed, which are forgotten after this wait */
	bool inbox_polled;
	bool closing;            /* operations are cancelled because their fd is closed */
	int signalled, embedded; /* an embedded loop's: see uring_fd; otherwise -1 */
	bool poll_first;         /* the kernel knows IORING_RECVSEND_POLL_FIRST */
	bool lost;               /* the kernel did not finish an operation of a discarded task */
};

static inline struct uring *uring_of(struct io *io)
{
	return container_of(io, struct uring, io);
}

/* -- the ring */

/* How often a call that must not fail is tried. */
enum { URING_TRIES = 16 };

/* Whether an error means only that the wait ended, or passes when results are taken. */
static inline bool uring_error_passes(int error)
{
	return error == -ETIME || error == -EINTR || error == -EAGAIN || error == -EBUSY;
}

/*
 * Returns a free entry of the queue in *ret. If the queue is full, submits it first. Returns 0, or the
 * error with which the kernel has refused that URING_TRIES times.
 */
int uring_place(struct uring *uring, struct io_uring_sqe **ret);

/* Queues a request, named `as`, to cancel the one called `name`. Returns what uring_place does. */
int uring_put_cancel(struct uring *uring, uint64_t name, uint64_t as);

/* Takes all results that are there. Returns 0, or an error of io_uring_peek_cqe. */
int uring_take_results(struct uring *uring);

/* -- polls */

/* See struct backend. */
int uring_arm(struct io *io, struct fd *fd);
void uring_leave(struct io *io, struct fd *fd);
void uring_forget(struct io *io, struct fd *fd);

/* Takes the result of a poll. */
void uring_poll_came(struct uring *uring, const struct io_uring_cqe *cqe);

/*
 * Called before a wait. Queues polls for fds that have callbacks: these are called for as long as the
 * fd is ready, and a poll reports only once.
 */
void uring_put_levels(struct uring *uring);

/* Called after a wait. Forgets the fds that were found closed. */
void uring_forget_gone(struct uring *uring);

/* -- operations */

/* See struct backend's perform. */
ssize_t uring_perform(struct io *io, struct fd *fd, struct transfer *transfer);

/* Take the result of an operation, and of the request to cancel it. */
void uring_operation_came(const struct io_uring_cqe *cqe);
void uring_cancel_came(const struct io_uring_cqe *cqe);

#endif
