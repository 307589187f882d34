/* SPDX-License-Identifier: MIT */
#include "sched/resource.h"

#include "base/pieces.h"

void resource_note(struct coro_loop *loop, struct resource *resource)
{
	list_append(&loop->resources, &resource->link);
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
void resources_report(struct coro_loop *loop)
{
	struct list *link;
	while ((link = list_pop(&loop->resources))) {
		struct resource *resource = container_of(link, struct resource, link);
		link->next = NULL;
		if (loop_is_own(loop))
			report_left(resource->taken, resource->site, resource->undone);
	}
}
