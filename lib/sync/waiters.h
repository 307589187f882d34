/* SPDX-License-Identifier: MIT */
/*
 * The tasks that wait for one thing, in the order they came.
 *
 * A waiter that was woken or cancelled stays in line until its task runs, as in asyncio, whose order
 * of events depends on that. A call that looks for one to wake moves such a waiter aside, so none is
 * passed over twice: waking n costs n steps, however many were woken before.
 */
#ifndef SYNC_WAITERS_H
#define SYNC_WAITERS_H

#include "core/thread.h"
#include "coro/sync.h"
#include "sched/park.h"

#include <errno.h>

/* The content of struct coro_waiters. */
struct __attribute__((may_alias)) line {
	struct list waiting;
	struct list aside; /* woken or cancelled; the woken ones first */
};

_Static_assert(sizeof(struct line) == sizeof(struct coro_waiters), "a line fits");

static inline void line_init(struct line *line)
{
	list_init(&line->waiting);
	list_init(&line->aside);
}

/* The line, made at the first use: an object of zeroes needs no init. */
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

/* Whether the line is empty. Woken and cancelled waiters that have not run count. */
static inline bool waiters_empty(const struct coro_waiters *waiters)
{
	const struct line *line = waiters_line(waiters);
	return list_empty(&line->waiting) && list_empty(&line->aside);
}

/* Fails with the message of waiters_check. */
void waiters_refuse(void) __attribute__((cold));

/* Returns 0, or -EPERM if tasks of another thread wait. */
static inline int waiters_check(const struct coro_waiters *waiters)
{
	const struct line *line = waiters_line(waiters);
	struct list *first = line->waiting.next;
	if (first == &line->waiting)
		first = line->aside.next;
	if (first == &line->aside)
		return 0;
	if (likely(waiter_of(first)->task->sched->thread == thread_current))
		return 0;
	waiters_refuse();
	return -EPERM;
}

/*
 * Waits at the end of the line. Returns 0, -ECANCELED or -EPERM. waiter->state then tells whether
 * it was woken, even if it was cancelled after that.
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
 * A waiter that gets what it waits for when it is woken. If its task is discarded before it runs,
 * given_back is called, with the waiter off the line.
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

/* The first waiter that was neither woken nor cancelled. NULL for none. */
static inline struct waiter *waiters_next(const struct coro_waiters *waiters)
{
	struct line *line = waiters_line(waiters);
	if (list_empty(&line->waiting))
		return NULL;
	struct waiter *first = waiter_of(line->waiting.next);
	return likely(first->state == WAITER_PENDING) ? first : line_next(line);
}

/* Wakes the first n waiters that were neither woken nor cancelled. Returns how many. */
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

/* Wakes the first in line, unless one was woken or cancelled and has not run yet. */
static inline void waiters_wake_first(struct coro_waiters *waiters)
{
	struct line *line = waiters_line(waiters);
	if (list_empty(&line->aside) && !list_empty(&line->waiting))
		waiter_wake(waiter_of(line->waiting.next));
}

#endif
