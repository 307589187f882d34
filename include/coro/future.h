/* SPDX-License-Identifier: MIT */
/*
 * Futures: results that are not there yet. A task is a future too, one whose result its body gives,
 * so every call here takes tasks as well.
 *
 * References: whoever creates a future or spawns a task owns one, and gives it back with
 * coro_future_unref. A task runs on without; who waits for a future holds it meanwhile.
 */
#ifndef CORO_FUTURE_H
#define CORO_FUTURE_H

#include <coro/loop.h>

CORO_BEGIN_DECLS

/* Makes a future of this loop (loop.create_future). The caller owns it. -EINVAL, -ENOMEM. */
CORO_MUST_CHECK CORO_API int coro_future_create(struct coro_loop *loop, struct coro_future **ret);

/* One more reference; returns its argument, which may be NULL. */
CORO_API struct coro_future *coro_future_ref(struct coro_future *future);

/*
 * Gives a reference back; the last one frees the future, and a failure that nobody has asked for is
 * reported: see coro/loop.h. NULL is fine.
 */
CORO_API void coro_future_unref(struct coro_future *future);

/*
 * Makes the future done with this value, and wakes who waits for it, in the order they came
 * (future.set_result). -EALREADY if it is done, -EPERM for a task, whose body alone gives its
 * result, and from another thread.
 */
CORO_MUST_CHECK CORO_API int coro_future_set_result(struct coro_future *future, void *value);

/*
 * Makes the future fail with a negative code (future.set_exception). The message that the caller
 * raised or received with that code, if any, goes with it. -EINVAL for error >= 0; -EALREADY,
 * -EPERM as above. With -ECANCELED it is cancelled.
 */
CORO_MUST_CHECK CORO_API int coro_future_set_error(struct coro_future *future, int error);

/*
 * The loop that it belongs to (future.get_loop), for as long as the future is held; NULL for NULL.
 * The caller gets no reference.
 */
CORO_API struct coro_loop *coro_future_loop(const struct coro_future *future);

/* Whether it has a result, has failed or was cancelled (future.done). */
CORO_API bool coro_future_done(const struct coro_future *future);

/* Whether it was cancelled (future.cancelled). */
CORO_API bool coro_future_cancelled(const struct coro_future *future);

/*
 * The result of a future that is done (future.result): >= 0, what the task's body returned, 0 for a
 * plain future, and the value in *ret; or its failure; -EAGAIN if it is not done; -EPERM from
 * another thread. ret may be NULL.
 */
CORO_MUST_CHECK CORO_API int coro_future_result(const struct coro_future *future, void **ret);

/*
 * The message of the failure of a future that is done (future.exception); NULL if it has not
 * failed.
 */
CORO_API const char *coro_future_message(const struct coro_future *future);

/*
 * Where that failure was raised, or its cancellation asked for, "file.c:12"; NULL if that is not
 * known.
 */
CORO_API const char *coro_future_origin(const struct coro_future *future);

/*
 * Has fn(arg) called by the loop, in a turn of its own, once the future is done; at once done means
 * in the next turn (future.add_done_callback). Called in the order added. Once it is done, its
 * callbacks hold it, so that they may ask it for its result. -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_future_add_done_callback(struct coro_future *future,
							   coro_callback *fn, void *arg);

/* Takes back all such calls that have not been handed to the loop yet; returns how many. */
CORO_API int coro_future_remove_done_callback(struct coro_future *future, coro_callback *fn,
					      void *arg);

/*
 * Waits until the future is done and gives back its result (await future): as coro_future_result.
 * Returns at once, without letting others run, if it is done.
 *
 *   -ECANCELED  the future was cancelled, or the waiting task was, which cancels the future too;
 *               coro_future_cancelled tells of the future alone
 *   -EDEADLK    the caller waits for itself, directly or through tasks that await one another
 *   -EPERM      the caller is not in a task, or the future belongs to another loop
 */
coro_async CORO_MUST_CHECK CORO_API int coro_await(struct coro_future *future, void **ret);

/*
 * Asks for the cancellation of a task, or cancels a plain future (task.cancel, future.cancel).
 *
 * A task gets -ECANCELED from the call it waits in, or from its next wait, and may clean up, wait,
 * or go on regardless; one that has not started never runs. What the task waits for is cancelled
 * first, if that is a future or task.
 *
 *   1         asked
 *   0         it was done already
 *   -EPERM    it belongs to another thread
 */
CORO_API int coro_cancel(struct coro_future *future);

/*
 * The same with a message (task.cancel(msg)): those who receive the cancellation, in the task and
 * by awaiting it, get it from coro_message(-ECANCELED), and from coro_origin where this was called.
 * Of several requests that reach the same wait, the message of the last counts; but a wait that has
 * ended in cancellation keeps its own. Without memory for the message, or with a format of NULL, it
 * is coro_cancel.
 */
#define coro_cancel_with(...) \
	coro_cancel_with_at(CORO_HERE, __VA_ARGS__) /* (future, const char *format, ...) */
CORO_API int coro_cancel_with_at(const char *site, struct coro_future *future, const char *format,
				 ...) CORO_PRINTF(3, 4);

CORO_END_DECLS

#endif
