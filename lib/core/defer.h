/* SPDX-License-Identifier: MIT */
/* Deferred calls from inside. */
#ifndef CORE_DEFER_H
#define CORE_DEFER_H

#include "core/coroutine.h"

/*
 * The body of the running coroutine has returned status: runs what it deferred. Returns the status
 * that it ends with; value and words are as the body left them.
 */
int deferred_run(struct coro *co, int status);

/* The same for one that is discarded, on the stack of whoever does that. */
void deferred_discard(struct coro *co);

#endif
