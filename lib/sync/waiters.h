/* SPDX-License-Identifier: MIT */
/* The tasks that wait for one thing, in the order they came. */
#ifndef SYNC_WAITERS_H
#define SYNC_WAITERS_H

#include "coro/sync.h"
#include "loop/waiter.h"

_Static_assert(sizeof(struct coro_waiters) == sizeof(struct list), "waiters are a list");

static inline struct list *waiters_list(const struct coro_waiters *waiters)
{
	return (struct list *)(void *)waiters->own;
}

static inline void waiters_init(struct coro_waiters *waiters)
{
	list_init(waiters_list(waiters));
}

static inline struct latch *latch_of(struct list *link)
{
	return container_of(link, struct latch, link);
}

/*
 * Waits at the end of the line: 0, -ECANCELED, -EPERM. The latch tells afterwards whether it was
 * set.
 */
static inline int waiters_wait(struct coro_waiters *waiters, struct latch *latch)
{
	latch->state = LATCH_CANCELLED;
	list_append(waiters_list(waiters), &latch->link);
	int r = latch_wait(latch);
	latch_end(latch);
	return r;
}

/*
 * Whether somebody waits who has not been cancelled; one that was woken but has not run yet counts.
 */
static inline bool waiters_any(const struct coro_waiters *waiters)
{
	list_for_each(link, waiters_list(waiters))
		if (latch_of(link)->state != LATCH_CANCELLED)
			return true;
	return false;
}

/* Wakes the first n who have not been woken; returns how many. */
static inline size_t waiters_wake(struct coro_waiters *waiters, size_t n)
{
	size_t woken = 0;
	list_for_each(link, waiters_list(waiters)) {
		if (woken == n)
			break;
		if (latch_of(link)->state == LATCH_PENDING) {
			latch_set(latch_of(link));
			woken++;
		}
	}
	return woken;
}

#endif
