/* SPDX-License-Identifier: MIT */
#include "sched/resource.h"

#include "base/pieces.h"
#include "sched/park.h"

void resource_note(struct sched *sched, struct resource *resource)
{
	list_append(&sched->resources, &resource->link);
}

void resource_note_task(struct resource *resource, struct task *task)
{
	enum { MOST = 1 << 22 }; /* what fits, and leaves room for timeouts */
	if (task_wait(task)->open >= MOST)
		return;
	resource->task = task;
	task_wait(task)->open++;
}

static void disown(struct resource *resource)
{
	if (resource->task)
		task_wait(resource->task)->open--;
	resource->task = NULL;
}

void resource_remove(struct resource *resource)
{
	disown(resource);
	list_remove(&resource->link);
	resource->link.next = NULL;
}

/* The first that is the task's. */
static struct resource *resource_of(const struct task *task)
{
	list_for_each(link, &task->sched->resources) {
		struct resource *resource = container_of(link, struct resource, link);
		if (resource->task == task)
			return resource;
	}
	return NULL;
}

struct resource *resource_pop(struct task *task)
{
	struct resource *resource = resource_of(task);
	if (resource)
		resource_remove(resource);
	return resource;
}

void resources_disown(struct task *task)
{
	struct resource *resource;
	while ((resource = resource_of(task)))
		disown(resource);
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
