/* SPDX-License-Identifier: MIT */
/*
 * A part of a task that is not cancelled from outside, for a cleanup that waits (trio's
 * CancelScope(shield=True), Kotlin's NonCancellable):
 *
 *	int r = talk_to(server);
 *	struct coro_shield_scope shield;
 *	if (coro_shield_begin(&shield, 2 * CORO_SEC) == 0)
 *		coro_shield_end(&shield, say_goodbye(server));
 *	return r;
 *
 * A request to cancel the task waits until the scope ends, and then ends the task's next wait.
 * Timeouts and groups that are begun inside work as usual.
 */
#ifndef CORO_SHIELD_H
#define CORO_SHIELD_H

#include <coro/timeout.h>

CORO_BEGIN_DECLS

/* On the stack of its task, which begins and ends it. The fields are the library's. */
struct coro_shield_scope {
	struct coro_timeout timeout;
	uint64_t own[8];
};

/*
 * Begins a scope. After delay nanoseconds, CORO_FOREVER for never, what waits in it is cancelled,
 * so that a cleanup that hangs ends too. Scopes nest, up to 255 of them. 0; -EBUSY if the task has
 * begun this one already; -EPERM outside a task; -EOVERFLOW, -ENOMEM.
 */
#define coro_shield_begin(...) \
	coro_shield_begin_at(CORO_HERE, __VA_ARGS__) /* (scope, int64_t delay) */
CORO_MUST_CHECK CORO_API int coro_shield_begin_at(const char *site, struct coro_shield_scope *scope,
						  int64_t delay);

/*
 * Ends the scope, with the status of its body. Returns status, but -ETIMEDOUT in place of a
 * -ECANCELED that came from the scope's own delay. -EALREADY if it has ended; -EBUSY if one that
 * was begun inside has not; -EPERM in another task.
 */
CORO_MUST_CHECK CORO_API int coro_shield_end(struct coro_shield_scope *scope, int status);

CORO_END_DECLS

#endif
