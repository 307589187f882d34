/* SPDX-License-Identifier: MIT */
#include "coro/thread.h"

#include "base/memory.h"
#include "base/ring.h"
#include "core/fail.h"
#include "sched/fork.h"
#include "sched/thread_waiter.h"

#include <errno.h>
#include <stdlib.h>

/*
 * A getter is woken with a claim to an item, a putter with a claim to room for one. No one else can
 * take that, so calls that come later do not overtake. A claim is passed on if the task that has it
 * is cancelled before it runs.
 */
struct coro_thread_queue {
	pthread_mutex_t mutex;
	struct ring items;
	size_t maxsize;               /* SIZE_MAX for no bound */
	size_t claimed, reserved;     /* claims to items and to room */
	struct list getters, putters; /* struct place, in the order they came */
	bool closed;
	unsigned fork_count;
};

/* A call that waits in one of the lines. */
struct place {
	struct thread_waiter waiter;
	struct coro_thread_queue *queue;
	int result; /* 0: it was woken with a claim; or an error */
};

/* -- creating and freeing */

int coro_thread_queue_create(size_t maxsize, struct coro_thread_queue **ret)
{
	if (!ret)
		return fail_with(-EINVAL, "coro_thread_queue_create: ret is NULL");
	struct coro_thread_queue *queue = fork_watch() == 0 ? memory_alloc(sizeof(*queue)) : NULL;
	if (!queue)
		return fail_code(-ENOMEM);
	*queue = (struct coro_thread_queue){
		.maxsize = maxsize ? maxsize : SIZE_MAX,
		.fork_count = fork_count,
	};
	int r = -pthread_mutex_init(&queue->mutex, NULL);
	if (r < 0) {
		free(queue);
		return r;
	}
	ring_init(&queue->items);
	list_init(&queue->getters);
	list_init(&queue->putters);
	*ret = queue;
	return 0;
}

/* Locks the mutex. Returns 0 or an error. */
static int lock(struct coro_thread_queue *queue)
{
	if (!queue)
		return fail_with(-EINVAL, "the thread queue is NULL");
	if (!fork_is_own(queue->fork_count))
		return fail_code(-EOWNERDEAD); /* a thread of the parent may hold the mutex */
	pthread_mutex_lock(&queue->mutex);
	return 0;
}

static void unlock(struct coro_thread_queue *queue)
{
	pthread_mutex_unlock(&queue->mutex);
}

int coro_thread_queue_destroy(struct coro_thread_queue *queue)
{
	if (!queue)
		return 0;
	if (lock(queue) == 0) {
		bool busy = !list_empty(&queue->getters) || !list_empty(&queue->putters) ||
			    queue->claimed || queue->reserved;
		unlock(queue);
		if (busy)
			return fail_with(-EBUSY, "coro_thread_queue_destroy: it is in use");
		pthread_mutex_destroy(&queue->mutex);
	}
	ring_finish(&queue->items);
	free(queue);
	return 0;
}

/* -- lines */

/* Wakes the first in a line with this result. False if the line is empty. */
static bool wake_first(struct list *line, int result)
{
	if (list_empty(line))
		return false;
	struct thread_waiter *waiter = container_of(line->next, struct thread_waiter, link);
	container_of(waiter, struct place, waiter)->result = result;
	thread_waiter_wake(waiter);
	return true;
}

/* Wakes getters for the items without a claim; with -EPIPE if the queue is closed and empty. */
static void serve_getters(struct coro_thread_queue *queue)
{
	while (ring_count(&queue->items) > queue->claimed && wake_first(&queue->getters, 0))
		queue->claimed++;
	while (queue->closed && ring_empty(&queue->items) && wake_first(&queue->getters, -EPIPE))
		;
}

/* Wakes putters for the room without a claim. */
static void serve_putters(struct coro_thread_queue *queue)
{
	while (ring_count(&queue->items) + queue->reserved < queue->maxsize &&
	       wake_first(&queue->putters, 0))
		queue->reserved++;
}

static void give_up_item(struct coro_thread_queue *queue)
{
	queue->claimed--;
	serve_getters(queue);
}

static void give_up_room(struct coro_thread_queue *queue)
{
	queue->reserved--;
	serve_putters(queue);
}

static void getter_discarded(struct thread_waiter *waiter)
{
	struct place *place = container_of(waiter, struct place, waiter);
	if (waiter->set && place->result == 0)
		give_up_item(place->queue);
}

static void putter_discarded(struct thread_waiter *waiter)
{
	struct place *place = container_of(waiter, struct place, waiter);
	if (waiter->set && place->result == 0)
		give_up_room(place->queue);
}

static const struct wait_kind getting = {.leave = waiter_leave,
					 .what = "a thread queue, for an item"};
static const struct wait_kind putting = {.leave = waiter_leave, .what = "a thread queue, for room"};

/* Waits in line. Returns 0 with a claim, the error it was woken with, or -ECANCELED. */
static int wait_in(struct list *line, struct coro_thread_queue *queue, const struct wait_kind *kind,
		   void (*discarded)(struct thread_waiter *waiter),
		   void (*give_up)(struct coro_thread_queue *queue))
{
	struct place place = {.queue = queue};
	int r = thread_waiter_begin(&place.waiter, &queue->mutex, discarded);
	if (r < 0)
		return r;
	list_append(line, &place.waiter.link);
	r = thread_waiter_wait(&place.waiter, CORO_FOREVER, kind);
	list_remove(&place.waiter.link);
	bool claim = place.waiter.set && place.result == 0;
	thread_waiter_end(&place.waiter);
	if (r < 0 && claim)
		give_up(queue);
	return r < 0 ? r : place.result;
}

/* -- items */

/* Adds an item, for which there is room. */
static int add(struct coro_thread_queue *queue, void *item)
{
	int r = ring_fit(&queue->items);
	if (r < 0)
		return r;
	ring_push(&queue->items, item);
	serve_getters(queue);
	return 0;
}

/* Takes an item, of which there is one for the caller. */
static void take(struct coro_thread_queue *queue, void **ret)
{
	*ret = ring_pop(&queue->items);
	serve_putters(queue);
	serve_getters(queue);
}

/* -- the calls */

/* These run with the mutex locked. */
static int try_put(struct coro_thread_queue *queue, void *item)
{
	if (queue->closed)
		return -EPIPE;
	return ring_count(&queue->items) + queue->reserved < queue->maxsize ? add(queue, item)
									    : -EAGAIN;
}

static int put(struct coro_thread_queue *queue, void *item)
{
	int r = try_put(queue, item);
	if (r != -EAGAIN)
		return r;
	r = wait_in(&queue->putters, queue, &putting, putter_discarded, give_up_room);
	if (r < 0)
		return r;
	r = queue->closed ? -EPIPE : add(queue, item);
	give_up_room(queue);
	return r;
}

static int try_get(struct coro_thread_queue *queue, void **ret)
{
	if (ring_empty(&queue->items))
		return queue->closed ? -EPIPE : -EAGAIN;
	if (ring_count(&queue->items) == queue->claimed)
		return -EAGAIN;
	take(queue, ret);
	return 0;
}

static int get(struct coro_thread_queue *queue, void **ret)
{
	int r = try_get(queue, ret);
	if (r != -EAGAIN)
		return r;
	r = wait_in(&queue->getters, queue, &getting, getter_discarded, give_up_item);
	if (r < 0)
		return r;
	queue->claimed--;
	take(queue, ret);
	return 0;
}

/* Gives the queue's own errors their message. */
static int outcome(int r)
{
	if (r == -EPIPE)
		return fail_expected(-EPIPE, "the thread queue is closed");
	return r == -EPERM ? r : fail_outcome(r);
}

int coro_thread_queue_put(struct coro_thread_queue *queue, void *item)
{
	int r = lock(queue);
	if (r < 0)
		return r;
	r = put(queue, item);
	unlock(queue);
	return outcome(r);
}

int coro_thread_queue_try_put(struct coro_thread_queue *queue, void *item)
{
	int r = lock(queue);
	if (r < 0)
		return r;
	r = try_put(queue, item);
	unlock(queue);
	return outcome(r);
}

int coro_thread_queue_get(struct coro_thread_queue *queue, void **ret)
{
	int r = ret ? lock(queue) : fail_with(-EINVAL, "coro_thread_queue_get: ret is NULL");
	if (r < 0)
		return r;
	r = get(queue, ret);
	unlock(queue);
	return outcome(r);
}

int coro_thread_queue_try_get(struct coro_thread_queue *queue, void **ret)
{
	int r = ret ? lock(queue) : fail_with(-EINVAL, "coro_thread_queue_try_get: ret is NULL");
	if (r < 0)
		return r;
	r = try_get(queue, ret);
	unlock(queue);
	return outcome(r);
}

int coro_thread_queue_close(struct coro_thread_queue *queue)
{
	int r = lock(queue);
	if (r < 0)
		return r;
	queue->closed = true;
	while (wake_first(&queue->putters, -EPIPE))
		;
	serve_getters(queue);
	unlock(queue);
	return 0;
}

size_t coro_thread_queue_size(struct coro_thread_queue *queue)
{
	if (lock(queue) < 0)
		return 0;
	size_t count = ring_count(&queue->items);
	unlock(queue);
	return count;
}
