/* SPDX-License-Identifier: MIT */
#include "sync/waiters.h"

#include "core/fail.h"

void waiters_refuse(void)
{
	fail_with(-EPERM, "those who wait are another thread's");
}

static void grant_abandoned(struct cleanup *cleanup)
{
	struct grant *grant = container_of(cleanup, struct grant, cleanup);
	if (grant->latch.state == LATCH_SET)
		grant->given_back(grant);
}

int waiters_wait_granted(struct coro_waiters *waiters, struct grant *grant,
			 void (*given_back)(struct grant *grant), const struct wait_kind *kind)
{
	struct task *task = task_running();
	if (!task)
		return waiters_wait(waiters, &grant->latch, kind);
	grant->waiters = waiters;
	grant->given_back = given_back;
	cleanup_push(task, &grant->cleanup, grant_abandoned);
	int r = waiters_wait(waiters, &grant->latch, kind);
	cleanup_pop(&grant->cleanup);
	return r;
}

static void move_aside(struct line *line, struct latch *latch)
{
	list_remove(&latch->link);
	if (latch->state == LATCH_SET)
		list_append(line->aside.next, &latch->link); /* before the first */
	else
		list_append(&line->aside, &latch->link);
}

bool line_any(struct line *line)
{
	if (!list_empty(&line->aside) && latch_of(line->aside.next)->state == LATCH_SET)
		return true;
	while (!list_empty(&line->waiting)) {
		struct latch *first = latch_of(line->waiting.next);
		if (first->state != LATCH_CANCELLED)
			return true;
		move_aside(line, first);
	}
	return false;
}

/* Who is woken then stays in front: as a rule it runs on before anybody asks again. */
struct latch *line_next(struct line *line)
{
	while (!list_empty(&line->waiting)) {
		struct latch *first = latch_of(line->waiting.next);
		if (first->state == LATCH_PENDING)
			return first;
		move_aside(line, first);
	}
	return NULL;
}
