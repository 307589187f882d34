/* SPDX-License-Identifier: MIT */
/*
 * Broadcasts: what is sent reaches all who have subscribed, each in its own time (Rust's
 * tokio::sync::broadcast). Items have one size and are copied:
 *
 *	struct coro_broadcast *prices;
 *	r = coro_broadcast_create(sizeof(int), 16, &prices);
 *	r = coro_broadcast_send(prices, &price);                // in one task
 *
 *	struct coro_subscription *mine;                         // in each of the others
 *	r = coro_broadcast_subscribe(prices, &mine);
 *	while ((r = coro_subscription_receive(mine, &price)) == 0)
 *		printf("%d\n", price);
 *
 * Sending never waits: only the newest `capacity` items are kept, and a subscriber that is slower
 * learns that it has missed some. A broadcast is for the thread that made it: -EPERM elsewhere.
 */
#ifndef CORO_BROADCAST_H
#define CORO_BROADCAST_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro_broadcast;
struct coro_subscription;

/*
 * Makes a broadcast of items of item_size bytes, 0 for bare signals, that keeps the newest
 * `capacity`, at least 1. The caller owns it and gives it back with coro_broadcast_destroy.
 * -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_broadcast_create(size_t item_size, size_t capacity,
						   struct coro_broadcast **ret);

/* Frees a broadcast: 0; -EBUSY while it has subscriptions; -EPERM. NULL is fine. */
CORO_API int coro_broadcast_destroy(struct coro_broadcast *broadcast);

/*
 * Sends a copy of *item to all subscriptions: 0; it does not wait. -EPIPE once closed. item may be
 * NULL where items have no bytes. -EINVAL, -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_broadcast_send(struct coro_broadcast *broadcast,
						 const void *item);

/*
 * Nothing is sent any more: subscriptions give what they have left, and then -EPIPE. 0; -EALREADY
 * if it is closed; -EINVAL, -EPERM.
 */
CORO_API int coro_broadcast_close(struct coro_broadcast *broadcast);

/* How many subscriptions there are. */
CORO_API size_t coro_broadcast_subscribers(const struct coro_broadcast *broadcast);

/*
 * Subscribes: to the items that are sent from now on. The caller owns the subscription and gives it
 * back with coro_subscription_destroy. -EINVAL, -ENOMEM, -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_broadcast_subscribe(struct coro_broadcast *broadcast,
						      struct coro_subscription **ret);

/* Ends a subscription: 0; -EBUSY while a task waits in it; -EPERM. NULL is fine. */
CORO_API int coro_subscription_destroy(struct coro_subscription *subscription);

/*
 * Receives the oldest item that the subscription has not given yet into *ret, waiting for one: 0.
 * ret may be NULL, and the item is dropped. Each of several tasks that receive from one
 * subscription gets other items.
 *
 *   -EOVERFLOW   it was too slow and has missed some, see coro_subscription_missed; the next call
 *                gives the oldest item that is left
 *   -EPIPE       the broadcast is closed, and all has been received
 *   -ECANCELED   the task was cancelled; no item is lost by that
 *   -EPERM       outside a task, if it would wait; in another thread
 */
coro_async CORO_MUST_CHECK CORO_API int coro_subscription_receive(
	struct coro_subscription *subscription, void *ret);

/* The same without waiting: -EAGAIN. In a task or not. */
CORO_MUST_CHECK CORO_API int coro_subscription_try_receive(struct coro_subscription *subscription,
							   void *ret);

/* How many items the subscription has missed so far: those that -EOVERFLOW stood for. */
CORO_API uint64_t coro_subscription_missed(const struct coro_subscription *subscription);

CORO_END_DECLS

#endif
