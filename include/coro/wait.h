/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several futures, for a time, or without passing a cancellation on. All of these are
 * called in a task (-EPERM elsewhere), on futures of its loop (-EPERM), and hold the futures while
 * they wait.
 */
#ifndef CORO_WAIT_H
#define CORO_WAIT_H

#include <coro/future.h>
#include <coro/iterator.h>

CORO_BEGIN_DECLS

/* How a future ended: what coro_await would have given. */
struct coro_result {
	int status;
	void *value;
};

/*
 * Waits until all are done, and gives their results in order (asyncio.gather): 0. If one fails,
 * returns its failure at once, while the others go on, and ret is untouched. If all are done
 * already, or one has failed, it returns without letting others run. ret has room for count, and
 * may be NULL. If the caller is cancelled, those not done are cancelled. More than 16 futures make
 * one allocation: -ENOMEM.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_gather(struct coro_future *const *futures,
						    size_t count, struct coro_result *ret);

/*
 * The same, but a failure is a result like any other (return_exceptions=True); coro_future_message
 * has its message. -ECANCELED, -ENOMEM.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_gather_all(struct coro_future *const *futures,
							size_t count, struct coro_result *ret);

enum coro_wait_mode {
	CORO_ALL_COMPLETED,
	CORO_FIRST_COMPLETED,
	CORO_FIRST_EXCEPTION, /* the first failure that is not a cancellation, or all */
};

/*
 * Waits until some are done, for at most timeout nanoseconds (asyncio.wait). Cancels none of them.
 * Returns how many are done, which may be 0; ask each by coro_future_done. One that is named twice
 * counts once. -EINVAL for no futures; -ECANCELED, -ENOMEM.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_wait(struct coro_future *const *futures, size_t count,
						  enum coro_wait_mode mode, int64_t timeout);

/*
 * Waits for a future as coro_await, for at most timeout nanoseconds (asyncio.wait_for). Then the
 * future is cancelled, and when that has taken effect, this returns -ETIMEDOUT, or the result that
 * it ended with nevertheless. If the caller is cancelled, so is the future. With a timeout of 0 or
 * less, only a future that is done gives its result.
 */
#define coro_wait_for(...) coro_wait_for_at(CORO_HERE, __VA_ARGS__) /* (future, timeout, ret) */
coro_async CORO_MUST_CHECK CORO_API int coro_wait_for_at(const char *site,
							 struct coro_future *future,
							 int64_t timeout, void **ret);

/* As coro_await, but if the caller is cancelled, the future is not (await asyncio.shield). */
coro_async CORO_MUST_CHECK CORO_API int coro_shield(struct coro_future *future, void **ret);

/*
 * An iterator over the futures in the order in which they are done (asyncio.as_completed), each
 * once, however often it is named:
 *
 *	struct coro_iterator *it = coro_as_completed(tasks, count, CORO_FOREVER);
 *	void *task;
 *	while ((r = coro_iter_next(it, &task)) > 0)
 *		use(task, coro_future_result(task, &value));
 *	coro_iter_close(it);
 *
 * coro_iter_next waits for the next: 1 and a future, which is done; 0 when all were given. Once
 * timeout nanoseconds are over, counted from here, those that were done by then come first, and
 * after them -ETIMEDOUT; nothing is cancelled. -ECANCELED if the caller is cancelled, which may ask
 * on: none is lost. -EBUSY while another task waits in it; -EPERM outside a task of the loop. The
 * iterator holds the futures. Close it before its loop, and not while a task waits in it: -EBUSY.
 *
 * The one allocation is made here. As with all that make iterators, -EPERM, -EINVAL and -ENOMEM
 * come in place of the first item.
 */
#define coro_as_completed(...) \
	coro_as_completed_at(CORO_HERE, __VA_ARGS__) /* (futures, count, int64_t timeout) */
CORO_API struct coro_iterator *coro_as_completed_at(const char *site,
						    struct coro_future *const *futures,
						    size_t count, int64_t timeout);

CORO_END_DECLS

#endif
