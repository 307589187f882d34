/* SPDX-License-Identifier: MIT */
/*
 * Delegation from inside. A chain root -> ... -> leaf grows and shrinks only at its leaf, while that
 * runs. So root and leaf can point to each other, and a resume of the root goes straight to the leaf.
 *
 *   consumer --resume--> root [DELEGATING] . . > [DELEGATING] . . > leaf
 *       ^                  `------------- frame->leaf ---------------^ |
 *       `----------------------------- yield --------------------------'
 *
 * A resume of a generator in the middle cuts the chain there: the lower part is then a chain of its
 * own, and the upper part is attached again at its next resume.
 */
#ifndef CORE_GENERATOR_H
#define CORE_GENERATOR_H

#include "core/coroutine.h"

/* Finds the coroutine that a resume of co switches to: co or the leaf of its chain. 0 or -EBUSY. */
int generator_innermost(struct coro *co, struct coro **ret);

/*
 * Ends a generator that another delegates to: sets thread->self to that one and returns its context.
 * NULL if its chain was cut above it, so that its resumer runs on.
 */
void *generator_leave(struct coro *co, int status, int *result);

/* Makes the deferred calls of a leaf and of those that delegate to it. */
void generator_discard_deferred(struct coro *leaf);

/* Discards a leaf and those that delegate to it, after generator_discard_deferred. */
void generator_discard_chain(struct coro *leaf);

/*
 * Destroys a generator. If it yields instead of ending, asks again a few times, then makes its
 * deferred calls and discards it.
 */
void generator_discard(struct coro *generator);

/* Clears FLAG_CLOSING of a chain that has yielded instead of ending. */
void generator_reopen(struct coro *co);

/* The public state of a generator that delegates or is delegated to. */
enum coro_state generator_state(const struct coro *co);

#endif
