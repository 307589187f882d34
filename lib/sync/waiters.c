/* SPDX-License-Identifier: MIT */
#include "sync/waiters.h"

#include "core/fail.h"

void waiters_refuse(void)
{
	fail_with(-EPERM, "those who wait are another thread's");
}

static void grant_discarded(struct cleanup *cleanup)
{
	struct grant *grant = container_of(cleanup, struct grant, cleanup);
	if (grant->waiter.state == WAITER_WOKEN)
		grant->given_back(grant);
}

int waiters_wait_granted(struct coro_waiters *waiters, struct grant *grant,
			 void (*given_back)(struct grant *grant), const struct wait_kind *kind)
{
	struct task *task = task_running();
	if (!task)
		return waiters_wait(waiters, &grant->waiter, kind);
	grant->waiters = waiters;
	grant->given_back = given_back;
	cleanup_push(task, &grant->cleanup, grant_discarded);
	int r = waiters_wait(waiters, &grant->waiter, kind);
	cleanup_pop(&grant->cleanup);
	return r;
}

static void move_aside(struct line *line, struct waiter *waiter)
{
	list_remove(&waiter->link);
	if (waiter->state == WAITER_WOKEN)
		list_append(line->aside.next, &waiter->link); /* in front */
	else
		list_append(&line->aside, &waiter->link);
}

bool line_any(struct line *line)
{
	if (!list_empty(&line->aside) && waiter_of(line->aside.next)->state == WAITER_WOKEN)
		return true;
	while (!list_empty(&line->waiting)) {
		struct waiter *first = waiter_of(line->waiting.next);
		if (first->state != WAITER_CANCELLED)
			return true;
		move_aside(line, first);
	}
	return false;
}

/* The waiter found stays in front, since it usually runs on before the next call. */
struct waiter *line_next(struct line *line)
{
	while (!list_empty(&line->waiting)) {
		struct waiter *first = waiter_of(line->waiting.next);
		if (first->state == WAITER_PENDING)
			return first;
		move_aside(line, first);
	}
	return NULL;
}
