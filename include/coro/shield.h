/* SPDX-License-Identifier: MIT */
/*
 * Shields: a part of a task that cannot be cancelled from outside, for a cleanup that waits.
 *
 *	int r = talk_to(server);
 *	struct coro_shield_scope shield;
 *	if (coro_shield_begin(&shield, 2 * CORO_SEC) == 0)
 *		coro_shield_end(&shield, say_goodbye(server));
 *	return r;
 *
 * A request to cancel the task is kept until the shield ends. It then cancels the task's next wait.
 * When the time of the shield is over, further requests are not kept: they cancel what waits inside.
 * Timeouts and groups that begin inside the shield work as usual. Shields follow trio's
 * CancelScope(shield=True) and Kotlin's NonCancellable. coro_shield, in wait.h, protects a future
 * that is awaited.
 */
#ifndef CORO_SHIELD_H
#define CORO_SHIELD_H

#include <coro/timeout.h>

CORO_BEGIN_DECLS

/* A shield, on the stack of the task that begins and ends it. The fields are the library's. */
struct coro_shield_scope {
	struct coro_timeout timeout;
	uint64_t own[8];
};

/*
 * Begins a shield. After delay nanoseconds, or never for CORO_FOREVER, what waits inside is
 * cancelled, so that a cleanup that hangs ends too. Shields may be nested.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EBUSY      the task has begun this shield, and not ended it
 *   -EPERM      the caller is not in a task
 *   -EOVERFLOW  the task is inside 255 shields already
 */
#define coro_shield_begin(...) /* (struct coro_shield_scope *scope, int64_t delay) */ \
	coro_shield_begin_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_shield_begin. */
CORO_MUST_CHECK CORO_API int coro_shield_begin_at(const char *site, struct coro_shield_scope *scope,
						  int64_t delay);

/*
 * Ends the shield. Call it with the status of what was done inside.
 *
 * Returns status, -EINVAL, or
 *
 *   -ETIMEDOUT  in place of a -ECANCELED that came from the delay of the shield
 *   -EALREADY   it was ended before
 *   -EBUSY      a shield that was begun inside was not ended
 *   -EPERM      it was begun by another task
 */
CORO_MUST_CHECK CORO_API int coro_shield_end(struct coro_shield_scope *scope, int status);

CORO_END_DECLS

#endif
