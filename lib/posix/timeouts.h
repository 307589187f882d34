/* SPDX-License-Identifier: MIT */
/* What may end a call on an fd: SO_RCVTIMEO, SO_SNDTIMEO and signal handlers. */
#ifndef POSIX_TIMEOUTS_H
#define POSIX_TIMEOUTS_H

#include "coro/timeout.h"
#include "posix/interrupt.h"
#include "posix/view.h"

/* The limits of one call, on its stack. */
struct limit {
	struct interruptible call;
	struct coro_timeout timeout;
	bool begun, timed;
};

int limit_begin_slow(struct limit *limit, int fd, int option);

/*
 * Begins a call, which has the timeout that option of the fd's socket sets, if any. Returns 0 or an
 * error.
 */
static inline int limit_begin(struct limit *limit, int fd, int option)
{
	limit->begun = false;
	return likely(view_of(fd) & VIEW_NO_TIMEOUTS && !interrupt_possible(BY_UNRESTARTED))
		       ? 0
		       : limit_begin_slow(limit, fd, option);
}

/* Ends it. Turns its result into error if the time was over. */
ssize_t limit_end_slow(struct limit *limit, ssize_t result, int error);

static inline ssize_t limit_end(struct limit *limit, ssize_t result, int error)
{
	return likely(!limit->begun) ? result : limit_end_slow(limit, result, error);
}

#endif
