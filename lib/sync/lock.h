/* SPDX-License-Identifier: MIT */
/* Debug mode's record of a lock that is held, and of what else holds.h has records of. */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "coro/sync.h"
#include "sched/resource.h"

/* Allocated apart from the lock, which may be freed before this is reported. */
struct hold {
	struct resource resource;
	uint32_t task; /* the number of the task that took it; 0 for none */
};

/* Fills it in: the running task, or a callback of the running loop, has taken it. */
void hold_begin(struct hold *hold, const char *site, const char *taken);

/* Writes what a task waits for, and who holds it, as snprintf does. The hold may be NULL. */
int hold_describe(const struct hold *hold, const char *what, char *text, size_t size);

/* Where the lock was taken, if that is recorded, else NULL. */
static inline const char *lock_site(const struct coro_lock *lock)
{
	const struct hold *hold = lock->hold;
	return unlikely(hold != NULL) ? hold->resource.site : NULL;
}

#endif
