/* SPDX-License-Identifier: MIT */
/*
 * A group from inside: group.c makes and ends it, member.c spawns its tasks and learns of their
 * ends, group_start.c spawns one and waits until it is ready.
 */
#ifndef TASK_GROUP_H
#define TASK_GROUP_H

#include "coro/group.h"
#include "sched/resource.h"
#include "task/done_call.h"
#include "task/task.h"

/* A task of the group: until the loop has told the group that it is done. */
struct member {
	struct list link;
	struct done_call watch;
	struct coro_group *group;
};

struct coro_group {
	struct task *parent;
	struct coro *body;     /* who made it and will end it: the parent, or a generator */
	struct list members;   /* in the order spawned */
	struct waiter *ending; /* set when nothing keeps it any more; NULL: nobody waits */
	struct cleanup cleanup;
	/* Debug mode: of a group that a generator made its link is in loop->generator_groups. */
	struct resource resource;
	size_t limit;    /* on those that run at once; 0 for none */
	int cancelling;  /* requests to cancel the parent that were pending at the beginning */
	uint8_t level;   /* see shield.h */
	bool unreceived; /* one of the requests had not reached the parent yet */
	bool independent;
	bool exiting;
	bool joined;
	bool aborting;
	bool cancelled; /* by coro_group_cancel */
	bool parent_cancel_requested;
	bool yielded; /* debug mode has told of a yield inside it */
	bool orphan;  /* ended where nobody could wait for its members: goes with the last */

	int *errors; /* of members, in the order they failed; room for those that may still fail */
	size_t error_count, room;
	size_t running;       /* members, and those that are about to be */
	struct list spawners; /* latches of tasks that wait until there is room under the limit */
	size_t granted;       /* of those, that were let go on and have not yet */
	size_t users;         /* tasks that are in a call which spawns in it, and waits */
	struct list orphans;  /* in its loop's, if it is one */
	struct coro_future *first; /* the member that failed first */
	struct failure *message;   /* while its end waits: of what that will return */
};

int group_reserve_slow(struct coro_group *group);

/* Room for the failure of one more member, so that none is lost without memory: 0, -ENOMEM. */
static inline int group_reserve_error(struct coro_group *group)
{
	return group->error_count + group->running < group->room ? 0 : group_reserve_slow(group);
}

/* Cancels the members; none is taken any more. */
void group_abort(struct coro_group *group);

/* The same, and cancels its body, wherever that waits. */
void group_abort_all(struct coro_group *group);

/* Lets the first waiter in, as there is room. False if nobody waits. */
bool group_let_in(struct coro_group *group);

/* Whether a member is left, or one may come yet. */
static inline bool group_in_use(const struct coro_group *group)
{
	return !list_empty(&group->members) || group->users > 0;
}

/*
 * A place for a task in the group, after waiting for room under the limit: 0 and *ret, or why fn
 * may not be spawned in it. It is handed on to member_join, or given back.
 */
int member_create(struct coro_group *group, coro_fn *fn, struct member **ret);

/* No task has come of it. */
void member_destroy(struct member *member);

/* The task takes the place; the group owns the reference. */
void member_join(struct member *member, struct coro_future *task);

/* A member, or a user, is gone: the group may have ended. */
void group_left(struct coro_group *group);

/* Debug mode: a generator yields; reports groups that it has made and not ended. */
void groups_tell_of_yield(const struct sched *sched, const struct coro *generator);

/* Frees the groups that nobody will end, when the loop is closed. */
void group_drop_orphans(struct sched *sched);

#endif
