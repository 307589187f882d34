/* SPDX-License-Identifier: MIT */
/*
 * Channels, which carry items between tasks, and select, which waits for several channels at once.
 * Go and libdill have them; asyncio does not. The items of a channel have one size and are copied:
 *
 *	struct coro_channel *numbers;
 *	r = coro_channel_create(sizeof(int), 0, &numbers);
 *
 *	int n = 42;                                             // in one task
 *	r = coro_channel_send(numbers, &n);
 *
 *	while ((r = coro_channel_receive(numbers, &n)) == 0)    // in another
 *		printf("%d\n", n);
 *
 * An item goes straight from its sender to the first task that waits for it, or into the buffer if
 * no task does. Waiting allocates no memory. What can be done at once is done without letting
 * others run, but a task that sends some hundred items without waiting then lets others run.
 *
 * An item that was handed over is never lost. If a task is cancelled at the moment when its send or
 * receive succeeds, that call returns 0, and the task's next wait returns -ECANCELED. If the task
 * ends before that, it was not cancelled.
 *
 * A channel belongs to the thread that made it: in another, calls are -EPERM.
 */
#ifndef CORO_CHANNEL_H
#define CORO_CHANNEL_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/* A channel. */
struct coro_channel;

/*
 * Creates a channel for items of item_size bytes; 0 for bare signals. Its buffer holds `capacity`
 * items; if that is 0, a sender waits for a receiver. The caller owns the channel and destroys it
 * with coro_channel_destroy. Returns 0, -EINVAL or -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_channel_create(size_t item_size, size_t capacity,
						 struct coro_channel **ret);

/*
 * Frees a channel and the items in it. NULL is allowed. Returns 0, -EPERM, or -EBUSY if a task
 * waits.
 */
CORO_API int coro_channel_destroy(struct coro_channel *channel);

/*
 * Sends a copy of *item, and waits until a task receives it or the buffer has room. item may be
 * NULL if items have no bytes.
 *
 * Returns 0, -EINVAL, or
 *
 *   -EPIPE      the channel is closed, or was closed meanwhile; the item was not sent
 *   -ECANCELED  the task was cancelled; the item was not sent
 *   -EPERM      it would have to wait, and the caller is not in a task
 */
coro_async CORO_MUST_CHECK CORO_API int coro_channel_send(struct coro_channel *channel,
							  const void *item);

/*
 * Sends a copy of *item without waiting, in a task or not. Returns what coro_channel_send does, or
 * -EAGAIN if it would have to wait.
 */
CORO_MUST_CHECK CORO_API int coro_channel_try_send(struct coro_channel *channel, const void *item);

/*
 * Receives the oldest item into *ret, waiting for one. ret may be NULL, to drop the item.
 *
 * Returns 0, -EINVAL, or
 *
 *   -EPIPE      the channel is closed, and nothing is left in it
 *   -ECANCELED  the task was cancelled; no item was received
 *   -EPERM      it would have to wait, and the caller is not in a task
 */
coro_async CORO_MUST_CHECK CORO_API int coro_channel_receive(struct coro_channel *channel,
							     void *ret);

/*
 * Receives an item without waiting, in a task or not. Returns what coro_channel_receive does, or
 * -EAGAIN if it would have to wait.
 */
CORO_MUST_CHECK CORO_API int coro_channel_try_receive(struct coro_channel *channel, void *ret);

/*
 * Closes the channel: sends are -EPIPE from now on, also those that wait. Receivers get what is in
 * the buffer, and then -EPIPE. Returns 0, -EINVAL, -EPERM, or -EALREADY if it is closed.
 */
CORO_API int coro_channel_close(struct coro_channel *channel);

/* Returns whether the channel is closed. */
CORO_API bool coro_channel_closed(const struct coro_channel *channel);

/* What is done with a channel. */
enum coro_direction { CORO_RECEIVE, CORO_SEND };

/*
 * Counts the caller among the channel's senders or receivers. The last of them that calls
 * coro_channel_detach closes the channel. Attach before the task is spawned that sends or receives:
 * the others may all have detached before it runs. Attaching is optional: a channel to which nobody
 * attaches is closed by coro_channel_close alone.
 *
 * Returns 0, -EINVAL, -EPERM, or -EPIPE if the channel is closed. Like a clone of Rust's Sender.
 */
CORO_MUST_CHECK CORO_API int coro_channel_attach(struct coro_channel *channel,
						 enum coro_direction direction);

/*
 * Undoes one coro_channel_attach. The last sender closes the channel: receivers get what is in the
 * buffer, and then -EPIPE. The last receiver closes it too and drops what is in the buffer: senders
 * get -EPIPE. A task can detach by coro_defer, however it ends. Returns 0, -EPERM, or -EINVAL if
 * nobody is attached.
 */
CORO_API int coro_channel_detach(struct coro_channel *channel, enum coro_direction direction);

/* Returns how many items are in the buffer. Like len of Go. */
CORO_API size_t coro_channel_length(const struct coro_channel *channel);

/* Returns how many items the buffer can hold. Like cap of Go. */
CORO_API size_t coro_channel_capacity(const struct coro_channel *channel);

/* -- select */

/*
 * One thing that coro_select can do: send to a channel, or receive from it. The caller sets
 * channel, direction and item. A case may be used again, by one select at a time.
 */
struct coro_select_case {
	struct coro_channel *channel; /* NULL: never ready */
	enum coro_direction direction;
	void *item; /* the item to send; or where to receive one, NULL to drop it */

	int result;   /* of the case that was chosen: 0, or -EPIPE if its channel is closed */
	void *own[4]; /* the library's */
};

/*
 * Waits until one of the cases can be done, does it, and no other, and returns its index. Its
 * result field says how it ended: a closed channel is always ready. If several can be done, one is
 * chosen at random; the loop's seed determines which.
 *
 * It waits for at most timeout nanoseconds. With 0 it does not wait, and may be called outside of
 * tasks. There may be any number of cases, also none. A channel may be in several cases, in both
 * directions; a select does not receive what it sends. No memory is allocated.
 *
 * Returns the index, or, having done nothing
 *
 *   -ETIMEDOUT  the time is over
 *   -ECANCELED  the task was cancelled
 *   -EPERM      it would have to wait, and the caller is not in a task
 *   -EINVAL     a case is not valid
 *
 * Like select of Go.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_select(struct coro_select_case *cases, size_t count,
						    int64_t timeout);

/*
 * Declares typed functions for channels of one type of item. They cost nothing.
 * `CORO_CHANNEL(numbers, int);` declares
 *
 *   int numbers_create(size_t capacity, struct coro_channel **ret);
 *   int numbers_send(struct coro_channel *channel, int item);
 *   int numbers_try_send(struct coro_channel *channel, int item);
 *   int numbers_receive(struct coro_channel *channel, int *ret);
 *   int numbers_try_receive(struct coro_channel *channel, int *ret);
 */
#define CORO_CHANNEL(name, type)                                                             \
	CORO_UNUSED static inline int name##_create(size_t coro_capacity_,                   \
						    struct coro_channel **coro_ret_)         \
	{                                                                                    \
		return coro_channel_create(sizeof(type), coro_capacity_, coro_ret_);         \
	}                                                                                    \
	CORO_UNUSED static inline int name##_send(struct coro_channel *coro_channel_,        \
						  type coro_item_)                           \
	{                                                                                    \
		return coro_channel_send(coro_channel_, &coro_item_);                        \
	}                                                                                    \
	CORO_UNUSED static inline int name##_try_send(struct coro_channel *coro_channel_,    \
						      type coro_item_)                       \
	{                                                                                    \
		return coro_channel_try_send(coro_channel_, &coro_item_);                    \
	}                                                                                    \
	CORO_UNUSED static inline int name##_receive(struct coro_channel *coro_channel_,     \
						     type *coro_ret_)                        \
	{                                                                                    \
		return coro_channel_receive(coro_channel_, CORO_TO_VOID_(coro_ret_));        \
	}                                                                                    \
	CORO_UNUSED static inline int name##_try_receive(struct coro_channel *coro_channel_, \
							 type *coro_ret_)                    \
	{                                                                                    \
		return coro_channel_try_receive(coro_channel_, CORO_TO_VOID_(coro_ret_));    \
	}                                                                                    \
	CORO_TAKES_SEMICOLON_

CORO_END_DECLS

#endif
