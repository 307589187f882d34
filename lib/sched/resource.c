/* SPDX-License-Identifier: MIT */
#include "sched/resource.h"

#include "base/hooks.h"

void resource_note(struct coro_loop *loop, struct resource *resource)
{
	list_append(&loop->resources, &resource->link);
}

/* In a child made by fork there is nothing to report: the parent may still give them back. */
void resources_report(struct coro_loop *loop)
{
	struct list *link;
	while ((link = list_pop(&loop->resources))) {
		struct resource *resource = container_of(link, struct resource, link);
		link->next = NULL;
		if (loop->fork_count == fork_count)
			hooks.left(resource->taken, resource->site, resource->undone);
	}
}
