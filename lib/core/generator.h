/* SPDX-License-Identifier: MIT */
/*
 * Delegation from inside. A chain root -> ... -> leaf is formed and shortened at its leaf alone,
 * while the leaf runs: so root and leaf know each other, and the consumer's resume goes from the
 * one to the other without walking.
 *
 *   consumer --resume--> root [DELEGATING] . . > [DELEGATING] . . > leaf
 *       ^                  `------------- frame->leaf ---------------^ |
 *       `----------------------------- yield --------------------------'
 *
 * Somebody who drives a generator in the middle cuts the chain there: what lies below is
 * again a chain of its own, and the upper part finds out at its next resume.
 */
#ifndef CORE_GENERATOR_H
#define CORE_GENERATOR_H

#include "core/coroutine.h"

/*
 * The one to switch to when co is resumed, in its own thread: co suspended, or the end of its
 * chain. -EBUSY.
 */
int generator_innermost(struct coro *co, struct coro **ret);

/*
 * Where a body that has ended goes, if another generator delegates to it: that one runs on, and is
 * thread->self. NULL: nowhere special, since it was driven by itself.
 */
void *generator_leave(struct coro *co, int status, int *result);

/* The deferred calls of the leaf of a chain and of those that delegate to it, before: */
void generator_discard_deferred(struct coro *leaf);

/*
 * Throws the leaf of a chain away where it stands, and with it those that delegate to it: see
 * coroutine_discard.
 */
void generator_discard_chain(struct coro *leaf);

/*
 * Frees a generator that yields instead of leaving, asked again a few times: then throws it away
 * where it stands. Its deferred calls are made.
 */
void generator_discard(struct coro *generator);

/* It yielded where it was asked to leave: it is not closing any more. */
void generator_reopen(struct coro *co);

/* The public state of one that delegates or is delegated to. */
enum coro_state generator_state(const struct coro *co);

#endif
