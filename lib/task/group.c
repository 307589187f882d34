/* SPDX-License-Identifier: MIT */
#include "task/group.h"

#include "base/error.h"
#include "base/memory.h"
#include "core/fail.h"
#include "task/report.h"
#include "task/shield.h"
#include "task/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void group_free(struct coro_group *group)
{
	resource_end(&group->resource);
	coro_future_unref(group->first);
	failure_unref(group->message);
	list_remove(&group->orphans);
	future_unref(future_of(group->parent));
	free(group->errors);
	free(group);
}

static void drop_members(struct coro_group *group)
{
	struct list *link;
	while ((link = list_pop(&group->members))) {
		struct member *member = container_of(link, struct member, link);
		done_call_remove(&member->done_call);
		coro_future_unref(member->done_call.future);
		free(member);
	}
}

/*
 * Whether its body is discarded with its parent. The body of a generator may be left, and end the
 * group later.
 */
static bool body_goes(const struct coro_group *group)
{
	const struct coro *task = &group->parent->coro, *at = task->at;
	while (at != task && at != group->body)
		at = at->resumer;
	return at == group->body;
}

/*
 * The group is ended, or never will be: its first failure counts as asked for. It is not called if
 * the parent has returned without ending the group: then the failure is reported.
 */
static void group_asked(const struct coro_group *group)
{
	if (group->first)
		future_retrieved(group->first);
}

/* Its parent is discarded, and so are the members. */
static void group_discard(struct cleanup *cleanup)
{
	struct coro_group *group = container_of(cleanup, struct coro_group, cleanup);
	group_asked(group);
	drop_members(group);
	if (body_goes(group))
		group_free(group);
}

/* The deferred calls of its parent and of the members run first, since they may use the group. */
static void group_outlive(struct cleanup *cleanup)
{
	struct coro_group *group = container_of(cleanup, struct coro_group, cleanup);
	cleanup_push(group->parent, &group->cleanup, group_discard);
}

/* Debug mode: notes a group that its generator must end before it yields. */
static void note_in_generator(struct coro_group *group, const char *site)
{
	group->resource.site = site;
	group->body->flags |= FLAG_IN_SCOPE;
	list_append(&tasks_of(group->parent->sched)->generator_groups, &group->resource.link);
}

int coro_group_create_with_at(const char *site, const struct coro_group_options *options,
			      struct coro_group **ret)
{
	static const struct coro_group_options defaults;
	struct task *task = task_running();
	options = options ? options : &defaults;
	if (!ret || options->flags & ~CORO_GROUP_INDEPENDENT)
		return fail_with(-EINVAL, "coro_group_create: ret is NULL, or unknown flags");
	if (!task)
		return fail_with(-EPERM, "coro_group_create: not in a task");
	struct coro_group *group = memory_alloc(sizeof(*group));
	if (!group)
		return fail_code(-ENOMEM);
	*group = (struct coro_group){
		.parent = task,
		.body = thread_current->self,
		.resource = {.taken = "group made", .undone = "ended"},
		.limit = options->limit,
		.independent = options->flags & CORO_GROUP_INDEPENDENT,
		.cancelling = task->cancels,
		.level = (uint8_t)task_wait(task)->shields,
		.unreceived = task->coro.flags & FLAG_MUST_CANCEL,
	};
	future_ref(future_of(task)); /* the parent may end before the group */
	list_init(&group->members);
	list_init(&group->spawners);
	list_init(&group->orphans);
	cleanup_push(task, &group->cleanup, group_outlive);
	if (group->body ==
	    &task->coro) /* that of a generator may be ended when the loop is closed */
		resource_begin_in(task, &group->resource, site);
	else if (task->sched->debug)
		note_in_generator(group, site);
	*ret = group;
	return 0;
}

void groups_tell_of_yield(const struct sched *sched, const struct coro *generator)
{
	char text[160];
	list_for_each(link, &tasks_of(sched)->generator_groups) {
		struct coro_group *group = container_of(link, struct coro_group, resource.link);
		if (group->yielded || group->joined || group->body != generator)
			continue;
		group->yielded = true;
		snprintf(text, sizeof(text),
			 "generator yields inside a group, made at %s, which goes on outside of it",
			 group->resource.site ? group->resource.site : "?");
		report_found(future_of(group->parent), text);
	}
}

int coro_group_create_at(const char *site, struct coro_group **ret)
{
	return coro_group_create_with_at(site, NULL, ret);
}

/* -- cancelling */

void group_abort(struct coro_group *group)
{
	group->aborting = true;
	list_for_each(at, &group->members)
		future_cancel(container_of(at, struct member, link)->done_call.future);
	while (group_let_in(group))
		; /* they find that nothing is spawned any more */
}

/* The end of the group takes the request to the parent back. */
void group_abort_all(struct coro_group *group)
{
	struct task *parent = group->parent;
	bool pending = parent->coro.flags & FLAG_MUST_CANCEL;
	group_abort(group);
	group->parent_cancel_requested = true;
	future_cancel_from(future_of(parent), NULL, group->level);
	if (parent == running_task() && !pending)
		parent->coro.flags |= FLAG_GIVEN; /* the group may end before its next wait */
}

int coro_group_cancel(struct coro_group *group)
{
	if (!group)
		return fail_with(-EINVAL, "coro_group_cancel: the group is NULL");
	int r = sched_check(group->parent->sched);
	if (r < 0 || group->joined || group->cancelled)
		return r;
	group->cancelled = true;
	if (group->aborting)
		return 0;
	if (group->exiting || future_of(group->parent)->done)
		group_abort(group);
	else
		group_abort_all(group);
	return 0;
}

/* -- errors */

int group_reserve_slow(struct coro_group *group)
{
	size_t room = group->room ? 2 * group->room : 8;
	int *errors = memory_resize(group->errors, room * sizeof(*errors));
	if (!errors)
		return fail_code(-ENOMEM);
	group->errors = errors;
	group->room = room;
	return 0;
}

size_t coro_group_errors(const struct coro_group *group, int *ret, size_t count)
{
	if (!group)
		return 0;
	for (size_t i = 0; ret && i < count && i < group->error_count; i++)
		ret[i] = group->errors[i];
	return group->error_count;
}

/* Keeps the message of the error that the end returns. */
static void keep_message(struct coro_group *group)
{
	struct failure *saved = fail_save();
	failure_unref(group->message);
	group->message = saved;
}

static void give_message_back(struct coro_group *group)
{
	fail_restore(group->message);
	group->message = NULL;
}

/* -- end */

void group_left(struct coro_group *group)
{
	if (group_in_use(group))
		return;
	if (group->ending)
		waiter_wake(group->ending);
	else if (group->orphan)
		group_free(group);
}

/* The task that waits for the members. */
struct joiner {
	struct waiter waiter;
	const struct coro_group *group;
};

static int describe_join(const struct task_wait *wait, char *text, size_t size)
{
	size_t left = container_of(wait->waiter, struct joiner, waiter)->group->running;
	return snprintf(text, size, "a group, %zu member%s left", left, left == 1 ? "" : "s");
}

static const struct wait_kind joining = {.leave = waiter_leave,
					 .what = "a group",
					 .describe = describe_join,
					 .subject = SUBJECT_BESIDE(SUBJECT_GROUP, struct joiner,
								   waiter, group)};

/* Waits for the members. The first cancellation of the parent cancels them. */
static void join(struct coro_group *group, bool *cancelled)
{
	while (group_in_use(group)) {
		struct joiner joiner;
		joiner.group = group;
		list_init(&joiner.waiter.link);
		group->ending = &joiner.waiter;
		int r = waiter_wait(&joiner.waiter, &joining);
		waiter_end(&joiner.waiter);
		group->ending = NULL;
		if (r == -ECANCELED && (!group->aborting || group->cancelled)) {
			*cancelled = true;
			keep_message(group);
		}
		if (r == -ECANCELED && !group->aborting)
			group_abort(group);
	}
}

/* Notes the failure of the body, the last. Without memory it is returned all the same. */
static void note_body(struct coro_group *group, int status)
{
	if (status >= 0 || status == -ECANCELED || group_reserve_error(group) < 0)
		return;
	group->errors[group->error_count++] = status;
}

/* Takes the group's request to its parent back. */
static void take_request_back(struct coro_group *group)
{
	if (group->parent_cancel_requested)
		task_uncancel(group->parent,
			      group->cancelling - (group->cancelled && group->unreceived));
}

/* Whether no request to the parent is left but those that it had received before. */
static bool cancelled_itself(const struct coro_group *group)
{
	return group->cancelled && group->parent->cancels <= group->cancelling - group->unreceived;
}

/*
 * Returns the result of the end: the first failure of a member, or that of the body, or a
 * cancellation by others than the group.
 */
static int group_status(struct coro_group *group, int status, bool cancelled)
{
	if (group->error_count > 0)
		return fail_again(group->errors[0], group->first->failure);
	if (!cancelled || !cancelled_itself(group))
		return cancelled ? -ECANCELED : status;
	return status == -ECANCELED ? 0 : status;
}

/*
 * One -ECANCELED may stand for the request of the group and for another. If a failure is returned
 * in its place, the next wait is cancelled for the other request. Not if the body has received no
 * -ECANCELED: then the other is still to come.
 */
static void cancel_again(const struct coro_group *group)
{
	struct task *parent = group->parent;
	if (future_of(parent)->done || parent->cancels == 0)
		return;
	/* It has come through the shields that the parent is in. */
	task_uncancel(parent, 0);
	future_cancel_from(future_of(parent), NULL, task_shields(parent));
}

/* Whether a task runs here that can wait for the members. */
static bool can_wait(const struct coro_group *group)
{
	const struct task *task = task_running();
	return task && task->sched == group->parent->sched;
}

/*
 * Returns 0 if the caller may end it: the parent, or the body, which another task may have resumed.
 */
static int check_end(const struct coro_group *group)
{
	if (!group)
		return fail_with(-EINVAL, "coro_group_join, _end: the group is NULL");
	if (group->parent->sched->thread != thread_current)
		return fail_with(-EPERM, "coro_group_join, _end: the group is another thread's");
	if (group->parent == task_running() || group->body == thread_current->self)
		return 0;
	return fail_with(-EPERM, "coro_group_join, _end: not in the task that made the group");
}

/* Ends the group when no task can wait for the members, which are cancelled. */
static int end_without_task(struct coro_group *group, int status)
{
	if (group->parent->sched->closed)
		drop_members(group);
	else if (!group->aborting)
		group_abort(group);
	take_request_back(group);
	group_asked(group);
	group->orphan = true;
	list_append(&tasks_of(group->parent->sched)->orphans, &group->orphans);
	group_left(group);
	return status;
}

void group_drop_orphans(struct sched *sched)
{
	while (!list_empty(&tasks_of(sched)->orphans)) {
		struct list *link = tasks_of(sched)->orphans.next;
		struct coro_group *group = container_of(link, struct coro_group, orphans);
		drop_members(group);
		group_free(group);
	}
}

int coro_group_join(struct coro_group *group, int status)
{
	int r = check_end(group);
	if (r < 0)
		return r;
	if (group->joined)
		return fail_with(-EALREADY, "coro_group_join: the group was joined already");
	if (!can_wait(group))
		return fail_with(-EPERM, "coro_group_join: not in a task that can wait");
	group->exiting = true;
	group_asked(group);
	bool cancelled = status == -ECANCELED;
	if (status < 0 && !group->aborting)
		group_abort(group);
	keep_message(group);
	join(group, &cancelled);
	give_message_back(group);
	group->joined = true;
	bool put_off = request_put_off(group->parent);
	take_request_back(group);
	r = group_status(group, status, cancelled);
	note_body(group, status);
	if (r < 0 && r != -ECANCELED && !put_off)
		cancel_again(group);
	return r;
}

/* While its parent is not done, the group is discarded with it. */
static void leave_parent(struct coro_group *group)
{
	if (!future_of(group->parent)->done)
		cleanup_pop(&group->cleanup);
}

int coro_group_destroy(struct coro_group *group)
{
	if (!group)
		return 0;
	int r = check_end(group);
	if (r < 0)
		return r;
	if (!group->joined)
		return fail_with(-EBUSY, "coro_group_destroy: the group was not joined");
	leave_parent(group);
	group_free(group);
	return 0;
}

int coro_group_end(struct coro_group *group, int status)
{
	int r = check_end(group);
	if (r < 0)
		return r;
	if (!group->joined && !can_wait(group)) {
		leave_parent(group);
		return end_without_task(group, status);
	}
	r = coro_group_join(group, status);
	coro_group_destroy(group);
	return r;
}
