/* SPDX-License-Identifier: MIT */
/*
 * A broadcast is a ring of the newest items, each known by its number in the order of sending; a
 * subscription is the number of the item that it gives next.
 *
 *	items:         [ 8 5 6 7 ]       capacity 4, next to be sent: 9
 *	subscription:      6             has 6, 7 and 8 to give
 *	another:       3                 has missed 3 and 4, and goes on with 5
 */
#include "coro/broadcast.h"

#include "base/memory.h"
#include "core/fail.h"
#include "sync/waiters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct coro_broadcast {
	struct thread *thread; /* the only one that may use it */
	struct list subscriptions;
	size_t subscribers;
	size_t item_size, capacity;
	uint64_t next; /* number of the next item to be sent */
	bool closed;
	char items[];
};

struct coro_subscription {
	struct coro_broadcast *broadcast;
	struct list link; /* in broadcast->subscriptions */
	struct coro_waiters waiters;
	uint64_t next; /* number of the next item to be given */
	uint64_t missed;
};

/* -- broadcasts */

int coro_broadcast_create(size_t item_size, size_t capacity, struct coro_broadcast **ret)
{
	size_t bytes;
	if (!ret || capacity == 0)
		return fail_with(-EINVAL, "coro_broadcast_create: ret is NULL, or the capacity 0");
	if (__builtin_mul_overflow(item_size, capacity, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(struct coro_broadcast), &bytes))
		return fail_code(-ENOMEM);
	struct thread *thread = thread_self();
	struct coro_broadcast *broadcast = thread ? memory_alloc(bytes) : NULL;
	if (!broadcast)
		return fail_code(-ENOMEM);
	*broadcast = (struct coro_broadcast){
		.thread = thread_ref(thread), .item_size = item_size, .capacity = capacity};
	list_init(&broadcast->subscriptions);
	*ret = broadcast;
	return 0;
}

/* Returns 0 if the caller may use the broadcast, or an error. */
static int check(const struct coro_broadcast *broadcast)
{
	if (!broadcast)
		return fail_with(-EINVAL, "the broadcast is NULL");
	return broadcast->thread == thread_current
		       ? 0
		       : fail_with(-EPERM, "the broadcast is another thread's");
}

int coro_broadcast_destroy(struct coro_broadcast *broadcast)
{
	if (!broadcast)
		return 0;
	if (check(broadcast) < 0)
		return fail_with(-EPERM,
				 "coro_broadcast_destroy: the broadcast is another thread's");
	if (broadcast->subscribers > 0)
		return fail_with(-EBUSY, "coro_broadcast_destroy: it has subscriptions");
	thread_unref(broadcast->thread);
	free(broadcast);
	return 0;
}

static char *place_of(struct coro_broadcast *broadcast, uint64_t number)
{
	return broadcast->items + (number % broadcast->capacity) * broadcast->item_size;
}

static void wake_subscribers(struct coro_broadcast *broadcast, size_t of_each)
{
	struct list *end = &broadcast->subscriptions;
	for (struct list *link = end->next; link != end; link = link->next)
		waiters_wake(&container_of(link, struct coro_subscription, link)->waiters, of_each);
}

int coro_broadcast_send(struct coro_broadcast *broadcast, const void *item)
{
	int r = check(broadcast);
	if (r < 0)
		return r;
	if (!item && broadcast->item_size > 0)
		return fail_with(-EINVAL, "coro_broadcast_send: the item is NULL");
	if (broadcast->closed)
		return fail_expected(-EPIPE, "the broadcast is closed");
	if (broadcast->item_size > 0)
		memcpy(place_of(broadcast, broadcast->next), item, broadcast->item_size);
	broadcast->next++;
	wake_subscribers(broadcast, 1);
	return 0;
}

int coro_broadcast_close(struct coro_broadcast *broadcast)
{
	int r = check(broadcast);
	if (r < 0)
		return r;
	if (broadcast->closed)
		return fail_expected(-EALREADY, "the broadcast is closed already");
	broadcast->closed = true;
	wake_subscribers(broadcast, SIZE_MAX);
	return 0;
}

size_t coro_broadcast_subscribers(const struct coro_broadcast *broadcast)
{
	return broadcast ? broadcast->subscribers : 0;
}

/* -- subscriptions */

int coro_broadcast_subscribe(struct coro_broadcast *broadcast, struct coro_subscription **ret)
{
	int r = ret ? check(broadcast)
		    : fail_with(-EINVAL, "coro_broadcast_subscribe: ret is NULL");
	if (r < 0)
		return r;
	struct coro_subscription *subscription = memory_alloc(sizeof(*subscription));
	if (!subscription)
		return fail_code(-ENOMEM);
	*subscription = (struct coro_subscription){.broadcast = broadcast, .next = broadcast->next};
	waiters_init(&subscription->waiters);
	list_append(&broadcast->subscriptions, &subscription->link);
	broadcast->subscribers++;
	*ret = subscription;
	return 0;
}

int coro_subscription_destroy(struct coro_subscription *subscription)
{
	if (!subscription)
		return 0;
	struct coro_broadcast *broadcast = subscription->broadcast;
	if (check(broadcast) < 0)
		return fail_with(-EPERM,
				 "coro_subscription_destroy: the broadcast is another thread's");
	if (!waiters_empty(&subscription->waiters))
		return fail_with(-EBUSY, "coro_subscription_destroy: a task waits in it");
	list_remove(&subscription->link);
	broadcast->subscribers--;
	free(subscription);
	return 0;
}

/* Moves a subscription that is behind to the oldest item. Returns how many items it has missed. */
static uint64_t catch_up(struct coro_subscription *subscription)
{
	const struct coro_broadcast *broadcast = subscription->broadcast;
	uint64_t behind = broadcast->next - subscription->next;
	uint64_t missed = behind > broadcast->capacity ? behind - broadcast->capacity : 0;
	subscription->next += missed;
	subscription->missed += missed;
	return missed;
}

int coro_subscription_try_receive(struct coro_subscription *subscription, void *ret)
{
	int r = subscription
			? check(subscription->broadcast)
			: fail_with(-EINVAL, "coro_subscription_receive: the subscription is NULL");
	if (r < 0)
		return r;
	struct coro_broadcast *broadcast = subscription->broadcast;
	if (catch_up(subscription) > 0)
		return fail_expected(-EOVERFLOW, "the subscription has missed items");
	if (subscription->next == broadcast->next)
		return broadcast->closed ? fail_expected(-EPIPE, "the broadcast is closed")
					 : fail_code(-EAGAIN);
	if (ret && broadcast->item_size > 0)
		memcpy(ret, place_of(broadcast, subscription->next), broadcast->item_size);
	subscription->next++;
	return 0;
}

static const struct wait_kind receiving = {
	.leave = waiter_leave, .what = "a subscription", .call = "coro_subscription_receive"};

/* Waits for an item. If it is cancelled after it was woken, it wakes the next task instead. */
static coro_async int wait_for_item(struct coro_subscription *subscription)
{
	struct waiter waiter;
	int r = waiters_wait(&subscription->waiters, &waiter, &receiving);
	if (r < 0 && waiter.state == WAITER_WOKEN &&
	    subscription->next != subscription->broadcast->next)
		waiters_wake(&subscription->waiters, 1);
	return r;
}

int coro_subscription_receive(struct coro_subscription *subscription, void *ret)
{
	int r;
	while ((r = coro_subscription_try_receive(subscription, ret)) == -EAGAIN) {
		r = wait_for_item(subscription);
		if (r < 0)
			return r;
	}
	return r;
}

uint64_t coro_subscription_missed(const struct coro_subscription *subscription)
{
	return subscription ? subscription->missed : 0;
}
