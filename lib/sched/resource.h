/* SPDX-License-Identifier: MIT */
/*
 * What a program has taken and must give back. In debug mode the loop notes it, and reports what is
 * left at the end of the task that must give it back, and when the loop is closed, with the place
 * where it was taken.
 */
#ifndef SCHED_RESOURCE_H
#define SCHED_RESOURCE_H

#include "sched/sched.h"

/* In an object of zeroes: not noted. */
struct resource {
	struct list link;   /* in sched->resources; its next is NULL when it is not */
	const char *taken;  /* "stream opened" */
	const char *undone; /* "destroyed" */
	const char *site;
	struct task
		*task; /* must give it back, and is not at its end; NULL for none in particular */
};

void resource_note(struct sched *sched, struct resource *resource);
void resource_note_task(struct resource *resource, struct task *task);
void resource_remove(struct resource *resource);

static inline void resource_begin(struct sched *sched, struct resource *resource, const char *site)
{
	resource->site = site;
	if (unlikely(sched->debug))
		resource_note(sched, resource);
}

/* The same, of what a started task takes: debug mode reports it at the task's end, too. */
static inline void resource_begin_in(struct task *task, struct resource *resource, const char *site)
{
	resource_begin(task->sched, resource, site);
	if (unlikely(task->sched->debug))
		resource_note_task(resource, task);
}

/* Given back; a second call does nothing. */
static inline void resource_end(struct resource *resource)
{
	if (unlikely(resource->link.next != NULL))
		resource_remove(resource);
}

/* Of what a task has taken and not given back, one that is not noted any more; NULL for none. */
struct resource *resource_pop(struct task *task);

/* The task is discarded: what it has taken is nobody's in particular. */
void resources_disown(struct task *task);

/* Reports those that are left. */
void resources_report(struct sched *sched);

#endif
