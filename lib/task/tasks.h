/* SPDX-License-Identifier: MIT */
/* What a loop has of tasks and futures, around its scheduler. */
#ifndef TASK_TASKS_H
#define TASK_TASKS_H

#include "base/slab.h"
#include "sched/sched.h"

struct coro_future;

/* A flag of struct tasks: each task that is spawned is counted, see fault.h. */
enum { TASKS_COUNTED = 1 << 7 };

struct tasks {
	struct sched sched; /* first, since a loop begins with its scheduler */
	struct slab slab, futures_slab;
	struct list all;      /* tasks that are not done */
	struct list servants; /* the same, of the library's own: task_hide */
	size_t stack_size;    /* of a new task, unless its options have another */
	uint32_t spawned;     /* the number of the newest task; it wraps */
	uint64_t ended;       /* how many tasks have ended */
	uint8_t flags;        /* of every new task, and TASKS_COUNTED */
	bool discarding;      /* they are being discarded */

	/* Reports a future to the handler of the loop. NULL: nobody would hear. */
	void (*report)(struct coro_future *future, const char *message);
	struct list failed;  /* failed futures that are held */
	struct list failing; /* the same, failed in the turn that ends at failing_end */
	size_t failing_end;
	struct list unheard; /* failed futures without references, to be reported */
	struct call report_unheard;

	struct list orphans;          /* groups without owner: see group.c */
	struct list generator_groups; /* debug mode: open groups of generators */
	struct list scopes;           /* debug mode: open timeouts, see timeout.c */
};

static inline struct tasks *tasks_of(const struct sched *sched)
{
	return container_of((struct sched *)sched, struct tasks, sched);
}

/* Makes the lists. The scheduler is made already. */
void tasks_init(struct tasks *tasks);

/* Discards the tasks that are not done. The loop is closed by then. */
void tasks_discard(struct tasks *tasks);

/* Forgets open timeouts and groups of generators, which may end them later. The loop is closed. */
void tasks_forget_scopes(struct tasks *tasks);

/* Frees the memory of tasks and futures. The last reference to the loop is gone. */
void tasks_free(struct tasks *tasks);

#endif
