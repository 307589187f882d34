/* SPDX-License-Identifier: MIT */
/*
 * Timeouts for all that a task does between two calls.
 *
 *	struct coro_timeout timeout;
 *	r = coro_timeout_begin(&timeout, 2 * CORO_SEC);
 *	if (r < 0)
 *		return r;
 *	r = talk_to(server);
 *	return coro_timeout_end(&timeout, r);
 *
 * When the time is over, the task is cancelled. coro_timeout_end turns this cancellation, and no
 * other, into -ETIMEDOUT. Timeouts may be nested. They follow asyncio.timeout.
 */
#ifndef CORO_TIMEOUT_H
#define CORO_TIMEOUT_H

#include <coro/future.h>

CORO_BEGIN_DECLS

/* A timeout, on the stack of the task that begins and ends it. The fields are the library's. */
struct coro_timeout {
	uint64_t own[16];
};

/*
 * Begins a timeout that is over after delay nanoseconds; CORO_FOREVER for never. Debug mode reports
 * a timeout that was never ended, when its time is over or its task ends.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EBUSY  the task has begun this timeout, and not ended it
 *   -EPERM  the caller is not in a task
 *
 * Like asyncio.timeout.
 */
#define coro_timeout_begin(...) /* (struct coro_timeout *timeout, int64_t delay) */ \
	coro_timeout_begin_site(CORO_HERE, __VA_ARGS__)
/* The function behind coro_timeout_begin. */
CORO_MUST_CHECK CORO_API int coro_timeout_begin_site(const char *site, struct coro_timeout *timeout,
						     int64_t delay);

/* Begins a timeout that is over at a time of the loop's clock. Like asyncio.timeout_at. */
#define coro_timeout_begin_at(...) /* (struct coro_timeout *timeout, int64_t when) */ \
	coro_timeout_begin_at_site(CORO_HERE, __VA_ARGS__)
/* The function behind coro_timeout_begin_at. */
CORO_MUST_CHECK CORO_API int coro_timeout_begin_at_site(const char *site,
							struct coro_timeout *timeout, int64_t when);

/*
 * Calls fn(arg) under a timeout of delay nanoseconds. With a delay of 0 or less fn is not called.
 * Returns what fn returned, -EINVAL, -ENOMEM, or
 *
 *   -ETIMEDOUT  the time was over, and fn returned -ECANCELED
 *   -EPERM      the caller is not in a task
 *
 * Like asyncio.wait_for.
 */
#define coro_within(...) /* (int64_t delay, coro_fn *fn, void *arg) */ \
	coro_within_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_within. */
coro_async CORO_MUST_CHECK CORO_API int coro_within_at(const char *site, int64_t delay, coro_fn *fn,
						       void *arg);

/*
 * Moves the end of a timeout that has begun to a time of the loop's clock. A time in the past makes
 * it expire in the next turn.
 *
 * Returns 0, -EINVAL, or
 *
 *   -EALREADY  it has expired or ended
 *   -ENOMEM    there is no memory, which only a time in the past needs; the timeout is as it was
 *   -EPERM     it belongs to another thread
 *
 * Like timeout.reschedule.
 */
CORO_API int coro_timeout_reschedule(struct coro_timeout *timeout, int64_t when);

/* Returns when the timeout is over, in nanoseconds of the loop's clock. Like timeout.when. */
CORO_API int64_t coro_timeout_when(const struct coro_timeout *timeout);

/* Returns whether its time is over, also after coro_timeout_end. Like timeout.expired. */
CORO_API bool coro_timeout_expired(const struct coro_timeout *timeout);

/*
 * Ends the timeout. Call it with the status of what was done under it, however that ended.
 *
 * Returns status, -EINVAL, or
 *
 *   -ETIMEDOUT  in place of a -ECANCELED that came from this timeout; the message tells how long it
 *               was and where it was begun
 *   -EALREADY   it was ended before
 *   -EPERM      it was begun by another task
 */
CORO_MUST_CHECK CORO_API int coro_timeout_end(struct coro_timeout *timeout, int status);

CORO_END_DECLS

#endif
