/* SPDX-License-Identifier: MIT */
/*
 * Futures: results that may not be there yet. A task is a future whose result comes from its body,
 * so every call here takes tasks too.
 *
 * References. Whoever creates a future or spawns a task owns a reference, and gives it back with
 * coro_future_unref. A task runs on without references. A call that waits for a future holds a
 * reference meanwhile.
 */
#ifndef CORO_FUTURE_H
#define CORO_FUTURE_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro_loop;

/* A future: a result that may not be there yet. Tasks are futures too. */
struct coro_future;

/*
 * Creates a future of a loop. The caller owns a reference to it. Returns 0, -EINVAL or -ENOMEM, or
 * -EPERM in another thread than the loop's. Like loop.create_future.
 */
CORO_MUST_CHECK CORO_API int coro_future_create(struct coro_loop *loop, struct coro_future **ret);

/* Takes one more reference. Returns its argument, which may be NULL. */
CORO_API struct coro_future *coro_future_ref(struct coro_future *future);

/*
 * Gives a reference back. NULL is allowed. The last one frees the future; if the future has failed
 * and nobody asked for its result, the failure is reported: see coro/loop.h.
 */
CORO_API void coro_future_unref(struct coro_future *future);

/*
 * Makes the future done with a value. Wakes the tasks that wait for it, in the order in which they
 * came.
 *
 * Returns 0, -EINVAL, or
 *
 *   -EALREADY  it was done before
 *   -EPERM     it is a task, or it belongs to another thread
 *
 * Like future.set_result.
 */
CORO_MUST_CHECK CORO_API int coro_future_set_result(struct coro_future *future, void *value);

/*
 * Makes the future done with an error, which must be negative. -ECANCELED makes it cancelled. If
 * the caller raised or received an error of this code with a message, the message goes along.
 * Returns what coro_future_set_result does. Like future.set_exception.
 */
CORO_MUST_CHECK CORO_API int coro_future_set_error(struct coro_future *future, int error);

/*
 * Returns the loop of the future; NULL for NULL. The loop stays valid as long as the future. The
 * caller gets no reference. Like future.get_loop.
 */
CORO_API struct coro_loop *coro_future_loop(const struct coro_future *future);

/* Returns whether the future has a result, has failed or was cancelled. Like future.done. */
CORO_API bool coro_future_done(const struct coro_future *future);

/* Returns whether the future was cancelled. Like future.cancelled. */
CORO_API bool coro_future_cancelled(const struct coro_future *future);

/*
 * Gets the result of a future that is done, and its value in *ret. ret may be NULL.
 *
 * Returns the code with which it failed, -EINVAL, or
 *
 *   >= 0     what the task's body returned; 0 for a plain future
 *   -EAGAIN  it is not done
 *   -EPERM   it belongs to another thread
 *
 * Like future.result.
 */
CORO_MUST_CHECK CORO_API int coro_future_result(const struct coro_future *future, void **ret);

/*
 * Returns the message of the error with which the future failed, or NULL if it has not failed. Like
 * future.exception.
 */
CORO_API const char *coro_future_message(const struct coro_future *future);

/*
 * Returns where that error was raised or the cancellation asked for, "file.c:12", or NULL if that
 * is not known.
 */
CORO_API const char *coro_future_origin(const struct coro_future *future);

/*
 * Has the loop call fn(arg) when the future is done: in a later turn, also if it is done already.
 * Done callbacks are called in the order in which they were added. The future stays valid while
 * they are. Returns 0, -EINVAL, -EPERM or -ENOMEM. Like future.add_done_callback.
 */
CORO_MUST_CHECK CORO_API int coro_future_add_done_callback(struct coro_future *future,
							   coro_callback *fn, void *arg);

/*
 * Removes all done callbacks fn(arg) of a future that is not done. Returns how many there were, or
 * -EINVAL or -EPERM. Like future.remove_done_callback.
 */
CORO_API int coro_future_remove_done_callback(struct coro_future *future, coro_callback *fn,
					      void *arg);

/*
 * Waits until the future is done, and gets its result and value as coro_future_result does. If it
 * is done already, returns at once and lets no others run. ret may be NULL.
 *
 * Returns the result, -EINVAL, or
 *
 *   -ECANCELED  the future was cancelled; or the waiting task was, which cancels the future too.
 *               coro_future_cancelled asks about the future alone
 *   -EDEADLK    the caller would wait for itself, directly or through tasks that wait for each
 *               other
 *   -EPERM      the caller is not in a task, or the future belongs to another loop
 *
 * Like await.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_await(struct coro_future *future, void **ret);

/*
 * Asks a task to end, or cancels a plain future.
 *
 * In the task, the call that it waits in returns -ECANCELED; if it does not wait, its next wait
 * does. It may then clean up, wait, or go on regardless. A task that has not started never runs.
 * What the task waits for is cancelled first, if that is a future or a task.
 *
 * Returns 1, -EINVAL, or
 *
 *   0       it was done before
 *   -EPERM  it belongs to another thread
 *
 * Like task.cancel.
 */
CORO_API int coro_cancel(struct coro_future *future);

/*
 * Cancels as coro_cancel does, with a message made as by printf. coro_message(-ECANCELED) returns
 * it in the task, and to those who await the task; coro_origin returns the place of this call.
 *
 * If several requests reach one wait, the last message counts. A wait that has already ended in
 * cancellation keeps its message. Without memory for the message, or with NULL for format, there is
 * none.
 */
#define coro_cancel_with(...) /* (struct coro_future *future, const char *format, ...) */ \
	coro_cancel_with_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_cancel_with. */
CORO_API int coro_cancel_with_at(const char *site, struct coro_future *future, const char *format,
				 ...) CORO_PRINTF(3, 4);

CORO_END_DECLS

#endif
