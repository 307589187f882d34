/* SPDX-License-Identifier: MIT */
/* Sleeping, by the loop's clock. */
#include "posix/interrupt.h"

/* Sleeps in a task. *left, if not NULL, gets what is left. Returns 0 or an error. */
static int sleep_in_task(int64_t length, struct timespec *left)
{
	struct interruptible call;
	int before = errno;
	if (length < 0)
		return (int)length;
	int64_t end = call_end(length);
	int r = interruptible_begin(&call, BY_ANY);
	if (r == 0)
		r = (int)interruptible_end(&call, coro_sleep(length));
	if (r < 0 && left) {
		int64_t rest = call_left(end);
		*left = (struct timespec){.tv_sec = rest / CORO_SEC, .tv_nsec = rest % CORO_SEC};
	}
	errno = before;
	return r;
}

PUBLIC int nanosleep(const struct timespec *time, struct timespec *left)
{
	if (!call_waits())
		return libc()->nanosleep(time, left);
	int before = errno;
	return (int)call_result(sleep_in_task(call_length(time), left), before);
}

PUBLIC int usleep(useconds_t us)
{
	if (!call_waits())
		return libc()->usleep(us);
	int before = errno;
	return (int)call_result(sleep_in_task(us * CORO_USEC, NULL), before);
}

/* Returns the seconds that are left, rounded up, if it was interrupted or cancelled. */
PUBLIC unsigned sleep(unsigned seconds)
{
	struct timespec left = {0};
	if (!call_waits())
		return libc()->sleep(seconds);
	int before = errno;
	if (call_result(sleep_in_task(seconds * CORO_SEC, &left), before) == 0)
		return 0;
	return (unsigned)(left.tv_sec + (left.tv_nsec > 0));
}

/* Until a time of another clock, which may be set meanwhile. Returns 0 or an error. */
static int sleep_until(clockid_t clock, const struct timespec *time)
{
	int64_t end = call_length(time);
	int r = end < 0 ? (int)end : 0;
	while (r == 0) {
		struct timespec now;
		if (clock_gettime(clock, &now) < 0)
			return -errno;
		int64_t left = end - call_length(&now);
		if (left <= 0)
			return 0;
		r = sleep_in_task(left, NULL);
	}
	return r;
}

/* Returns an error, and not -1. */
PUBLIC int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
			   struct timespec *left)
{
	bool known = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME;
	if (!known || !call_waits())
		return libc()->clock_nanosleep(clock, flags, time, left);
	int before = errno;
	int r = flags & TIMER_ABSTIME ? sleep_until(clock, time)
				      : sleep_in_task(call_length(time), left);
	int error = call_result(r, before) < 0 ? errno : 0;
	errno = before;
	return error;
}

/* Returns -1 if it was interrupted or the task cancelled, and another negative number for an error. */
PUBLIC int thrd_sleep(const struct timespec *time, struct timespec *left)
{
	if (!call_waits())
		return libc()->thrd_sleep(time, left);
	int r = sleep_in_task(call_length(time), left);
	return r == 0 ? 0 : r == -EINVAL ? -2 : -1;
}
