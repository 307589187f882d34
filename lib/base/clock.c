/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include "coro/base.h"

#include <time.h>

int64_t coro_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * CORO_SEC + now.tv_nsec;
}

void clock_wait_until(int64_t when)
{
	struct timespec until = {.tv_sec = when / CORO_SEC, .tv_nsec = when % CORO_SEC};
	if (when > 0)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}
