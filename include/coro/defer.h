/* SPDX-License-Identifier: MIT */
/*
 * Deferred calls: functions that are called when a body has returned, whichever way it did.
 *
 *	char *page = malloc(SIZE);
 *	int r = coro_defer(free, page);
 *	if (r < 0)
 *		return free(page), r;
 *	return read_into(page);          // may fail, wait, be cancelled
 *
 * They follow Python's finally and contextlib.AsyncExitStack. They resemble Go's defer, but belong
 * to the body of the running task, generator or coroutine, and not to the function that defers.
 * They are called when the body has returned, the last one first. So their arguments must outlive
 * the body, and cannot be variables on its stack.
 */
#ifndef CORO_DEFER_H
#define CORO_DEFER_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/*
 * Has fn(arg) called when the running body has returned, before anybody learns that it has.
 *
 * The call runs on the body's stack and may do what the body may: wait, yield, defer more calls. It
 * does not change the body's result, value and message. If the task was cancelled by then, the
 * first wait in a deferred call returns -ECANCELED, as in the body. A generator that yields in a
 * deferred call while it is being closed has not returned: see coro_close.
 *
 * If coro_loop_close discards the body, the calls run on the stack of coro_loop_close. There
 * waiting, yielding and deferring are -EPERM. A body that never began has deferred nothing.
 *
 * Returns 0, -EINVAL or -ENOMEM, or -EPERM outside of a body and in a callback. Like
 * AsyncExitStack.callback.
 */
CORO_MUST_CHECK CORO_API int coro_defer(coro_callback *fn, void *arg);

/*
 * Removes the last deferred call of fn(arg) in the running body, without calling it.
 *
 * Returns 0, -EINVAL, or
 *
 *   -ENOENT  no such call is deferred, or it has begun
 *   -EPERM   the caller is not in a body, or is in a callback
 *
 * Like AsyncExitStack.pop_all.
 */
CORO_API int coro_undefer(coro_callback *fn, void *arg);

CORO_END_DECLS

#endif
