/* SPDX-License-Identifier: MIT */
#include "task/report.h"

#include "base/error.h"
#include "base/pieces.h"
#include "coro/task.h"
#include "task/task.h"

#include <errno.h>

/* -- what debug mode finds */

void report_add_task(struct pieces *text, const struct coro_future *task)
{
	const char *name = coro_task_name(task);
	pieces_add(text, "task ");
	pieces_add(text, name ? name : "?");
	pieces_add_site(text, ", spawned at ", coro_task_site(task));
}

void report_found(const struct coro_future *task, const char *what)
{
	struct pieces text = {.count = 0};
	pieces_add(&text, "coro: ");
	report_add_task(&text, task);
	pieces_add(&text, ": ");
	pieces_add(&text, what);
	pieces_add(&text, "\n");
	pieces_write(&text);
}

/* -- failures that nobody asked for */

static const char *message_of(const struct coro_future *future, const char *task, const char *plain)
{
	if (future->shielded)
		return "exception in shielded future";
	return is_task(future) ? task : plain;
}

/* Reports a future and gives the last reference back, unless the handler has taken one. */
static void report_and_drop(struct coro_future *future)
{
	report_future(future, message_of(future, "Task exception was never retrieved",
					 "Future exception was never retrieved"));
	future_unref(future);
}

void report_unheard(struct sched *sched)
{
	struct list *link;
	while ((link = list_pop(&tasks_of(sched)->unheard)))
		report_and_drop(container_of(link, struct coro_future, callbacks));
}

static void run_report_unheard(struct call *call)
{
	report_unheard(&container_of(call, struct tasks, report_unheard)->sched);
}

/*
 * The handler is never called in the middle of a call of the library: the last reference to a task
 * goes when its stack is free already, others go while a wait ends. While the loop runs, its runner
 * calls the handler.
 */
bool report_lost(struct coro_future *future)
{
	struct sched *sched = future->sched;
	if (future->status == -ECANCELED || future->retrieved || !tasks_of(sched)->report ||
	    sched->thread != thread_current)
		return false;
	future_retrieved(future);
	future->refs = 1;
	list_remove(&future->callbacks);
	if (sched->runner || tasks_of(sched)->discarding) {
		list_append(&tasks_of(sched)->unheard, &future->callbacks);
		tasks_of(sched)->report_unheard.run = run_report_unheard;
		sched_call_first(sched, &tasks_of(sched)->report_unheard);
	} else {
		report_and_drop(future);
	}
	return true;
}

void report_all_told(struct sched *sched)
{
	list_append_all(&tasks_of(sched)->failed, &tasks_of(sched)->failing);
}

void report_note_failed(struct coro_future *future)
{
	struct sched *sched = future->sched;
	size_t turn_end = sched->cut ? sched->uncut_end : sched->turn_end;
	if (tasks_of(sched)->failing_end != turn_end)
		report_all_told(sched);
	tasks_of(sched)->failing_end = turn_end;
	list_append(&tasks_of(sched)->failing, &future->callbacks);
}

static void forget_promises(const struct list *failing)
{
	list_for_each(link, failing) {
		struct coro_future *future = container_of(link, struct coro_future, callbacks);
		if (future->retrieved == RETRIEVED_NEXT_TURN)
			future->retrieved = RETRIEVED_NOT;
	}
}

void report_nobody_told(struct sched *sched)
{
	if (tasks_of(sched)->failing_end == sched->turn_end)
		forget_promises(&tasks_of(sched)->failing);
	report_all_told(sched);
}

void report_held(struct sched *sched)
{
	struct list *link;
	report_all_told(sched);
	while ((link = list_pop(&tasks_of(sched)->failed))) {
		struct coro_future *future = container_of(link, struct coro_future, callbacks);
		if (future->retrieved || !sched_is_own(sched))
			continue;
		future_retrieved(future_ref(future));
		report_future(
			future,
			message_of(future,
				   "Task exception was not retrieved by the end of its loop",
				   "Future exception was not retrieved by the end of its loop"));
		future_unref(future); /* the handler may have given the last other one back */
	}
}
