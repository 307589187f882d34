/* SPDX-License-Identifier: MIT */
/*
 * Deferred calls: what is to be done when a body leaves, whichever way it does (Python's finally
 * and contextlib.AsyncExitStack; Go's defer, by the body and not by the function).
 *
 *	char *page = malloc(SIZE);
 *	int r = coro_defer(free, page);
 *	if (r < 0)
 *		return free(page), r;
 *	return read_into(page);          // may fail, wait, be cancelled
 *
 * The body is that of the task, generator or coroutine that runs, however many calls deep; it has
 * returned when its deferred calls run, the last one first. So what they are given must outlive the
 * body: it is no variable on its stack.
 */
#ifndef CORO_DEFER_H
#define CORO_DEFER_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/*
 * Has fn(arg) called when the running body has returned. -EPERM outside of one and in a callback;
 * -EINVAL, -ENOMEM.
 *
 * The call runs on the body's own stack, before anybody is told that the body has ended. It may do
 * what the body may: wait, yield, defer others, handle errors; nothing of that changes the body's
 * result, value and message. A task that is cancelled by then gets -ECANCELED from its first wait
 * here, as anywhere, and a generator that yields here while it is closed has not left.
 *
 * When coro_loop_close discards a body, its deferred calls run in there, on the stack of the
 * caller: no loop runs then to wait in, and there is no body to yield for or to defer to: -EPERM. A
 * body that never began has nothing deferred.
 */
CORO_MUST_CHECK CORO_API int coro_defer(coro_callback *fn, void *arg);

/*
 * Takes back the last such call of the running body that has not begun, without running it
 * (AsyncExitStack.pop_all), when the caller makes it now or has made it already. -ENOENT if there
 * is none; -EPERM, -EINVAL.
 */
CORO_API int coro_undefer(coro_callback *fn, void *arg);

CORO_END_DECLS

#endif
