/* SPDX-License-Identifier: MIT */
/*
 * Debug mode's records of the tasks that hold an object which several may hold: a list, in the
 * object's own pointer. NULL: the object is not watched, and its fast paths may be taken.
 *
 * Whether it is watched is chosen when its line is made, at the first use: that is on the slow path.
 */
#ifndef SYNC_HOLDS_H
#define SYNC_HOLDS_H

#include "sync/waiters.h"

#include <stddef.h>

/* Makes the object's line, and chooses by the running loop's debug mode whether it is watched. */
void holds_settle(const struct coro_waiters *waiters, void **holds);

/* Records that the running task took what "taken" says. Without memory there is no record. */
void holds_note(void **holds, const char *site, const char *taken);

/* Ends a record: the running task's last, else the last one. */
void holds_end(void **holds);

/* Writes what a task waits for, and who holds it if that is recorded, as snprintf does. */
int holds_describe(const void *holds, const char *what, char *text, size_t size);

/* Whether nobody waits, and the object is settled and not watched. */
static inline bool holds_quiet(const struct coro_waiters *waiters, const void *holds)
{
	const struct line *line = (const struct line *)(const void *)waiters->own;
	return line->waiting.next == &line->waiting && line->aside.next == &line->aside && !holds;
}

#endif
