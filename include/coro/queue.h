/* SPDX-License-Identifier: MIT */
/*
 * Queues of pointers between the tasks of one loop (asyncio.Queue, LifoQueue, PriorityQueue).
 * Waiting as in sync.h, and for one thread; items are not touched and stay their owners'.
 */
#ifndef CORO_QUEUE_H
#define CORO_QUEUE_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro_queue;

/*
 * Makes a queue: first in, first out. maxsize: the most items it holds, 0 for no bound. The caller
 * owns it and gives it back with coro_queue_destroy. -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_queue_create(size_t maxsize, struct coro_queue **ret);

/* One that gives back the last item first. */
CORO_MUST_CHECK CORO_API int coro_queue_create_lifo(size_t maxsize, struct coro_queue **ret);

/*
 * One that gives back the smallest item first: compare(a, b) < 0 if a comes before b. compare must
 * not call the queue: -EBUSY. Equal items come in the order of asyncio's heapq, which is not that
 * in which they were put in.
 */
CORO_MUST_CHECK CORO_API int coro_queue_create_priority(
	size_t maxsize, int (*compare)(const void *a, const void *b), struct coro_queue **ret);

/* Frees a queue that nobody waits for: 0; -EBUSY. NULL is fine. */
CORO_API int coro_queue_destroy(struct coro_queue *queue);

/*
 * Puts an item in, waiting for room: 0. -EPIPE once shut down; -ECANCELED, -EPERM, -ENOMEM. A task
 * that puts some hundred items without ever waiting then lets others run.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_queue_put(struct coro_queue *queue, void *item);

/* The same without waiting: -EAGAIN if it is full (put_nowait, QueueFull). */
CORO_MUST_CHECK CORO_API int coro_queue_try_put(struct coro_queue *queue, void *item);

/* Takes an item out, waiting for one: 0. -EPIPE once shut down and empty; -ECANCELED, -EPERM. */
coro_async CORO_MUST_CHECK CORO_API int coro_queue_get(struct coro_queue *queue, void **ret);

/* The same without waiting: -EAGAIN if it is empty (get_nowait, QueueEmpty). */
CORO_MUST_CHECK CORO_API int coro_queue_try_get(struct coro_queue *queue, void **ret);

/*
 * The work on an item that was taken out is done: 0; -EINVAL if it was called more often than items
 * came.
 */
CORO_API int coro_queue_task_done(struct coro_queue *queue);

/* Waits until the work on all items is done: 0. */
coro_async CORO_MUST_CHECK CORO_API int coro_queue_join(struct coro_queue *queue);

/*
 * No item goes in any more, and who waits to put one gets -EPIPE; items inside may still be taken
 * out, but with `immediate` they are dropped, and their work counts as done (queue.shutdown of
 * Python 3.13).
 */
CORO_API int coro_queue_shutdown(struct coro_queue *queue, bool immediate);

CORO_API size_t coro_queue_size(const struct coro_queue *queue);

/* The most items it holds, 0 for no bound (queue.maxsize). */
CORO_API size_t coro_queue_maxsize(const struct coro_queue *queue);

CORO_API bool coro_queue_empty(const struct coro_queue *queue);
CORO_API bool coro_queue_full(const struct coro_queue *queue);

CORO_END_DECLS

#endif
