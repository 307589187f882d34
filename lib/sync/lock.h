/* SPDX-License-Identifier: MIT */
/* Debug mode's record of a lock that is held. */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "coro/sync.h"
#include "sched/resource.h"

/* Allocated apart from the lock, which may be freed before this is reported. */
struct hold {
	struct resource resource;
	uint32_t task; /* the number of the task that took it; 0 for none */
};

/* Where the lock was taken, if that is recorded, else NULL. */
static inline const char *lock_site(const struct coro_lock *lock)
{
	const struct hold *hold = lock->hold;
	return unlikely(hold != NULL) ? hold->resource.site : NULL;
}

#endif
