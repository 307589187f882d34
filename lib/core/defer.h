/* SPDX-License-Identifier: MIT */
/* Deferred calls from inside. */
#ifndef CORE_DEFER_H
#define CORE_DEFER_H

#include "core/coroutine.h"

/*
 * Makes the deferred calls of the running coroutine, whose body has returned status. Returns the
 * status that it ends with. Its value and message stay as the body left them.
 */
int deferred_run(struct coro *co, int status);

/* Makes the deferred calls of a coroutine that is discarded, on the caller's stack. */
void deferred_discard(struct coro *co);

#endif
