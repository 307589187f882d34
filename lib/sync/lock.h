/* SPDX-License-Identifier: MIT */
/* A lock that is held, as debug mode notes it. */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include "coro/sync.h"
#include "sched/resource.h"

/* It lies outside of the lock, which may be gone when it is told of. */
struct hold {
	struct resource resource;
	uint32_t task; /* the number of who took it; 0: no task did */
};

/* Where it was taken, if that is noted; else NULL. */
static inline const char *lock_site(const struct coro_lock *lock)
{
	const struct hold *hold = lock->hold;
	return unlikely(hold != NULL) ? hold->resource.site : NULL;
}

#endif
