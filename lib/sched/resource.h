/* SPDX-License-Identifier: MIT */
/*
 * What a program has taken and must give back. In debug mode the loop notes it, and reports what is
 * left when it is closed, with the place where it was taken.
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
};

void resource_note(struct sched *sched, struct resource *resource);

static inline void resource_begin(struct sched *sched, struct resource *resource, const char *site)
{
	resource->site = site;
	if (unlikely(sched->debug))
		resource_note(sched, resource);
}

/* Given back; a second call does nothing. */
static inline void resource_end(struct resource *resource)
{
	if (likely(!resource->link.next))
		return;
	list_remove(&resource->link);
	resource->link.next = NULL;
}

/* Reports those that are left. */
void resources_report(struct sched *sched);

#endif
