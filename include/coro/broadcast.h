/* SPDX-License-Identifier: MIT */
/*
 * Broadcasts: every item that is sent reaches all subscribers, each at its own speed. The items
 * have one size and are copied:
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
 * Sending never waits. Only the newest items are kept, and a subscriber that is too slow learns
 * that it has missed some. A broadcast belongs to the thread that made it: in another, calls are
 * -EPERM. They follow tokio::sync::broadcast of Rust.
 */
#ifndef CORO_BROADCAST_H
#define CORO_BROADCAST_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/* A broadcast. */
struct coro_broadcast;

/* A subscription to a broadcast. */
struct coro_subscription;

/*
 * Creates a broadcast of items of item_size bytes, 0 for bare signals. It keeps the newest
 * `capacity` items, at least 1. The caller owns it and destroys it with coro_broadcast_destroy.
 * Returns 0, -EINVAL or -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_broadcast_create(size_t item_size, size_t capacity,
						   struct coro_broadcast **ret);

/* Frees a broadcast. NULL is allowed. Returns 0, -EPERM, or -EBUSY while it has subscriptions. */
CORO_API int coro_broadcast_destroy(struct coro_broadcast *broadcast);

/*
 * Sends a copy of *item to all subscriptions, without waiting. item may be NULL if items have no
 * bytes. Returns 0, -EINVAL, -EPERM, or -EPIPE if the broadcast is closed.
 */
CORO_MUST_CHECK CORO_API int coro_broadcast_send(struct coro_broadcast *broadcast,
						 const void *item);

/*
 * Closes the broadcast: nothing can be sent any more. Subscriptions give the items that are left,
 * and then -EPIPE. Returns 0, -EINVAL, -EPERM, or -EALREADY if it is closed.
 */
CORO_API int coro_broadcast_close(struct coro_broadcast *broadcast);

/* Returns how many subscriptions there are. */
CORO_API size_t coro_broadcast_subscribers(const struct coro_broadcast *broadcast);

/*
 * Subscribes to the items that are sent from now on. The caller owns the subscription and destroys
 * it with coro_subscription_destroy. Returns 0, -EINVAL, -ENOMEM or -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_broadcast_subscribe(struct coro_broadcast *broadcast,
						      struct coro_subscription **ret);

/* Ends a subscription. NULL is allowed. Returns 0, -EPERM, or -EBUSY while a task waits in it. */
CORO_API int coro_subscription_destroy(struct coro_subscription *subscription);

/*
 * Receives the oldest item that the subscription has not given yet into *ret, waiting for one. ret
 * may be NULL, to drop the item. If several tasks receive from one subscription, each item goes to
 * one of them.
 *
 * Returns 0, -EINVAL, or
 *
 *   -EOVERFLOW  the subscription was too slow and has missed items: see coro_subscription_missed.
 *               The next call gives the oldest item that is left
 *   -EPIPE      the broadcast is closed, and all its items were received
 *   -ECANCELED  the task was cancelled; no item is lost
 *   -EPERM      it would have to wait, and the caller is not in a task
 */
coro_async CORO_MUST_CHECK CORO_API int coro_subscription_receive(
	struct coro_subscription *subscription, void *ret);

/*
 * Receives an item without waiting, in a task or not. Returns what coro_subscription_receive does,
 * or -EAGAIN if there is none.
 */
CORO_MUST_CHECK CORO_API int coro_subscription_try_receive(struct coro_subscription *subscription,
							   void *ret);

/* Returns how many items the subscription has missed so far. */
CORO_API uint64_t coro_subscription_missed(const struct coro_subscription *subscription);

CORO_END_DECLS

#endif
