/* SPDX-License-Identifier: MIT */
/*
 * A channel from inside: a ring of items, and a line of offers for each direction.
 *
 *	            end of the ring
 *	[ 4 . . . . 1 2 3 ]        senders:   [offer]-[offer]     only while the ring is full
 *	    in      out            receivers: [offer]-[offer]     only while it is empty
 *
 * A task that waits leaves an offer: an item to take, or a place for one. The task that comes from
 * the other side copies the item, removes the offer and wakes the first task. That task has nothing
 * left to do, since its call ended in park.
 */
#ifndef SYNC_CHANNEL_H
#define SYNC_CHANNEL_H

#include "core/coroutine.h"
#include "coro/channel.h"
#include "sched/park.h"

#include <string.h>

struct select;

/* A plain call's offer lies in its task's wait, a select's in the case. */
struct __attribute__((may_alias)) offer {
	struct list link;
	/* NULL: the item received is dropped. Unused in the wait of a select. */
	void *item;
	struct select *select; /* whose case it is; NULL for a plain call */
};

_Static_assert(sizeof(struct offer) <= sizeof(((struct task_wait *)0)->outer),
	       "an offer fits the wait");
_Static_assert(sizeof(struct offer) <= sizeof(((struct coro_select_case *)0)->own),
	       "an offer fits the case");

struct coro_channel {
	struct thread *thread; /* the only one that may use it */
	size_t item_size;
	size_t count, capacity;
	struct list receivers, senders;
	size_t attached[2]; /* by enum coro_direction */
	bool closed;
	char *in, *out, *end;
	char items[];
};

/* The offer of a task that waits. */
static inline struct offer *wait_offer(struct task_wait *wait)
{
	return (struct offer *)(void *)wait->outer;
}

static inline struct offer *first_offer(const struct list *line)
{
	return container_of(line->next, struct offer, link);
}

/* Whether a call of this direction need not wait. */
static inline bool can_send(const struct coro_channel *channel)
{
	return channel->count < channel->capacity || !list_empty(&channel->receivers) ||
	       channel->closed;
}

static inline bool can_receive(const struct coro_channel *channel)
{
	return channel->count > 0 || !list_empty(&channel->senders) || channel->closed;
}

/* Ends a select whose offer was served with this result. */
void select_happens(struct offer *offer, int result);

#endif
