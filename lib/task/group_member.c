/* SPDX-License-Identifier: MIT */
/* The tasks of a group: how they are spawned, and what their ends mean. */
#include "base/error.h"
#include "base/memory.h"
#include "core/fail.h"
#include "task/group.h"
#include "task/report.h"
#include "task/task.h"

#include <errno.h>
#include <stdlib.h>

/* -- ends */

static void member_failed(struct coro_group *group, struct coro_future *task)
{
	if (group->error_count == 0)
		group->first = future_ref(task);
	if (group->error_count > 0 || future_of(group->parent)->done || group->exiting ||
	    group->orphan)
		future_retrieved(task); /* otherwise group_asked does */
	group->errors[group->error_count++] = task->status;
	if (future_of(group->parent)->done)
		report_future(task,
			      "Task has errored out but its parent task is already completed");
	else if (!group->aborting && !group->independent)
		group_abort_all(group);
}

bool group_let_in(struct coro_group *group)
{
	struct list *link;
	while ((link = list_pop(&group->spawners))) {
		struct waiter *waiter = container_of(link, struct waiter, link);
		if (waiter->state != WAITER_PENDING)
			continue; /* cancelled; it has not run on yet */
		group->granted++;
		waiter_wake(waiter);
		return true;
	}
	return false;
}

static void member_done(struct done_call *done_call)
{
	struct member *member = container_of(done_call, struct member, done_call);
	struct coro_group *group = member->group;
	struct coro_future *task = done_call->future;
	list_remove(&member->link);
	group->running--;
	sched_release(task->sched, 0, 1);
	free(member);
	if (group->ending && !group_in_use(group))
		waiter_wake(group->ending);
	if (task->status < 0 && task->status != -ECANCELED)
		member_failed(group, task);
	else
		future_retrieved(task);
	if (unlikely(!list_empty(&group->spawners)))
		group_let_in(group);
	future_unref(task);
	if (group->orphan)
		group_left(group);
}

/* -- room */

static bool is_full(const struct coro_group *group)
{
	return group->limit > 0 && group->running + group->granted >= group->limit;
}

static bool takes_nobody(const struct coro_group *group)
{
	return group->aborting || (group->exiting && !group_in_use(group));
}

static const struct wait_kind waiting_for_room = {.leave = waiter_leave,
						  .what = "a group, for room"};

/* Waits in line. Returns 0 when woken, or -ECANCELED. */
static int wait_in_line(struct coro_group *group)
{
	struct waiter waiter;
	list_append(&group->spawners, &waiter.link);
	group->users++;
	int r = waiter_wait(&waiter, &waiting_for_room);
	waiter_end(&waiter);
	group->users--;
	if (waiter.state == WAITER_WOKEN)
		group->granted--;
	if (r < 0 && waiter.state == WAITER_WOKEN && !is_full(group))
		group_let_in(group);
	return r;
}

static int fail_ended(void)
{
	return fail_expected(-ESHUTDOWN, "coro_group_spawn: the group is cancelled or has ended");
}

/* enter, if the group is full or takes no tasks. */
static __attribute__((noinline)) int enter_slowly(struct coro_group *group)
{
	if (takes_nobody(group))
		return fail_ended();
	if (!task_running())
		return fail_with(-EAGAIN, "coro_group_spawn: the group is full");
	int r = wait_in_line(group);
	if (r == 0 && group->aborting)
		r = fail_ended();
	if (r < 0)
		group_left(group);
	return r;
}

/* Waits until there is room under the limit. Returns 0, or why the caller may not spawn. */
static inline int enter(struct coro_group *group)
{
	return likely(!takes_nobody(group) && !is_full(group)) ? 0 : enter_slowly(group);
}

/* -- births */

/* Returns 0 if fn can be spawned in the group from here. */
static inline int check_spawn(const struct coro_group *group, coro_fn *fn)
{
	if (!group || !fn)
		return fail_with(-EINVAL, "coro_group_spawn: the group or fn is NULL");
	if (group->parent->sched != thread_current->sched)
		return fail_with(-EPERM,
				 "coro_group_spawn: the loop of the group does not run here");
	return 0;
}

/* Takes a place in the group when there is room, also for a failure. */
static inline __attribute__((always_inline)) int create(struct coro_group *group, coro_fn *fn,
							struct member **ret)
{
	int r = check_spawn(group, fn);
	if (r == 0)
		r = enter(group);
	if (r == 0)
		r = group_reserve_error(group);
	if (r == 0)
		r = sched_reserve(group->parent->sched, 0, 1);
	if (r < 0)
		return r;
	struct member *member = memory_alloc(sizeof(*member));
	if (!member) {
		sched_release(group->parent->sched, 0, 1);
		return fail_code(-ENOMEM);
	}
	member->group = group;
	group->running++; /* before the task runs, which may spawn others */
	*ret = member;
	return 0;
}

int member_create(struct coro_group *group, coro_fn *fn, struct member **ret)
{
	return create(group, fn, ret);
}

void member_destroy(struct member *member)
{
	struct coro_group *group = member->group;
	group->running--;
	sched_release(group->parent->sched, 0, 1);
	free(member);
	if (!is_full(group))
		group_let_in(group);
	group_left(group);
}

/*
 * The done callback of a task that started eagerly and has ended is called a turn later, like any.
 */
static inline void member_add(struct member *member, struct coro_future *task)
{
	list_append(&member->group->members, &member->link);
	done_call_add(&member->done_call, task, member_done);
}

/* A task that started eagerly may have cancelled the group that it joins now. */
static inline void join(struct member *member, struct coro_future *task)
{
	struct coro_group *group = member->group;
	member_add(member, task);
	if (unlikely(group->aborting))
		future_cancel(task);
}

void member_join(struct member *member, struct coro_future *task)
{
	join(member, task);
}

static inline void welcome(struct member *member, struct coro_future *task,
			   struct coro_future **ret)
{
	if (ret)
		*ret = coro_future_ref(task);
	join(member, task);
}

int coro_group_spawn_with(struct coro_group *group, const struct coro_options *options, coro_fn *fn,
			  void *arg, struct coro_future **ret)
{
	struct member *member = NULL;
	struct coro_future *task;
	int r = create(group, fn, &member);
	if (r < 0)
		return r;
	r = task_spawn(group->parent->sched, options, fn, arg, &task);
	if (r < 0)
		member_destroy(member);
	else
		welcome(member, task, ret);
	return r;
}

int coro_group_spawn_at(const char *site, struct coro_group *group, coro_fn *fn, void *arg,
			struct coro_future **ret)
{
	struct member *member = NULL;
	struct coro_future *task;
	int r = create(group, fn, &member);
	if (r < 0)
		return r;
	r = coro_spawn_at(site, fn, arg, &task);
	if (r < 0)
		member_destroy(member);
	else
		welcome(member, task, ret);
	return r;
}
