/* SPDX-License-Identifier: MIT */
#include "sync/holds.h"

#include "base/memory.h"
#include "sync/lock.h"

#include <stdio.h>
#include <stdlib.h>

/* Allocated apart from the object, which may be freed before this is reported. */
struct record {
	struct hold hold;
	struct record *next; /* the one before, or &end */
};

/* The end of the lists of watched objects. */
static struct record end;

void holds_settle(const struct coro_waiters *waiters, void **holds)
{
	const struct sched *sched = thread_current->sched;
	waiters_line(waiters);
	if (!sched || sched->debug)
		*holds = *holds ? *holds : &end;
	else if (*holds == &end)
		*holds = NULL;
}

void holds_note(void **holds, const char *site, const char *taken)
{
	struct sched *sched = thread_current->sched;
	struct record *record =
		sched && sched->debug && site && *holds ? memory_alloc(sizeof(*record)) : NULL;
	if (!record)
		return;
	*record = (struct record){.next = *holds};
	hold_begin(&record->hold, site, taken);
	*holds = record;
}

/* Where the pointer to the record that is to end lies. */
static struct record **place_of_own(struct record **first)
{
	const struct sched *sched = thread_current->sched;
	uint32_t number = sched && sched->running ? sched->running->number : 0;
	for (struct record **place = first; *place != &end; place = &(*place)->next)
		if ((*place)->hold.task == number)
			return place;
	return first;
}

void holds_end(void **holds)
{
	struct record *first = *holds;
	if (!first || first == &end)
		return;
	struct record **place = place_of_own(&first), *record = *place;
	*place = record->next;
	*holds = first;
	resource_end(&record->hold.resource);
	free(record);
}

int holds_describe(const void *holds, const char *what, char *text, size_t size)
{
	const struct record *record = holds;
	return hold_describe(record && record != &end ? &record->hold : NULL, what, text, size);
}
