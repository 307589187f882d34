/* SPDX-License-Identifier: MIT */
/* What a loop has of tasks and futures, around its scheduler. */
#ifndef TASK_TASKS_H
#define TASK_TASKS_H

#include "base/slab.h"
#include "sched/sched.h"

struct coro_future;

struct tasks {
	struct sched sched; /* first: see sched_of */
	struct slab slab, futures_slab;
	struct list all; /* that are not done */
	struct list
		servants;  /* the same of the library's own, which nobody else knows: task_hide */
	size_t stack_size; /* of a new task, unless its options have another */
	uint32_t spawned;
	uint8_t flags;   /* of every new task */
	bool discarding; /* they are being discarded */

	/* Reports a future with its failure to the loop's handler. NULL: nobody would hear. */
	void (*report)(struct coro_future *future, const char *message);
	struct list failed;  /* futures that have failed and are held */
	struct list failing; /* the same, of the turn that ends at failing_end */
	size_t failing_end;
	struct list unheard; /* failed futures whose last reference went, to be reported */
	struct call report_unheard;

	struct list orphans;          /* groups that end by themselves: see group.c */
	struct list generator_groups; /* debug mode: made by generators, and not ended */
	struct list scopes;           /* debug mode: timeouts that have not ended, see timeout.c */
};

static inline struct tasks *tasks_of(const struct sched *sched)
{
	return container_of((struct sched *)sched, struct tasks, sched);
}

/* The scheduler is there already. */
void tasks_init(struct tasks *tasks);

/*
 * Discards all that are not done, when the loop is closed. Whoever is told of it finds the loop
 * closed.
 */
void tasks_discard(struct tasks *tasks);

/* The loop is closed. Its timeouts and groups of generators may yet be ended. */
void tasks_forget_scopes(struct tasks *tasks);

/* Frees their memory: the last reference to the loop is gone. */
void tasks_free(struct tasks *tasks);

#endif
