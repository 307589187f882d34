/* SPDX-License-Identifier: MIT */
#include "coro/base.h"

#include <time.h>

int64_t coro_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * CORO_SEC + now.tv_nsec;
}
