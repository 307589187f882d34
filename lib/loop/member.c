/* SPDX-License-Identifier: MIT */
/* The tasks of a group: how they come in, and what comes of their ends. */
#include "base/error.h"
#include "core/fail.h"
#include "loop/group.h"
#include "loop/loop.h"
#include "loop/report.h"

#include <errno.h>
#include <stdlib.h>

/* -- ends */

static void member_failed(struct coro_group *group, struct coro_future *task)
{
	if (group->error_count == 0)
		group->first = future_ref(task);
	if (group->error_count > 0 || group->parent->future.done || group->exiting || group->orphan)
		future_retrieved(task); /* else group_asked does */
	group->errors[group->error_count++] = task->status;
	if (group->parent->future.done)
		report_future(task,
			      "Task has errored out but its parent task is already completed");
	else if (!group->aborting && !group->independent)
		group_abort_all(group);
}

bool group_let_in(struct coro_group *group)
{
	struct list *link;
	while ((link = list_pop(&group->spawners))) {
		struct latch *latch = container_of(link, struct latch, link);
		if (latch->state != LATCH_PENDING)
			continue; /* cancelled, and has but to run */
		group->granted++;
		latch_set(latch);
		return true;
	}
	return false;
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
	if (group->ending && !group_in_use(group))
		latch_set(group->ending);
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

static const struct wait_kind waiting_for_room = {.leave = latch_leave,
						  .what = "a group, for room"};

/* Waits in line: 0 once it is let in, -ECANCELED. */
static int wait_in_line(struct coro_group *group)
{
	struct latch latch;
	list_append(&group->spawners, &latch.link);
	group->users++;
	int r = latch_wait(&latch, &waiting_for_room);
	latch_end(&latch);
	group->users--;
	if (latch.state == LATCH_SET)
		group->granted--;
	if (r < 0 && latch.state == LATCH_SET && !is_full(group))
		group_let_in(group);
	return r;
}

/* The group is full, or takes nobody any more. */
static __attribute__((noinline)) int enter_slowly(struct coro_group *group)
{
	if (takes_nobody(group))
		return fail_code(-ESHUTDOWN);
	if (!task_running())
		return fail_with(-EAGAIN, "coro_group_spawn: the group is full");
	int r = wait_in_line(group);
	if (r == 0 && group->aborting)
		r = fail_code(-ESHUTDOWN);
	if (r < 0)
		group_left(group);
	return r;
}

/* Until there is room under the limit: 0, or why the caller may not spawn. */
static inline int enter(struct coro_group *group)
{
	return likely(!takes_nobody(group) && !is_full(group)) ? 0 : enter_slowly(group);
}

/* -- births */

/* 0 if tasks can be spawned in the group from here. */
static inline int check_spawn(const struct coro_group *group, coro_fn *fn)
{
	if (!group || !fn)
		return fail_with(-EINVAL, "coro_group_spawn: the group or fn is NULL");
	if (group->parent->future.loop != thread_current->loop)
		return fail_with(-EPERM,
				 "coro_group_spawn: the loop of the group does not run here");
	return 0;
}

/* A place for one more, once there is room, also for its failure. */
static inline __attribute__((always_inline)) int member_create(struct coro_group *group,
							       coro_fn *fn, struct member **ret)
{
	int r = check_spawn(group, fn);
	if (r == 0)
		r = enter(group);
	if (r == 0)
		r = group_reserve_error(group);
	if (r == 0)
		r = loop_reserve(group->parent->future.loop, 0, 1);
	if (r < 0)
		return r;
	struct member *member = malloc(sizeof(*member));
	if (!member) {
		loop_release(group->parent->future.loop, 0, 1);
		return fail_code(-ENOMEM);
	}
	member->group = group;
	group->running++; /* before it may run, and spawn others */
	*ret = member;
	return 0;
}

/* No task has come of it. */
static void member_destroy(struct member *member)
{
	struct coro_group *group = member->group;
	group->running--;
	loop_release(group->parent->future.loop, 0, 1);
	free(member);
	if (!is_full(group))
		group_let_in(group);
	group_left(group);
}

/* Of one that started eagerly and has ended already the group learns a turn later, as of any. */
static inline void member_add(struct member *member, struct coro_future *task)
{
	list_append(&member->group->members, &member->link);
	watch_add(&member->watch, task, member_done);
}

/* A task that has begun, by an eager start, may have cancelled the group that it now comes into. */
static inline void welcome(struct member *member, struct coro_future *task,
			   struct coro_future **ret)
{
	struct coro_group *group = member->group;
	if (ret)
		*ret = coro_future_ref(task);
	member_add(member, task);
	if (unlikely(group->aborting))
		future_cancel(task);
}

int coro_group_spawn_with(struct coro_group *group, const struct coro_options *options, coro_fn *fn,
			  void *arg, struct coro_future **ret)
{
	struct member *member = NULL;
	struct coro_future *task;
	int r = member_create(group, fn, &member);
	if (r < 0)
		return r;
	r = coro_loop_spawn(group->parent->future.loop, options, fn, arg, &task);
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
	int r = member_create(group, fn, &member);
	if (r < 0)
		return r;
	r = coro_spawn_at(site, fn, arg, &task);
	if (r < 0)
		member_destroy(member);
	else
		welcome(member, task, ret);
	return r;
}

/* -- one that says when it is ready */

/* On the stack of the task that waits for that. */
struct start {
	struct latch latch;
	struct member *member; /* NULL: it is the group's */
	coro_fn *fn;
	void *arg, *value;
	struct watch watch; /* over the task, which may end before */
	struct cleanup cleanup;
};

/* On the stack of the new task. */
struct starting {
	struct cleanup cleanup;
	struct start *start; /* NULL: it is ready */
};

static void starting_abandon(struct cleanup *cleanup)
{
	container_of(cleanup, struct starting, cleanup)->start = NULL;
}

static int run_starting(void *arg)
{
	struct start *start = arg;
	struct starting starting = {.start = start};
	cleanup_push(task_running(), &starting.cleanup, starting_abandon);
	int r = start->fn(start->arg);
	cleanup_pop(&starting.cleanup);
	return r;
}

int coro_started(void *value)
{
	struct task *task = task_running();
	struct cleanup *at = task ? task_wait(task)->cleanups : NULL;
	while (at && at->run != starting_abandon)
		at = at->next;
	if (!at)
		return fail_with(-EPERM, "coro_started: not in a task of coro_group_start");
	struct starting *starting = container_of(at, struct starting, cleanup);
	struct start *start = starting->start;
	if (!start)
		return fail_with(-EALREADY, "coro_started: the task has said so already");
	starting->start = NULL;
	start->value = value;
	member_add(start->member, future_ref(&task->future));
	if (start->member->group->aborting)
		future_cancel(&task->future);
	start->member = NULL;
	if (start->latch.state == LATCH_PENDING) {
		start->latch.state = LATCH_SET;
		wake_given(start->latch.task, 0);
	}
	return 0;
}

static void start_over(struct watch *watch)
{
	latch_set(&container_of(watch, struct start, watch)->latch);
}

/* Its task is thrown away, and the new one with it. */
static void start_abandon(struct cleanup *cleanup)
{
	struct start *start = container_of(cleanup, struct start, cleanup);
	watch_remove(&start->watch);
	coro_future_unref(start->watch.future);
	free(start->member);
}

static const struct wait_kind waiting_for_start = {.leave = latch_leave,
						   .what = "a member's start"};

/* Until it is ready or has ended; a request to cancel meanwhile is handed on: -ECANCELED. */
static int wait_for_start(struct start *start, struct coro_future *task)
{
	int r = 0;
	while (start->member && !task->done) {
		int waited = latch_wait(&start->latch, &waiting_for_start);
		latch_end(&start->latch);
		if (waited == 0)
			continue;
		if (!start->member) {
			task_put_off_cancel(task_running()); /* it was ready in that turn */
			break;
		}
		r = -ECANCELED;
		future_cancel(task);
	}
	return r;
}

/* It has ended before it was ready: its failure. A request to the caller is not lost by that. */
static int start_failed(struct coro_future *task, int cancelled)
{
	int r = future_result(task, NULL);
	if (r >= 0)
		r = fail_with(CORO_INCOMPLETE, "coro_group_start: the task ended unready");
	if (cancelled && r != -ECANCELED)
		task_put_off_cancel(task_running());
	return r;
}

int coro_group_start_at(const char *site, struct coro_group *group, coro_fn *fn, void *arg,
			void **value, struct coro_future **ret)
{
	struct start start = {.fn = fn, .arg = arg, .latch.state = LATCH_CANCELLED};
	struct coro_future *task;
	if (!task_running())
		return fail_with(-EPERM, "coro_group_start: not in a task");
	int r = member_create(group, fn, &start.member);
	if (r < 0)
		return r;
	struct member *member = start.member;
	struct coro_loop *loop = group->parent->future.loop;
	r = loop_reserve(loop, 0, 1);
	group->users++;
	if (r == 0)
		r = coro_loop_spawn(loop, &(struct coro_options){.site = site}, run_starting,
				    &start, &task);
	if (r < 0) {
		group->users--;
		member_destroy(member);
		return r;
	}
	list_init(&start.latch.link);
	watch_add(&start.watch, task, start_over);
	cleanup_push(task_running(), &start.cleanup, start_abandon);
	r = wait_for_start(&start, task);
	cleanup_pop(&start.cleanup);
	watch_remove(&start.watch);
	loop_release(loop, 0, 1);
	group->users--;
	if (start.member) {
		r = start_failed(task, r);
		member_destroy(member);
	} else {
		if (value && r == 0)
			*value = start.value;
		if (ret && r == 0)
			*ret = coro_future_ref(task);
		group_left(group);
	}
	coro_future_unref(task);
	return r;
}
