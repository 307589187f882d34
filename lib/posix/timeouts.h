/* SPDX-License-Identifier: MIT */
/* SO_RCVTIMEO and SO_SNDTIMEO, which the library below does not know. */
#ifndef POSIX_TIMEOUTS_H
#define POSIX_TIMEOUTS_H

#include "coro/timeout.h"
#include "posix/call.h"
#include "posix/view.h"

/* The timeout of one call, on its stack. */
struct limit {
	struct coro_timeout timeout;
	bool begun;
};

int limit_begin_slow(struct limit *limit, int fd, int option);

/* Begins the timeout that option of the fd's socket sets, if any. Returns 0 or an error. */
static inline int limit_begin(struct limit *limit, int fd, int option)
{
	limit->begun = false;
	return likely(view_of(fd) & VIEW_NO_TIMEOUTS) ? 0 : limit_begin_slow(limit, fd, option);
}

/* Ends it. Turns the result of the call into error if the time was over. */
ssize_t limit_end_slow(struct limit *limit, ssize_t result, int error);

static inline ssize_t limit_end(struct limit *limit, ssize_t result, int error)
{
	return likely(!limit->begun) ? result : limit_end_slow(limit, result, error);
}

#endif
