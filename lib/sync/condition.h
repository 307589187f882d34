/* SPDX-License-Identifier: MIT */
/* Waits for a condition that say of themselves what they are for. */
#ifndef SYNC_CONDITION_H
#define SYNC_CONDITION_H

#include "coro/sync.h"

struct wait_kind;

/* coro_condition_wait_for, in a wait of this kind, whose leave is waiter_leave. */
int condition_wait_for(struct coro_condition *condition, int (*predicate)(void *arg), void *arg,
		       const struct wait_kind *kind);

#endif
