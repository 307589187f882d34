/* SPDX-License-Identifier: MIT */
#include "coro/group.h"

#include "base/error.h"
#include "core/fail.h"
#include "loop/loop.h"
#include "loop/report.h"
#include "loop/watch.h"

#include <errno.h>
#include <stdlib.h>

/* A task of the group: until the loop has told the group that it is done. */
struct member {
	struct list link;
	struct watch watch;
	struct coro_group *group;
};

struct coro_group {
	struct task *parent;
	struct coro *body;    /* who made it and will end it: the parent, or a generator */
	struct list members;  /* in the order spawned */
	struct latch *ending; /* set when the last member is done; NULL: nobody waits */
	struct cleanup cleanup;
	int cancelling; /* requests to cancel the parent that were pending at the beginning */
	bool exiting;
	bool joined;
	bool aborting;
	bool parent_cancel_requested;
	bool orphan; /* ended where nobody could wait for its members: goes with the last */

	int *errors; /* of members, in the order they failed; room for those that may still fail */
	size_t error_count, room, running;
	struct failure *first; /* the words of the first */
	struct failure *words; /* while its end waits: of what that will return */
};

static void group_free(struct coro_group *group)
{
	failure_unref(group->first);
	failure_unref(group->words);
	future_unref(&group->parent->future);
	free(group->errors);
	free(group);
}

static void drop_members(struct coro_group *group)
{
	struct list *link;
	while ((link = list_pop(&group->members))) {
		struct member *member = container_of(link, struct member, link);
		watch_remove(&member->watch);
		coro_future_unref(member->watch.future);
		free(member);
	}
}

/* Whether its body is thrown away with the task that owns it; a generator may be left, and end it. */
static bool body_goes(const struct coro_group *group)
{
	const struct coro *task = &group->parent->coro, *at = task->at;
	while (at != task && at != group->body)
		at = at->resumer;
	return at == group->body;
}

/* Its owner is thrown away: the members are, too, or were. */
static void group_abandon(struct cleanup *cleanup)
{
	struct coro_group *group = container_of(cleanup, struct coro_group, cleanup);
	drop_members(group);
	if (body_goes(group))
		group_free(group);
}

/* Its owner's deferred calls come first, and those of the members: they may ask for it still. */
static void group_outlive(struct cleanup *cleanup)
{
	struct coro_group *group = container_of(cleanup, struct coro_group, cleanup);
	cleanup_push(group->parent, &group->cleanup, group_abandon);
}

int coro_group_create(struct coro_group **ret)
{
	struct task *task = task_running();
	if (!ret)
		return fail_with(-EINVAL, "coro_group_create: ret is NULL");
	if (!task)
		return fail_with(-EPERM, "coro_group_create: not in a task");
	struct coro_group *group = malloc(sizeof(*group));
	if (!group)
		return fail_code(-ENOMEM);
	*group = (struct coro_group){
		.parent = task,
		.body = thread_current->self,
		.cancelling = task->cancels,
	};
	future_ref(&task->future); /* it should end the group, but may end before */
	list_init(&group->members);
	cleanup_push(task, &group->cleanup, group_outlive);
	*ret = group;
	return 0;
}

static void abort_members(struct coro_group *group)
{
	group->aborting = true;
	list_for_each(link, &group->members)
		future_cancel(container_of(link, struct member, link)->watch.future);
}

static void member_failed(struct coro_group *group, struct coro_future *task)
{
	if (group->error_count == 0)
		group->first = failure_ref(task->failure);
	group->errors[group->error_count++] = task->status;
	if (group->parent->future.done) {
		report_future(task,
			      "Task has errored out but its parent task is already completed");
		return;
	}
	if (group->aborting)
		return;
	/* The parent is made to leave its body; group_end takes that back. */
	abort_members(group);
	group->parent_cancel_requested = true;
	future_cancel(&group->parent->future);
}

static void member_done(struct watch *watch)
{
	struct member *member = container_of(watch, struct member, watch);
	struct coro_group *group = member->group;
	struct coro_future *task = watch->future;
	list_remove(&member->link);
	group->running--;
	loop_release(task->loop, 0, 1);
	free(member);
	future_retrieved(task);
	if (group->ending && list_empty(&group->members))
		latch_set(group->ending);
	if (task->status < 0 && task->status != -ECANCELED)
		member_failed(group, task);
	coro_future_unref(task);
	if (group->orphan && list_empty(&group->members))
		group_free(group);
}

/* Room for the failure of one member more, so that none is lost for want of memory. */
static int reserve_error(struct coro_group *group)
{
	if (group->error_count + group->running < group->room)
		return 0;
	size_t room = group->room ? 2 * group->room : 8;
	int *errors = realloc(group->errors, room * sizeof(*errors));
	if (!errors)
		return fail_code(-ENOMEM);
	group->errors = errors;
	group->room = room;
	return 0;
}

/* Of one that started eagerly and has ended already the group learns a turn later, as of any. */
static void add_member(struct coro_group *group, struct member *member, struct coro_future *task)
{
	member->group = group;
	list_append(&group->members, &member->link);
	watch_add(&member->watch, task, member_done);
}

int coro_group_spawn_with(struct coro_group *group, const struct coro_options *options, coro_fn *fn,
			  void *arg, struct coro_future **ret)
{
	if (!group || !fn)
		return fail_with(-EINVAL, "coro_group_spawn: the group or fn is NULL");
	struct coro_loop *loop = group->parent->future.loop;
	if (loop != thread_current->loop)
		return fail_with(-EPERM,
				 "coro_group_spawn: the loop of the group does not run here");
	if (group->aborting || (group->exiting && list_empty(&group->members)))
		return fail_code(-ESHUTDOWN);
	int r = reserve_error(group);
	if (r < 0)
		return r;
	r = loop_reserve(loop, 0, 1);
	if (r < 0)
		return r;
	struct member *member = malloc(sizeof(*member));
	struct coro_future *task;
	group->running++; /* before it may run, and spawn others */
	r = member ? coro_loop_spawn(loop, options, fn, arg, &task) : fail_code(-ENOMEM);
	if (r < 0) {
		group->running--;
		free(member);
		loop_release(loop, 0, 1);
		return r;
	}
	if (ret)
		*ret = coro_future_ref(task);
	add_member(group, member, task);
	return 0;
}

int coro_group_spawn_at(const char *site, struct coro_group *group, coro_fn *fn, void *arg,
			struct coro_future **ret)
{
	return coro_group_spawn_with(group, &(struct coro_options){.site = site}, fn, arg, ret);
}

size_t coro_group_errors(const struct coro_group *group, int *ret, size_t count)
{
	if (!group)
		return 0;
	for (size_t i = 0; ret && i < count && i < group->error_count; i++)
		ret[i] = group->errors[i];
	return group->error_count;
}

/* The words of what the owner received last are those of the end's result. */
static void keep_words(struct coro_group *group)
{
	struct failure *words = failure_ref(thread_current->self->frame->failure);
	failure_unref(group->words);
	group->words = words;
}

static void give_words_back(struct coro_group *group)
{
	struct frame *frame = thread_current->self->frame;
	coro_reset_failure(frame, group->words);
	group->words = NULL;
}

/* Waits for the members. Each cancellation of the parent meanwhile cancels them, the first time. */
static void join(struct coro_group *group, bool *cancelled)
{
	while (!list_empty(&group->members)) {
		struct latch ending;
		list_init(&ending.link);
		group->ending = &ending;
		int r = latch_wait(&ending);
		latch_end(&ending);
		group->ending = NULL;
		if (r == -ECANCELED && !group->aborting) {
			*cancelled = true;
			keep_words(group);
			abort_members(group);
		}
	}
}

/* The body's own failure comes last; it is returned even where there is no memory to note it. */
static void note_body(struct coro_group *group, int status)
{
	if (status >= 0 || status == -ECANCELED || reserve_error(group) < 0)
		return;
	group->errors[group->error_count++] = status;
}

/*
 * What the end gives: the first failure of a member, or the body's, or a cancellation that was not
 * the group's own.
 */
static int group_status(struct coro_group *group, int status, bool cancelled)
{
	if (group->error_count > 0) {
		coro_take_failure(thread_current->self, group->errors[0],
				  failure_ref(group->first));
		return group->errors[0];
	}
	return cancelled ? -ECANCELED : status;
}

/* The group's request to its parent is over. */
static void take_request_back(struct coro_group *group)
{
	if (group->parent_cancel_requested)
		task_uncancel(group->parent, group->cancelling);
}

/*
 * One -ECANCELED may have stood for the group's request and for another's. Where a failure is
 * returned in its place, the next wait is cancelled again for the sake of the other. Not so where
 * the body has received none: then the other's is still to come.
 */
static void cancel_again(const struct coro_group *group)
{
	struct coro_future *parent = &group->parent->future;
	if (parent->done || group->parent->cancels == 0)
		return;
	coro_task_uncancel(parent);
	future_cancel(parent);
}

/* Whether a task runs that can wait for the members. */
static bool can_wait(const struct coro_group *group)
{
	const struct task *task = task_running();
	return task && task->future.loop == group->parent->future.loop;
}

/* Who may end it: its parent; and its body, though it be resumed by another task by now. */
static int check_end(const struct coro_group *group)
{
	if (!group)
		return fail_with(-EINVAL, "coro_group_join, _end: the group is NULL");
	if (group->parent->future.loop->thread != thread_current)
		return fail_with(-EPERM, "coro_group_join, _end: the group is another thread's");
	if (group->parent == task_running() || group->body == thread_current->self)
		return 0;
	return fail_with(-EPERM, "coro_group_join, _end: not in the task that made the group");
}

/* Ends the group where no task runs that could wait for its members: they are cancelled. */
static int end_without_task(struct coro_group *group, int status)
{
	if (group->parent->future.loop->closed)
		drop_members(group);
	else if (!group->aborting)
		abort_members(group);
	take_request_back(group);
	if (list_empty(&group->members))
		group_free(group);
	else
		group->orphan = true;
	return status;
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
	bool cancelled = status == -ECANCELED;
	if (status < 0 && !group->aborting)
		abort_members(group);
	keep_words(group);
	join(group, &cancelled);
	give_words_back(group);
	group->joined = true;
	bool put_off = request_put_off(group->parent);
	take_request_back(group);
	r = group_status(group, status, cancelled);
	note_body(group, status);
	if (r < 0 && r != -ECANCELED && !put_off)
		cancel_again(group);
	return r;
}

/* While its parent lives, that would take the group along if it were thrown away. */
static void leave_parent(struct coro_group *group)
{
	if (!group->parent->future.done)
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
