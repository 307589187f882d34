/* SPDX-License-Identifier: MIT */
/*
 * The tasks that wait for one thing, in the order they came.
 *
 * Who was woken or cancelled stays in line until it runs on, as in asyncio, whose order of events
 * depends on that. But nobody is passed over twice: whoever comes to wake and finds such a one in
 * front moves it aside, so that waking n costs n steps, however many were woken before.
 */
#ifndef SYNC_WAITERS_H
#define SYNC_WAITERS_H

#include "core/thread.h"
#include "coro/sync.h"
#include "loop/loop.h"
#include "sched/park.h"

#include <errno.h>

/* What lies in struct coro_waiters. */
struct __attribute__((may_alias)) line {
	struct list waiting;
	struct list aside; /* nobody here is still to be woken; those that were set come first */
};

_Static_assert(sizeof(struct line) == sizeof(struct coro_waiters), "a line fits");

static inline void line_init(struct line *line)
{
	list_init(&line->waiting);
	list_init(&line->aside);
}

/* An object of zeroes is as good as one that init has made. */
static inline struct line *waiters_line(const struct coro_waiters *waiters)
{
	struct line *line = (struct line *)(void *)waiters->own;
	if (unlikely(!line->waiting.next))
		line_init(line);
	return line;
}

static inline void waiters_init(struct coro_waiters *waiters)
{
	line_init((struct line *)(void *)waiters->own);
}

static inline struct waiter *waiter_of(struct list *link)
{
	return container_of(link, struct waiter, link);
}

/* Whether there is nobody, not even one who has but to run on. */
static inline bool waiters_empty(const struct coro_waiters *waiters)
{
	const struct line *line = waiters_line(waiters);
	return list_empty(&line->waiting) && list_empty(&line->aside);
}

/* Gives the failure that they are another thread's. */
void waiters_refuse(void) __attribute__((cold));

/* 0; -EPERM if those who wait are another thread's. */
static inline int waiters_check(const struct coro_waiters *waiters)
{
	const struct line *line = waiters_line(waiters);
	struct list *first = line->waiting.next;
	if (first == &line->waiting)
		first = line->aside.next;
	if (first == &line->aside)
		return 0;
	if (likely(waiter_of(first)->task->future.loop->thread == thread_current))
		return 0;
	waiters_refuse();
	return -EPERM;
}

/*
 * Waits at the end of the line: 0, -ECANCELED, -EPERM. The latch tells afterwards whether it was
 * set.
 */
static inline int waiters_wait(struct coro_waiters *waiters, struct waiter *waiter,
			       const struct wait_kind *kind)
{
	waiter->state = WAITER_CANCELLED;
	int r = waiters_check(waiters);
	if (r < 0)
		return r;
	list_append(&waiters_line(waiters)->waiting, &waiter->link);
	r = waiter_wait(waiter, kind);
	waiter_end(waiter);
	return r;
}

/*
 * The same of one that is given what it waits for when it is woken: should its task be discarded
 * before that runs, given_back is called, which finds the latch off the line.
 */
struct grant {
	struct waiter waiter;
	struct coro_waiters *waiters;
	struct cleanup cleanup;
	void (*given_back)(struct grant *grant);
};

int waiters_wait_granted(struct coro_waiters *waiters, struct grant *grant,
			 void (*given_back)(struct grant *grant), const struct wait_kind *kind);

bool line_any(struct line *line);
struct waiter *line_next(struct line *line);

/*
 * Whether somebody waits who has not been cancelled; one that was woken but has not run yet counts.
 */
static inline bool waiters_any(const struct coro_waiters *waiters)
{
	struct line *line = waiters_line(waiters);
	if (!list_empty(&line->waiting) && waiter_of(line->waiting.next)->state != WAITER_CANCELLED)
		return true;
	return !waiters_empty(waiters) && line_any(line);
}

/* Who is to be woken next: the first who was neither woken nor cancelled, NULL for none. */
static inline struct waiter *waiters_next(const struct coro_waiters *waiters)
{
	struct line *line = waiters_line(waiters);
	if (list_empty(&line->waiting))
		return NULL;
	struct waiter *first = waiter_of(line->waiting.next);
	return likely(first->state == WAITER_PENDING) ? first : line_next(line);
}

/* Wakes the first n who have not been woken; returns how many. */
static inline size_t waiters_wake(struct coro_waiters *waiters, size_t n)
{
	struct waiter *waiter;
	size_t woken = 0;
	while (woken < n && (waiter = waiters_next(waiters))) {
		waiter_wake(waiter);
		woken++;
	}
	return woken;
}

/* Wakes the first in line, unless that was woken or cancelled already and has but to run. */
static inline void waiters_wake_first(struct coro_waiters *waiters)
{
	struct line *line = waiters_line(waiters);
	if (list_empty(&line->aside) && !list_empty(&line->waiting))
		waiter_wake(waiter_of(line->waiting.next));
}

#endif
