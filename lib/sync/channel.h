/* SPDX-License-Identifier: MIT */
/*
 * A channel from inside: a ring of items, and the two lines of those who wait.
 *
 *	            end of the ring
 *	[ 4 . . . . 1 2 3 ]        senders:   [offer]-[offer]     only while the ring is full
 *	    in      out            receivers: [offer]-[offer]     only while it is empty
 *
 * Who waits has left an offer: an item to take, or a place for one. It is taken up by whoever comes
 * from the other side, who copies the item, takes the offer out of the line and wakes its task, so
 * that the task finds all done and has nothing left to do: its call ended in park.
 */
#ifndef SYNC_CHANNEL_H
#define SYNC_CHANNEL_H

#include "core/coroutine.h"
#include "coro/channel.h"
#include "sched/park.h"
#include "task/task.h"

#include <string.h>

struct select;

/* Of a plain call it lies in its task's wait; of a select, in the case. */
struct __attribute__((may_alias)) offer {
	struct list link;
	/* NULL: what is received is dropped. Of a select's wait itself: not used. */
	void *item;
	struct select *select; /* whose case it is; NULL: a plain call's */
};

_Static_assert(sizeof(struct offer) <= sizeof(((struct wait *)0)->outer), "an offer fits the wait");
_Static_assert(sizeof(struct offer) <= sizeof(((struct coro_select_case *)0)->own),
	       "an offer fits the case");

struct coro_channel {
	struct thread *thread; /* whose it is */
	size_t item_size;
	size_t count, capacity;
	struct list receivers, senders;
	size_t attached[2]; /* by enum coro_direction */
	bool closed;
	char *in, *out, *end;
	char items[];
};

/* The offer of a task that waits. */
static inline struct offer *wait_offer(struct wait *wait)
{
	return (struct offer *)(void *)wait->outer;
}

static inline struct offer *first_offer(const struct list *line)
{
	return container_of(line->next, struct offer, link);
}

/* Whether a call from this side need not wait. */
static inline bool can_send(const struct coro_channel *channel)
{
	return channel->count < channel->capacity || !list_empty(&channel->receivers) ||
	       channel->closed;
}

static inline bool can_receive(const struct coro_channel *channel)
{
	return channel->count > 0 || !list_empty(&channel->senders) || channel->closed;
}

/* Take up a select's offer, which has been served with that result. */
void select_happens(struct offer *offer, int result);

#endif
