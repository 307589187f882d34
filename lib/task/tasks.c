/* SPDX-License-Identifier: MIT */
#include "task/tasks.h"

#include "task/report.h"
#include "task/task.h"

void tasks_init(struct tasks *tasks)
{
	slab_init(&tasks->slab, sizeof(struct spawned));
	slab_init(&tasks->futures_slab, sizeof(struct coro_future));
	list_init(&tasks->all);
	list_init(&tasks->servants);
	list_init(&tasks->failed);
	list_init(&tasks->failing);
	list_init(&tasks->unheard);
	list_init(&tasks->orphans);
	list_init(&tasks->generator_groups);
	list_init(&tasks->scopes);
	tasks->sched.start = task_start_slow;
}

static struct task *task_in(struct list *link)
{
	return &container_of(link, struct spawned, all)->task;
}

static void discard_waits(const struct list *tasks)
{
	list_for_each(link, tasks)
		task_discard_wait(task_in(link));
}

static void discard_each(const struct list *tasks)
{
	while (!list_empty(tasks))
		task_discard(task_in(tasks->next));
}

void tasks_discard(struct tasks *tasks)
{
	tasks->discarding = true;
	discard_waits(&tasks->all);
	discard_waits(&tasks->servants);
	report_nobody_told(&tasks->sched);
	list_for_each(link, &tasks->all) {
		struct task *task = task_in(link);
		report_future(future_of(task), "Task was destroyed but it is pending!");
		task_discard_deferred(task);
	}
	list_for_each(link, &tasks->servants)
		task_discard_deferred(task_in(link));
	discard_each(&tasks->all);
	discard_each(&tasks->servants);
	tasks->discarding = false;
}

void tasks_forget_scopes(struct tasks *tasks)
{
	struct list *link;
	while (list_pop(&tasks->scopes))
		;
	while ((link = list_pop(&tasks->generator_groups)))
		link->next = NULL;
}

void tasks_free(struct tasks *tasks)
{
	slab_finish(&tasks->slab);
	slab_finish(&tasks->futures_slab);
}
