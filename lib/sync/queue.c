/* SPDX-License-Identifier: MIT */
#include "coro/queue.h"

#include "base/memory.h"
#include "base/ring.h"
#include "core/fail.h"
#include "sync/waiters.h"

#include <errno.h>
#include <stdlib.h>

enum order { FIFO, LIFO, PRIORITY };

struct coro_queue {
	struct ring items; /* PRIORITY: a binary heap, which begins at position 0 */
	size_t maxsize;    /* SIZE_MAX for no bound */
	enum order order;
	int (*compare)(const void *a, const void *b);
	bool shut;
	bool ordering; /* compare runs; no items, and maxsize 0, so that calls take the slow path */

	struct coro_waiters getters, putters;
	size_t unfinished;
	struct coro_event finished; /* set while unfinished is 0 */
};

/* -- creating and freeing */

static int create(size_t maxsize, enum order order, int (*compare)(const void *a, const void *b),
		  struct coro_queue **ret)
{
	if (!ret)
		return fail_with(-EINVAL, "coro_queue_create: ret is NULL");
	struct coro_queue *queue = memory_alloc(sizeof(*queue));
	if (!queue)
		return fail_code(-ENOMEM);
	*queue = (struct coro_queue){
		.maxsize = maxsize ? maxsize : SIZE_MAX,
		.order = order,
		.compare = compare,
	};
	ring_init(&queue->items);
	waiters_init(&queue->getters);
	waiters_init(&queue->putters);
	coro_event_init(&queue->finished);
	coro_event_set(&queue->finished);
	*ret = queue;
	return 0;
}

int coro_queue_create(size_t maxsize, struct coro_queue **ret)
{
	return create(maxsize, FIFO, NULL, ret);
}

int coro_queue_create_lifo(size_t maxsize, struct coro_queue **ret)
{
	return create(maxsize, LIFO, NULL, ret);
}

int coro_queue_create_priority(size_t maxsize, int (*compare)(const void *a, const void *b),
			       struct coro_queue **ret)
{
	return compare ? create(maxsize, PRIORITY, compare, ret)
		       : fail_with(-EINVAL, "coro_queue_create_priority: compare is NULL");
}

int coro_queue_destroy(struct coro_queue *queue)
{
	if (!queue)
		return 0;
	if (queue->ordering || !waiters_empty(&queue->getters) || !waiters_empty(&queue->putters) ||
	    !waiters_empty(&queue->finished.waiters))
		return fail_with(-EBUSY, "coro_queue_destroy: it is in use");
	ring_finish(&queue->items);
	free(queue);
	return 0;
}

/* -- items */

static void sift_up(struct coro_queue *queue, size_t place, void *item)
{
	void **heap = queue->items.slots;
	while (place > 0 && queue->compare(item, heap[(place - 1) / 2]) < 0) {
		heap[place] = heap[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	heap[place] = item;
}

/* Sifts to a leaf and then up, as Python's heapq, so that equal items come out in the same order. */
static void sift_down(struct coro_queue *queue, size_t count, void *item)
{
	void **heap = queue->items.slots;
	size_t place = 0;
	for (size_t child; (child = 2 * place + 1) < count; place = child) {
		if (child + 1 < count && queue->compare(heap[child], heap[child + 1]) >= 0)
			child++;
		heap[place] = heap[child];
	}
	sift_up(queue, place, item);
}

/*
 * Has sift put the item into the heap, which then has count items. compare is the program's and may
 * call the queue, which is both empty and full meanwhile.
 */
static void put_in_order(struct coro_queue *queue, size_t count, void *item, size_t from,
			 void (*sift)(struct coro_queue *queue, size_t from, void *item))
{
	size_t maxsize = queue->maxsize;
	queue->ordering = true;
	queue->items.tail = queue->maxsize = 0;
	sift(queue, from, item);
	queue->ordering = false;
	queue->maxsize = maxsize;
	queue->items.tail = count;
}

/* There is room for it. */
static void add(struct coro_queue *queue, void *item)
{
	if (queue->order == PRIORITY)
		put_in_order(queue, queue->items.tail + 1, item, queue->items.tail, sift_up);
	else
		ring_push(&queue->items, item);
}

static void *take_first(struct coro_queue *queue)
{
	void *first = queue->items.slots[0], *last = ring_pop_back(&queue->items);
	size_t left = queue->items.tail;
	if (left > 0)
		put_in_order(queue, left, last, left, sift_down);
	return first;
}

static void *take(struct coro_queue *queue)
{
	switch (queue->order) {
	case LIFO:
		return ring_pop_back(&queue->items);
	case PRIORITY:
		return take_first(queue);
	case FIFO:
		break;
	}
	return ring_pop(&queue->items);
}

/* -- the calls */

static bool full(const struct coro_queue *queue)
{
	return ring_count(&queue->items) >= queue->maxsize;
}

/*
 * Waits in line until woken. A task that is cancelled after it was woken wakes the next one, if the
 * item or room is still there.
 */
static int wait_in(struct coro_waiters *line, const struct coro_queue *queue,
		   bool (*still)(const struct coro_queue *), const struct wait_kind *kind)
{
	struct waiter waiter;
	int r = waiters_wait(line, &waiter, kind);
	if (r < 0 && waiter.state == WAITER_WOKEN && still(queue))
		waiters_wake(line, 1);
	return r;
}

static const struct wait_kind putting = {
	.leave = waiter_leave, .what = "a queue, for room", .call = "coro_queue_put"};
static const struct wait_kind getting = {
	.leave = waiter_leave, .what = "a queue, for an item", .call = "coro_queue_get"};

static bool has_room(const struct coro_queue *queue)
{
	return !full(queue);
}

static bool has_items(const struct coro_queue *queue)
{
	return !ring_empty(&queue->items);
}

static int fail_ordering(void)
{
	return fail_with(-EBUSY, "coro_queue: called while its compare runs");
}

static int fail_shut(void)
{
	return fail_expected(-EPIPE, "the queue is shut down");
}

static int put_now(struct coro_queue *queue, void *item)
{
	if (queue->shut)
		return fail_shut();
	if (full(queue))
		return queue->ordering ? fail_ordering() : -EAGAIN;
	int r = waiters_check(&queue->getters);
	if (r < 0)
		return r;
	r = ring_fit(&queue->items);
	if (r < 0)
		return fail_code(r);
	add(queue, item);
	queue->unfinished++;
	coro_event_clear(&queue->finished);
	waiters_wake(&queue->getters, 1);
	return 0;
}

int coro_queue_try_put(struct coro_queue *queue, void *item)
{
	if (!queue)
		return fail_with(-EINVAL, "coro_queue_try_put: the queue is NULL");
	int r = put_now(queue, item);
	return r == -EAGAIN ? fail_code(r) : r;
}

int coro_queue_put(struct coro_queue *queue, void *item)
{
	if (!queue)
		return fail_with(-EINVAL, "coro_queue_put: the queue is NULL");
	struct thread *thread = thread_current;
	int r = thread->sched && sched_use_budget(thread) ? sched_renew_budget(thread) : 0;
	if (r < 0)
		return r;
	while ((r = put_now(queue, item)) == -EAGAIN) {
		r = wait_in(&queue->putters, queue, has_room, &putting);
		if (r < 0)
			return r;
	}
	return r;
}

static int get_now(struct coro_queue *queue, void **ret)
{
	if (ring_empty(&queue->items) && queue->ordering)
		return fail_ordering();
	if (ring_empty(&queue->items))
		return queue->shut ? fail_shut() : -EAGAIN;
	int r = waiters_check(&queue->putters);
	if (r < 0)
		return r;
	*ret = take(queue);
	waiters_wake(&queue->putters, 1);
	return 0;
}

int coro_queue_try_get(struct coro_queue *queue, void **ret)
{
	if (!queue || !ret)
		return fail_with(-EINVAL, "coro_queue_try_get: the queue or ret is NULL");
	int r = get_now(queue, ret);
	return r == -EAGAIN ? fail_code(r) : r;
}

int coro_queue_get(struct coro_queue *queue, void **ret)
{
	int r;
	if (!queue || !ret)
		return fail_with(-EINVAL, "coro_queue_get: the queue or ret is NULL");
	while ((r = get_now(queue, ret)) == -EAGAIN) {
		r = wait_in(&queue->getters, queue, has_items, &getting);
		if (r < 0)
			return r;
	}
	return r;
}

int coro_queue_task_done(struct coro_queue *queue)
{
	if (!queue || queue->unfinished == 0)
		return fail_with(-EINVAL,
				 "coro_queue_task_done: called more often than there were items");
	int r = waiters_check(&queue->finished.waiters);
	if (r < 0)
		return r;
	if (--queue->unfinished == 0)
		coro_event_set(&queue->finished);
	return 0;
}

static const struct wait_kind joining = {
	.leave = waiter_leave, .what = "a queue, to be worked off", .call = "coro_queue_join"};

int coro_queue_join(struct coro_queue *queue)
{
	if (!queue)
		return fail_with(-EINVAL, "coro_queue_join: the queue is NULL");
	struct waiter waiter;
	return queue->unfinished > 0 ? waiters_wait(&queue->finished.waiters, &waiter, &joining)
				     : 0;
}

int coro_queue_shutdown(struct coro_queue *queue, bool immediate)
{
	if (!queue)
		return fail_with(-EINVAL, "coro_queue_shutdown: the queue is NULL");
	if (queue->ordering)
		return fail_ordering();
	int r = waiters_check(&queue->getters);
	if (r == 0)
		r = waiters_check(&queue->putters);
	if (r == 0)
		r = waiters_check(&queue->finished.waiters);
	if (r < 0)
		return r;
	queue->shut = true;
	if (immediate) {
		while (!ring_empty(&queue->items)) {
			take(queue);
			if (queue->unfinished > 0)
				coro_queue_task_done(queue);
		}
	}
	waiters_wake(&queue->getters, SIZE_MAX);
	waiters_wake(&queue->putters, SIZE_MAX);
	return 0;
}

size_t coro_queue_size(const struct coro_queue *queue)
{
	return queue ? ring_count(&queue->items) : 0;
}

size_t coro_queue_maxsize(const struct coro_queue *queue)
{
	return queue && queue->maxsize != SIZE_MAX ? queue->maxsize : 0;
}

bool coro_queue_empty(const struct coro_queue *queue)
{
	return coro_queue_size(queue) == 0;
}

bool coro_queue_full(const struct coro_queue *queue)
{
	return queue && full(queue);
}
