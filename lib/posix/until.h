/* SPDX-License-Identifier: MIT */
/* Waits until a time of a clock. */
#ifndef POSIX_UNTIL_H
#define POSIX_UNTIL_H

#include "posix/call.h"

/* What is left until then, at least 0; negative: an error. */
static inline int64_t length_until(clockid_t clock, const struct timespec *time)
{
	struct timespec now;
	int64_t end = call_length(time);
	if (end < 0 || end == CORO_FOREVER)
		return end;
	if (clock_gettime(clock, &now) < 0)
		return -errno;
	int64_t left = end - call_length(&now);
	return left > 0 ? left : 0;
}

#endif
