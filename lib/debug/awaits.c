/* SPDX-License-Identifier: MIT */
#include "debug/awaits.h"

#include "debug/describe.h"
#include "sync/lock.h"
#include "task/as_completed.h"
#include "task/done_call.h"
#include "task/gather.h"
#include "task/group.h"

/* The next of several futures; NULL for no more. */
static const struct coro_future *next_call(struct awaits *awaits, const struct done_calls *calls)
{
	return awaits->index < calls->count ? calls->all[awaits->index++].done_call.future : NULL;
}

static const struct coro_future *next_member(struct awaits *awaits, const struct coro_group *group)
{
	const struct list *before = awaits->at ? awaits->at : &group->members;
	if (before->next == &group->members)
		return NULL;
	awaits->at = before->next;
	return container_of(before->next, struct member, link)->done_call.future;
}

static const struct coro_future *next_alone(struct awaits *awaits, const struct coro_future *future)
{
	if (future->kind == FUTURE_GATHER)
		return next_call(awaits, gather_children(future));
	return awaits->index++ == 0 ? future : NULL;
}

static const struct coro_future *next_future(struct awaits *awaits)
{
	const struct task_wait *wait = task_wait(awaits->task);
	const void *subject = wait_subject(wait);
	switch ((enum subject_type)wait->kind->subject.type) {
	case SUBJECT_FUTURE:
		return next_alone(awaits, *(const struct coro_future *const *)subject);
	case SUBJECT_FUTURES:
		return next_call(awaits, subject);
	case SUBJECT_COMPLETED:
		return completed_future(*(const struct completed *const *)subject, awaits->index++);
	case SUBJECT_GROUP:
		return next_member(awaits, *(const struct coro_group *const *)subject);
	default:
		return NULL;
	}
}

/* The number of the task that holds the lock, the first time; 0 if that is not known. */
static uint32_t next_holder(struct awaits *awaits)
{
	const struct coro_lock *lock =
		*(const struct coro_lock *const *)wait_subject(task_wait(awaits->task));
	const struct hold *hold = lock->hold;
	return hold && awaits->index++ == 0 ? hold->task : 0;
}

uint32_t awaits_next(struct awaits *awaits)
{
	const struct coro_future *future;
	if (task_doing(awaits->task) != DOING_WAIT)
		return 0;
	if (task_wait(awaits->task)->kind->subject.type == SUBJECT_LOCK)
		return next_holder(awaits);
	while ((future = next_future(awaits)))
		if (is_task(future) && !future->done)
			return task_of(future)->number;
	return 0;
}
