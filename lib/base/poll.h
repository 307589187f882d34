/* SPDX-License-Identifier: MIT */
/* POSIX's poll, also where a sandbox or RLIMIT_NOFILE refuses it. */
#ifndef BASE_POLL_H
#define BASE_POLL_H

#include "base/system.h"

#include <poll.h>
#include <stddef.h>
#include <time.h>

#ifndef POLLRDHUP /* it is Linux's */
#define POLLRDHUP 0
#endif

/* Tries the calls that may work when ppoll has failed with errno. Only for poll_fds. */
int poll_fds_otherwise(struct pollfd *fds, size_t count, const struct timespec *timeout);

/*
 * Like ppoll without a mask. It calls poll if a sandbox refuses ppoll, and select if there are more
 * fds than RLIMIT_NOFILE allows. That happens when the limit was lowered while the fds were open.
 */
static inline int poll_fds(struct pollfd *fds, size_t count, const struct timespec *timeout)
{
	int n = system_poll(fds, (nfds_t)count, timeout);
	return n >= 0 ? n : poll_fds_otherwise(fds, count, timeout);
}

#endif
