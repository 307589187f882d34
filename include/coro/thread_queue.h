/* SPDX-License-Identifier: MIT */
/*
 * Queues of pointers between threads: tasks of any loops and threads without one put in and take
 * out (queue.Queue, janus.Queue). In a task only that task waits, outside of all loops the thread
 * does; a callback may not wait, and gets -EPERM where it would have to.
 *
 * First come, first served, on both sides and across threads. A call that is cancelled has done
 * nothing, and who was next gets what it would have got. Items are not touched, and stay their
 * owners'. After a fork, a queue made before is -EOWNERDEAD in the child.
 */
#ifndef CORO_THREAD_QUEUE_H
#define CORO_THREAD_QUEUE_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro_thread_queue;

/* Makes a queue: first in, first out; at most maxsize items, 0 for no bound. -EINVAL, -ENOMEM. */
CORO_MUST_CHECK CORO_API int coro_thread_queue_create(size_t maxsize,
						      struct coro_thread_queue **ret);

/* Frees a queue that nobody is in a call of: 0; -EBUSY if somebody waits. NULL is fine. */
CORO_API int coro_thread_queue_destroy(struct coro_thread_queue *queue);

/* Puts an item in, waiting for room: 0. -EPIPE once closed; -ECANCELED, -EPERM, -ENOMEM. */
coro_async CORO_MUST_CHECK CORO_API int coro_thread_queue_put(struct coro_thread_queue *queue,
							      void *item);

/* The same without waiting: -EAGAIN if it is full. */
CORO_MUST_CHECK CORO_API int coro_thread_queue_try_put(struct coro_thread_queue *queue, void *item);

/* Takes an item out, waiting for one: 0. -EPIPE once closed and empty; -ECANCELED, -EPERM. */
coro_async CORO_MUST_CHECK CORO_API int coro_thread_queue_get(struct coro_thread_queue *queue,
							      void **ret);

/* The same without waiting: -EAGAIN if there is none that is not another's already. */
CORO_MUST_CHECK CORO_API int coro_thread_queue_try_get(struct coro_thread_queue *queue, void **ret);

/*
 * No item goes in any more: who waits to put one gets -EPIPE, and who waits for one when the last
 * is out. 0, also the second time.
 */
CORO_API int coro_thread_queue_close(struct coro_thread_queue *queue);

/* How many items are in it. */
CORO_API size_t coro_thread_queue_size(struct coro_thread_queue *queue);

CORO_END_DECLS

#endif
