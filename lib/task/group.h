/* SPDX-License-Identifier: MIT */
/*
 * A group from inside. group.c makes and ends it, group_member.c spawns its tasks and handles their
 * ends, group_start.c spawns a task and waits until that is ready.
 */
#ifndef TASK_GROUP_H
#define TASK_GROUP_H

#include "coro/group.h"
#include "sched/resource.h"
#include "task/done_call.h"
#include "task/task.h"

/* A task of the group, until the runner has called its done callback. */
struct member {
	struct list link;
	struct done_call done_call;
	struct coro_group *group;
};

struct coro_group {
	struct task *parent;
	struct coro *body;     /* who made it and ends it: the parent, or a generator */
	struct list members;   /* in the order spawned */
	struct waiter *ending; /* woken when nothing keeps the group any more; NULL: nobody waits */
	struct cleanup cleanup;
	/* Debug mode: the link of a group that a generator made is in tasks->generator_groups. */
	struct resource resource;
	size_t limit;    /* how many may run at once; 0 for any number */
	int cancelling;  /* how many requests to cancel the parent were pending when it was made */
	uint8_t level;   /* see shield.h */
	bool unreceived; /* the parent had not received one of these requests yet */
	bool independent;
	bool exiting;
	bool joined;
	bool aborting;
	bool cancelled; /* by coro_group_cancel */
	bool parent_cancel_requested;
	bool yielded; /* debug mode has reported a yield inside it */
	bool orphan; /* ended where nobody could wait for its members; freed with the last of them */

	int *errors; /* failures of members, in their order, with room for those that may still fail */
	size_t error_count, room;
	size_t running;            /* members, and tasks that are about to be */
	struct list spawners;      /* tasks that wait until there is room under the limit */
	size_t granted;            /* how many of those were woken and have not run on */
	size_t users;              /* tasks in a call that spawns in it and waits */
	struct list orphans;       /* in tasks->orphans, if it is one */
	struct coro_future *first; /* the member that failed first */
	struct failure *message;   /* the message of its result, while its end waits */
};

int group_reserve_slow(struct coro_group *group);

/* Makes room for the failure of one more member, so that none is lost. Returns 0 or -ENOMEM. */
static inline int group_reserve_error(struct coro_group *group)
{
	return group->error_count + group->running < group->room ? 0 : group_reserve_slow(group);
}

/* Cancels the members. No more can be spawned. */
void group_abort(struct coro_group *group);

/* The same, and cancels its parent. */
void group_abort_all(struct coro_group *group);

/* Wakes the first task that waits for room, since there is some. Returns false if none waits. */
bool group_let_in(struct coro_group *group);

/* Whether there is a member, or one may still come. */
static inline bool group_in_use(const struct coro_group *group)
{
	return !list_empty(&group->members) || group->users > 0;
}

/*
 * Takes a place for a task in the group, after waiting for room under the limit. Returns 0, or why
 * fn may not be spawned in it. member_join or member_destroy follows.
 */
int member_create(struct coro_group *group, coro_fn *fn, struct member **ret);

/* Gives the place back. */
void member_destroy(struct member *member);

/* The task takes the place. The reference to it goes to the group. */
void member_join(struct member *member, struct coro_future *task);

/* A member or a user is gone: the group may have ended. */
void group_left(struct coro_group *group);

/* Debug mode: reports the groups that a generator has made and not ended when it yields. */
void groups_tell_of_yield(const struct sched *sched, const struct coro *generator);

/* Frees the groups that nobody will end, when the loop is closed. */
void group_drop_orphans(struct sched *sched);

#endif
