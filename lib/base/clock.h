/* SPDX-License-Identifier: MIT */
/* Waiting for a time of the monotonic clock, which coro_clock reads. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Sleeps until that time, or until a signal comes. */
void clock_wait_until(int64_t when);

#endif
