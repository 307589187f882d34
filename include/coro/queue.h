/* SPDX-License-Identifier: MIT */
/*
 * Queues of pointers, between the tasks of one loop.
 *
 * They serve tasks in the order in which these came, as the objects of coro/sync.h. The items are
 * not copied or freed: they stay their owner's. A queue is used by one thread: when tasks of
 * another thread wait in it, calls are -EPERM. Between threads there is coro_thread_queue
 * (coro/thread.h). coro/channel.h has queues that copy their items, and select.
 */
#ifndef CORO_QUEUE_H
#define CORO_QUEUE_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/* A queue. */
struct coro_queue;

/*
 * Creates a queue that gives items in the order in which they were put, and holds at most maxsize
 * of them, or any number for 0. The caller owns it and destroys it with coro_queue_destroy. Returns
 * 0, -EINVAL or -ENOMEM. Like asyncio.Queue.
 */
CORO_MUST_CHECK CORO_API int coro_queue_create(size_t maxsize, struct coro_queue **ret);

/* Creates a queue that gives the last item first. Like asyncio.LifoQueue. */
CORO_MUST_CHECK CORO_API int coro_queue_create_lifo(size_t maxsize, struct coro_queue **ret);

/*
 * Creates a queue that gives the smallest item first. compare(a, b) is negative if a is smaller
 * than b; it must not use the queue (-EBUSY). Equal items come in the order of Python's heapq,
 * which is not the one in which they were put. Like asyncio.PriorityQueue.
 */
CORO_MUST_CHECK CORO_API int coro_queue_create_priority(
	size_t maxsize, int (*compare)(const void *a, const void *b), struct coro_queue **ret);

/* Frees a queue. NULL is allowed. Returns 0, or -EBUSY while a task waits in it. */
CORO_API int coro_queue_destroy(struct coro_queue *queue);

/*
 * Puts an item into the queue, waiting for room. A task that puts some hundred items without
 * waiting then lets others run.
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EPIPE      the queue is shut down
 *   -ECANCELED  the task was cancelled, and the item is not in the queue
 *   -EPERM      it would have to wait, and the caller is not in a task
 *
 * Like queue.put.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_queue_put(struct coro_queue *queue, void *item);

/*
 * Puts an item into the queue without waiting. Returns what coro_queue_put does, or -EAGAIN if it
 * is full. Like queue.put_nowait.
 */
CORO_MUST_CHECK CORO_API int coro_queue_try_put(struct coro_queue *queue, void *item);

/*
 * Takes an item out of the queue, waiting for one.
 *
 * Returns 0, -EINVAL, or
 *
 *   -EPIPE      the queue is shut down and empty
 *   -ECANCELED  the task was cancelled, and no item was taken
 *   -EPERM      it would have to wait, and the caller is not in a task
 *
 * Like queue.get.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_queue_get(struct coro_queue *queue, void **ret);

/*
 * Takes an item out of the queue without waiting. Returns what coro_queue_get does, or -EAGAIN if
 * it is empty. Like queue.get_nowait.
 */
CORO_MUST_CHECK CORO_API int coro_queue_try_get(struct coro_queue *queue, void **ret);

/*
 * Says that the work on one item that was taken out is done. Returns 0, or -EINVAL if it is called
 * more often than items were put. Like queue.task_done.
 */
CORO_API int coro_queue_task_done(struct coro_queue *queue);

/*
 * Waits until the work on all items is done. Returns 0, -EINVAL, -ECANCELED or -EPERM. Like
 * queue.join.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_queue_join(struct coro_queue *queue);

/*
 * Shuts the queue down: coro_queue_put is -EPIPE from now on, also for tasks that wait in it. The
 * items that are left may be taken out; with immediate they are dropped, and their work counts as
 * done. Returns 0, -EINVAL or -EPERM. Like queue.shutdown.
 */
CORO_API int coro_queue_shutdown(struct coro_queue *queue, bool immediate);

/* Returns how many items are in the queue. Like queue.qsize. */
CORO_API size_t coro_queue_size(const struct coro_queue *queue);

/* Returns how many items the queue can hold, 0 for any number. Like queue.maxsize. */
CORO_API size_t coro_queue_maxsize(const struct coro_queue *queue);

/* Returns whether the queue is empty. */
CORO_API bool coro_queue_empty(const struct coro_queue *queue);

/* Returns whether the queue is full. */
CORO_API bool coro_queue_full(const struct coro_queue *queue);

CORO_END_DECLS

#endif
