/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several futures, for a limited time, or without passing a cancellation on.
 *
 * These calls are made in a task, on futures of its loop; otherwise they are -EPERM. They hold
 * references to the futures while they wait.
 */
#ifndef CORO_WAIT_H
#define CORO_WAIT_H

#include <coro/future.h>
#include <coro/iterator.h>

CORO_BEGIN_DECLS

/* What coro_await would have given for a future. */
struct coro_result {
	int status;
	void *value;
};

/*
 * Waits until all futures are done. ret has room for count results, in the order of the futures; it
 * may be NULL. If one fails, the call returns its error at once, and leaves ret untouched and the
 * others running. If the caller is cancelled, the futures that are not done are cancelled. If all
 * are done already, or one has failed, it lets no others run.
 *
 * Returns 0, the error of the first that failed, -ECANCELED, -EINVAL, -EPERM, or -ENOMEM: only more
 * than 16 futures take an allocation. Like asyncio.gather.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_gather(struct coro_future *const *futures,
						    size_t count, struct coro_result *ret);

/*
 * Waits until all futures are done, as coro_gather, but errors are results like any other. Their
 * messages are those of coro_future_message. Returns 0, -ECANCELED, -EINVAL, -EPERM or -ENOMEM.
 * Like `asyncio.gather(..., return_exceptions=True)`.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_gather_all(struct coro_future *const *futures,
							size_t count, struct coro_result *ret);

/* What coro_wait waits for. */
enum coro_wait_mode {
	CORO_ALL_COMPLETED,   /* all futures are done */
	CORO_FIRST_COMPLETED, /* one is done */
	CORO_FIRST_EXCEPTION, /* one has failed, other than by cancellation; or all are done */
};

/*
 * Waits until some futures are done, for at most timeout nanoseconds. Cancels none of them. A
 * future that is named twice counts once.
 *
 * Returns how many are done, which may be 0, -ECANCELED, -EPERM, -ENOMEM, or -EINVAL for no
 * futures. coro_future_done asks which. Like asyncio.wait.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_wait(struct coro_future *const *futures, size_t count,
						  enum coro_wait_mode mode, int64_t timeout);

/*
 * Waits for a future as coro_await does, for at most timeout nanoseconds. Then it cancels the
 * future and waits until that has taken effect. If the caller is cancelled, so is the future. With
 * a timeout of 0 or less, a future that is not done is cancelled at once.
 *
 * Returns what coro_await does, -ENOMEM, or -ETIMEDOUT if the future was cancelled since the time
 * was over. Like asyncio.wait_for.
 */
#define coro_wait_for(...) /* (struct coro_future *future, int64_t timeout, void **ret) */ \
	coro_wait_for_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_wait_for. */
coro_async CORO_MUST_CHECK CORO_API int coro_wait_for_at(const char *site,
							 struct coro_future *future,
							 int64_t timeout, void **ret);

/*
 * Waits for a future as coro_await does, but does not cancel it if the caller is cancelled. Like
 * asyncio.shield.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_shield(struct coro_future *future, void **ret);

/*
 * Makes an iterator that gives the futures in the order in which they are done, each one once:
 *
 *	struct coro_iterator *it = coro_as_completed(tasks, count, CORO_FOREVER);
 *	void *task;
 *	while ((r = coro_iter_next(it, &task)) > 0)
 *		use(task, coro_future_result(task, &value));
 *	coro_iter_close(it);
 *
 * coro_iter_next waits for the next future that is done. When timeout nanoseconds are over, counted
 * from this call, it gives the futures that are done, and then -ETIMEDOUT. No future is cancelled.
 * If the caller is cancelled, it may ask again: no future is lost.
 *
 * The iterator holds references to the futures. Close it before its loop is closed, and not while a
 * task waits in it (-EBUSY). It makes its only allocation here.
 *
 * Returns an iterator, never NULL: its first item may be -EPERM, -EINVAL or -ENOMEM. coro_iter_next
 * returns
 *
 *   1           *ret is a future that is done
 *   0           all futures were given
 *   -ETIMEDOUT  the time is over
 *   -ECANCELED  the caller was cancelled
 *   -EBUSY      another task waits in the iterator
 *   -EPERM      the caller is not in a task of the loop
 *
 * Like asyncio.as_completed.
 */
#define coro_as_completed(...) /* (struct coro_future *const *futures, size_t count, \
				   int64_t timeout) */ \
	coro_as_completed_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_as_completed. */
CORO_API struct coro_iterator *coro_as_completed_at(const char *site,
						    struct coro_future *const *futures,
						    size_t count, int64_t timeout);

CORO_END_DECLS

#endif
