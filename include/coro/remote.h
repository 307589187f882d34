/* SPDX-License-Identifier: MIT */
/*
 * Remotes: tasks of another thread's loop, seen from outside (asyncio.run_coroutine_threadsafe and
 * the concurrent.futures.Future that it gives). Any thread may use one.
 */
#ifndef CORO_REMOTE_H
#define CORO_REMOTE_H

#include <coro/coroutine.h>

CORO_BEGIN_DECLS

struct coro_loop;
struct coro_remote;

/*
 * Has a loop run fn(arg) as a task, from any thread (asyncio.run_coroutine_threadsafe). The loop
 * must be there: as for coro_call_soon_threadsafe. Until the task is done, it is waited for by the
 * loop as if it were held. If ret is not NULL the caller owns *ret, and gives it back with
 * coro_remote_unref; either way the task runs to its end. -EPIPE if the loop is closed;
 * -EOWNERDEAD, -EINVAL, -ENOMEM.
 */
#define coro_spawn_threadsafe(...) \
	coro_spawn_threadsafe_at(  \
		CORO_HERE, __VA_ARGS__) /* (struct coro_loop *loop, coro_fn *fn, void *arg, \
						  struct coro_remote **ret) */
CORO_MUST_CHECK CORO_API int coro_spawn_threadsafe_at(const char *site, struct coro_loop *loop,
						      coro_fn *fn, void *arg,
						      struct coro_remote **ret);

/*
 * Waits for the task's result, at most timeout nanoseconds, and gives it as coro_await does,
 * message and value (future.result(timeout)). In a task only that waits, else the thread does. ret
 * may be NULL. May be called again.
 *
 *   -ETIMEDOUT  it is not done; a timeout of 0 only asks
 *   -ECANCELED  it was cancelled, or discarded with its loop; or the caller was cancelled, which
 *               leaves it alone
 *   -EDEADLK    it would be waited for in the thread that is to run it
 *   -EPERM      in a callback
 */
coro_async CORO_MUST_CHECK CORO_API int coro_remote_result(struct coro_remote *remote,
							   int64_t timeout, void **ret);

/* Whether its result is there (future.done). */
CORO_API bool coro_remote_done(struct coro_remote *remote);

/* Asks for the task's cancellation (future.cancel): 1, asked; 0, it is done already. */
CORO_API int coro_remote_cancel(struct coro_remote *remote);

/* Gives it back; the task runs on. NULL is fine. */
CORO_API void coro_remote_unref(struct coro_remote *remote);

CORO_END_DECLS

#endif
