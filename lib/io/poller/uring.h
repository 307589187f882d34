/* SPDX-License-Identifier: MIT */
/*
 * Linux's io_uring: what is to be done is put down, and handed to the system once for all the tasks
 * of a turn, together with the wait for what comes of it.
 *
 *   uring_poll.c        waiting for an fd is a poll that tells once, and is put down again by who
 *                       waits again
 *   uring_operation.c   a call is done by the system as a whole, in the memory of the task that
 *                       waits for it: an operation
 *   uring.c             the ring: handing over, waiting, and taking what comes of it
 *
 * What is put down has a name, which comes back with what came of it: an operation's is its address,
 * with bit 1 set for a request to cancel it; that of a poll has bit 0 set, and names fd, direction
 * and the record's watch; the inbox's poll is 1, and 0 is of no interest.
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
	struct list levels; /* fds that have callbacks, to be polled for the next wait */
	struct list gone;   /* fds that were found closed, to be forgotten after this wait */
	bool inbox_polled;
	bool closing;            /* operations are cancelled because their fd is closed */
	int signalled, embedded; /* for a host: see uring_fd; -1: there is none */
	bool poll_first;         /* the kernel knows IORING_RECVSEND_POLL_FIRST */
	bool lost; /* operations were left to the kernel, which does not let go of them */
};

static inline struct uring *uring_of(struct io *io)
{
	return container_of(io, struct uring, io);
}

/* -- the ring */

/* How often a call is repeated that must not fail. */
enum { URING_TRIES = 16 };

/* An error that is none, or that passes when results are taken. */
static inline bool uring_error_passes(int error)
{
	return error == -ETIME || error == -EINTR || error == -EAGAIN || error == -EBUSY;
}

/*
 * A place to put something down; what is there is handed over first if there is none. 0, or the error
 * with which the kernel refuses that, time after time.
 */
int uring_place(struct uring *uring, struct io_uring_sqe **ret);

/* Has what has that name cancelled; the request is to have this one. As uring_place. */
int uring_put_cancel(struct uring *uring, uint64_t name, uint64_t as);

/* Takes what there is: 0, or an error of looking for more. */
int uring_take_results(struct uring *uring);

/* -- polls */

/* As struct backend's. */
int uring_arm(struct io *io, struct fd *fd);
void uring_leave(struct io *io, struct fd *fd);
void uring_forget(struct io *io, struct fd *fd);

/* What came of one that was put down. */
void uring_poll_came(struct uring *uring, const struct io_uring_cqe *cqe);

/* Before a wait: callbacks are called for as long as an fd is ready, so it is asked each time. */
void uring_put_levels(struct uring *uring);

/* After it. */
void uring_forget_gone(struct uring *uring);

/* -- operations */

/* As struct backend's perform. */
ssize_t uring_perform(struct io *io, struct fd *fd, struct transfer *transfer);

/* What came of one, or of the request to cancel it. */
void uring_operation_came(const struct io_uring_cqe *cqe);
void uring_cancel_came(const struct io_uring_cqe *cqe);

#endif
