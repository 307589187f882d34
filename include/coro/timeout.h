/* SPDX-License-Identifier: MIT */
/*
 * A deadline for all that a task does between two calls (asyncio.timeout):
 *
 *	struct coro_timeout timeout;
 *	r = coro_timeout_begin(&timeout, 2 * CORO_SEC);
 *	if (r < 0)
 *		return r;
 *	r = talk_to(server);
 *	return coro_timeout_end(&timeout, r);
 *
 * When the time is over the task is cancelled; coro_timeout_end turns that cancellation, and no
 * other, into -ETIMEDOUT. Timeouts nest.
 */
#ifndef CORO_TIMEOUT_H
#define CORO_TIMEOUT_H

#include <coro/future.h>

CORO_BEGIN_DECLS

/* On the stack of its task, which begins and ends it. The fields are the library's. */
struct coro_timeout {
	uint64_t own[16];
};

/*
 * Begins a scope that ends after delay nanoseconds, CORO_FOREVER for never: 0. -EBUSY if the task
 * has begun it already; -EPERM outside a task; -ENOMEM.
 */
#define coro_timeout_begin(...) \
	coro_timeout_begin_site(CORO_HERE, __VA_ARGS__) /* (struct coro_timeout *, int64_t delay) */
CORO_MUST_CHECK CORO_API int coro_timeout_begin_site(const char *site, struct coro_timeout *timeout,
						     int64_t delay);

/* The same, ending at a time of the loop's clock (asyncio.timeout_at). */
#define coro_timeout_begin_at(...)            \
	coro_timeout_begin_at_site(CORO_HERE, \
				   __VA_ARGS__) /* (struct coro_timeout *, int64_t when) */
CORO_MUST_CHECK CORO_API int coro_timeout_begin_at_site(const char *site,
							struct coro_timeout *timeout, int64_t when);

/*
 * Calls fn(arg) under a timeout of delay nanoseconds, which cannot be left open: what fn returned,
 * or -ETIMEDOUT (asyncio.wait_for of a coroutine). With a delay of 0 or less fn never begins.
 * -EPERM outside a task; -EINVAL, -ENOMEM.
 */
#define coro_within(...) coro_within_at(CORO_HERE, __VA_ARGS__) /* (int64_t delay, fn, arg) */
coro_async CORO_MUST_CHECK CORO_API int coro_within_at(const char *site, int64_t delay, coro_fn *fn,
						       void *arg);

/*
 * Moves the end of a scope that has begun and is not over, to a time of the loop's clock
 * (timeout.reschedule): 0. -EALREADY if it has expired; -ENOMEM, also for a time that is over, and
 * then it is not moved.
 */
CORO_API int coro_timeout_reschedule(struct coro_timeout *timeout, int64_t when);

/* When the scope ends, by the loop's clock, in nanoseconds (timeout.when). */
CORO_API int64_t coro_timeout_when(const struct coro_timeout *timeout);

/* Whether its time has come (timeout.expired); also after coro_timeout_end. */
CORO_API bool coro_timeout_expired(const struct coro_timeout *timeout);

/*
 * Ends the scope, with the status of its body; call it however the body ended. Returns status, but
 * -ETIMEDOUT in place of a -ECANCELED that came from this timeout; its message tells how long the
 * timeout was and where it was begun. Debug mode reports a scope that its function left open, when
 * its time comes or its task ends.
 */
CORO_MUST_CHECK CORO_API int coro_timeout_end(struct coro_timeout *timeout, int status);

CORO_END_DECLS

#endif
