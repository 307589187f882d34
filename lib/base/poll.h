/* SPDX-License-Identifier: MIT */
/* POSIX's poll, where the system or its limits refuse it too. */
#ifndef BASE_POLL_H
#define BASE_POLL_H

#include <poll.h>
#include <stddef.h>
#include <time.h>

/* The same where ppoll has failed, with errno. */
int poll_fds_otherwise(struct pollfd *fds, size_t count, const struct timespec *timeout);

/*
 * As ppoll without a mask. It calls poll if a sandbox refuses ppoll, and select for more fds than
 * RLIMIT_NOFILE allows: a limit that was lowered is for new fds, and those that are open are still
 * waited for.
 */
static inline int poll_fds(struct pollfd *fds, size_t count, const struct timespec *timeout)
{
	int n = ppoll(fds, count, timeout, NULL);
	return n >= 0 ? n : poll_fds_otherwise(fds, count, timeout);
}

#endif
