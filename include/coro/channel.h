/* SPDX-License-Identifier: MIT */
/*
 * Channels, and waiting for whichever of several is ready first: what Go and libdill have, and
 * asyncio lacks. A channel carries items of one size from task to task, by value:
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
 * none does. No wait allocates. What can be had at once is had without letting others run. A task
 * that sends some hundred items without ever waiting then lets others run.
 *
 * An item that was handed over is never lost: a task that is cancelled at the very moment at which
 * its send or receive succeeds gets 0 from that, and -ECANCELED from its next wait; if it ends
 * before, it was not cancelled.
 *
 * A channel belongs to the thread that made it: -EPERM elsewhere.
 */
#ifndef CORO_CHANNEL_H
#define CORO_CHANNEL_H

#include <coro/base.h>

CORO_BEGIN_DECLS

struct coro_channel;

/*
 * Makes a channel for items of that many bytes (make(chan T, capacity)); 0 bytes for bare signals.
 * Its buffer holds `capacity` items; with 0 there is none, and who sends waits for who receives.
 * The caller owns it and gives it back with coro_channel_destroy. -EINVAL, -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_channel_create(size_t item_size, size_t capacity,
						 struct coro_channel **ret);

/* Frees a channel, and what is in it: 0; -EBUSY if somebody waits in it; -EPERM. NULL is fine. */
CORO_API int coro_channel_destroy(struct coro_channel *channel);

/*
 * Sends a copy of *item, waiting until somebody takes it or there is room (channel <- item): 0.
 * -EPIPE if the channel is closed, or is being closed meanwhile: nobody gets the item. -ECANCELED;
 * -EPERM outside a task, if it would wait. item may be NULL where items have no bytes.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_channel_send(struct coro_channel *channel,
							  const void *item);

/* The same without waiting: -EAGAIN. In a task or not. */
CORO_MUST_CHECK CORO_API int coro_channel_try_send(struct coro_channel *channel, const void *item);

/*
 * Receives the oldest item into *ret, waiting for one (item, ok := <-channel): 0. ret may be NULL,
 * and the item is dropped. -EPIPE once the channel is closed and nothing is left in it; -ECANCELED;
 * -EPERM outside a task, if it would wait.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_channel_receive(struct coro_channel *channel,
							     void *ret);

/* The same without waiting: -EAGAIN. In a task or not. */
CORO_MUST_CHECK CORO_API int coro_channel_try_receive(struct coro_channel *channel, void *ret);

/*
 * Nothing goes in any more (close(channel)): who sends, or waits to send, gets -EPIPE; who receives
 * gets what is in the buffer, and then -EPIPE. 0; -EALREADY if it is closed.
 */
CORO_API int coro_channel_close(struct coro_channel *channel);

CORO_API bool coro_channel_closed(const struct coro_channel *channel);

enum coro_direction { CORO_RECEIVE, CORO_SEND };

/*
 * Counts the caller among the channel's receivers or senders: 0 (clone of a trio memory channel's
 * end, or of Rust's Sender). The other side learns when the last of them detaches. Attach before
 * the task is spawned: else the others may all have detached by then. Attaching is optional: a
 * channel whose ends are not counted is closed by coro_channel_close alone. -EPIPE once it is
 * closed; -EINVAL, -EPERM.
 */
CORO_MUST_CHECK CORO_API int coro_channel_attach(struct coro_channel *channel,
						 enum coro_direction direction);

/*
 * Uncounts one of them: 0. The last sender closes the channel: receivers get what is in the buffer,
 * and then -EPIPE. The last receiver closes it too, and drops what is in the buffer: senders get
 * -EPIPE. With coro_defer a task detaches however it ends. -EINVAL if none is counted; -EPERM.
 */
CORO_API int coro_channel_detach(struct coro_channel *channel, enum coro_direction direction);

/* How many items are in the buffer, and how many can be (len, cap). */
CORO_API size_t coro_channel_length(const struct coro_channel *channel);
CORO_API size_t coro_channel_capacity(const struct coro_channel *channel);

/* -- select */

/*
 * One thing to wait for. The caller fills in the upper fields, and may use a case again and again,
 * by one select at a time.
 */
struct coro_select_case {
	struct coro_channel *channel; /* NULL: never ready */
	enum coro_direction direction;
	void *item; /* to be sent; or where to receive one, NULL to drop it */

	int result;   /* of the one that has happened: 0; -EPIPE: its channel is closed */
	void *own[4]; /* the library's */
};

/*
 * Waits until one of the cases can go on, has that one happen, and no other, and returns which: its
 * index (select of Go, dill_choose). See its `result`; a channel that is closed is always ready. Of
 * several that are ready one is chosen at random, as the loop's seed has it.
 *
 * Waits for at most timeout nanoseconds, CORO_FOREVER for any time: then -ETIMEDOUT. With 0 it does
 * not wait, in a task or not (Go's `default`). A channel may stand in several cases, in both
 * directions; a select never sends to itself. Any number of cases, 0 too, and no allocation.
 *
 * -EINVAL, with nothing done, for a case that cannot be; -ECANCELED; -EPERM outside a task, if it
 * would wait.
 */
coro_async CORO_MUST_CHECK CORO_API int coro_select(struct coro_select_case *cases, size_t count,
						    int64_t timeout);

/*
 * Declares a typed view of channels, NAME_create and so on: CORO_CHANNEL(numbers, int) has
 * numbers_create(0, &channel), numbers_send(channel, 42) and numbers_receive(channel, &n).
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
