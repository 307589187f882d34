/* SPDX-License-Identifier: MIT */
#include "sched/resource.h"

#include "base/pieces.h"

void resource_note(struct sched *sched, struct resource *resource)
{
	list_append(&sched->resources, &resource->link);
}

static void report_left(const char *taken, const char *site, const char *undone)
{
	struct pieces text = {.count = 0};
	pieces_add(&text, "coro: ");
	pieces_add(&text, taken);
	pieces_add(&text, " at ");
	pieces_add(&text, site ? site : "?");
	pieces_add(&text, " was never ");
	pieces_add(&text, undone);
	pieces_add(&text, "\n");
	pieces_write(&text);
}

/* In a child made by fork there is nothing to report: the parent may still give them back. */
void resources_report(struct sched *sched)
{
	struct list *link;
	while ((link = list_pop(&sched->resources))) {
		struct resource *resource = container_of(link, struct resource, link);
		link->next = NULL;
		if (sched_is_own(sched))
			report_left(resource->taken, resource->site, resource->undone);
	}
}
