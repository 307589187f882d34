/* SPDX-License-Identifier: MIT */
#include "core/generator.h"

#include "base/error.h"
#include "core/defer.h"
#include "core/fail.h"
#include "core/thread.h"
#include "coro/generator.h"

#include <errno.h>

/* -- resume with Python's results: 1 for an item, 0 at the end */

static __attribute__((noinline)) int next_slow(struct coro *generator, void *value, void **ret)
{
	if (generator && generator->state == STATE_DONE) {
		if (ret)
			*ret = NULL;
		return 0;
	}
	return coro_resume(generator, value, ret);
}

int coro_send(struct coro *generator, void *value, void **ret)
{
	struct thread *thread = thread_current;
	if (unlikely(!generator || generator->state != STATE_SUSPENDED ||
		     generator->thread != thread))
		return next_slow(generator, value, ret);
	struct coro *self = thread->self;
	if (generator->in)
		*generator->in = value;
	generator->state = STATE_RUNNING;
	generator->resumer = self;
	generator->out = ret;
	thread->self = generator;
	return coroutine_switch(self, &generator->context, generator, generator->context, 0);
}

int coro_next(struct coro *generator, void **ret)
{
	return coro_send(generator, NULL, ret);
}

/* -- delegation */

/* The leaf of the chain that begins at co. */
static struct coro *end_of(struct coro *co)
{
	while (co->state == STATE_DELEGATING && co->frame->delegate &&
	       co->frame->delegate->flags & FLAG_HAS_DELEGATOR)
		co = co->frame->delegate;
	return co;
}

/* Appends the chain that begins at inner to outer, the leaf of the chain that begins at root. */
static struct coro *attach(struct coro *root, struct coro *outer, struct coro *inner)
{
	struct coro *leaf = inner->state == STATE_DELEGATING ? inner->frame->leaf : inner;
	outer->frame->delegate = inner;
	inner->frame->delegator = outer;
	inner->flags |= FLAG_HAS_DELEGATOR;
	if (inner->state == STATE_SUSPENDED)
		inner->state = STATE_DELEGATED;
	root->frame->leaf = leaf;
	leaf->frame->root = root;
	return leaf;
}

/*
 * Cuts the chain above co, so that co can be resumed by itself. Its delegator keeps `delegate`, and
 * attaches co again at its own next resume.
 */
static int cut(struct coro *co)
{
	struct coro *leaf = end_of(co);
	if (leaf->state == STATE_RUNNING)
		return -EBUSY;
	struct coro *outer = co->frame->delegator, *root = leaf->frame->root;
	root->frame->leaf = outer;
	outer->frame->root = root;
	co->frame->leaf = leaf;
	leaf->frame->root = co;
	co->flags &= (uint16_t)~FLAG_HAS_DELEGATOR;
	if (co->state == STATE_DELEGATED)
		co->state = STATE_SUSPENDED;
	return 0;
}

int generator_innermost(struct coro *co, struct coro **ret)
{
	if (co->flags & FLAG_HAS_DELEGATOR) {
		int r = cut(co);
		if (r < 0)
			return r;
	}
	struct coro *leaf = co->state == STATE_DELEGATING ? co->frame->leaf : co;
	/* A leaf that delegates has lost its delegate: that was resumed by another, or has ended. */
	while (leaf->state == STATE_DELEGATING && leaf->frame->delegate) {
		struct coro *inner = leaf->frame->delegate;
		if (inner->state == STATE_RUNNING)
			return -EBUSY;
		/* A chain that runs yields to its own resumer, so it is not attached. */
		if (inner->state == STATE_DELEGATING && inner->frame->leaf->state == STATE_RUNNING)
			return -EBUSY;
		leaf = attach(co, leaf, inner);
	}
	if (leaf->state == STATE_RUNNING)
		return -EBUSY;
	*ret = leaf;
	return 0;
}

/* Switches the C++ state back first: the delegate is not inside the delegator's catch block. */
static __attribute__((noinline)) int yield_from_slow(struct coro *self, struct coro *to,
						     void *context)
{
	coroutine_swap_exceptions(self->frame);
	int r = coroutine_switch(self, &self->context, to, context, 0);
	coroutine_swap_exceptions(self->frame);
	return r;
}

static int fail_busy(void)
{
	return fail_with(-EBUSY, "coro_yield_from: the generator runs, or is delegated to already");
}

int coro_yield_from(struct coro *generator, void **ret)
{
	struct coro *self = thread_current->self, *to;
	if (!generator)
		return fail_with(-EINVAL, "coro_yield_from: the generator is NULL");
	if (!self->resumer || self->flags & FLAG_RUNS_LOOP)
		return fail_with(-EPERM, "coro_yield_from: nobody has resumed the caller");
	if (generator->state == STATE_DONE) {
		if (ret)
			*ret = NULL;
		return 0;
	}
	if (generator->flags & FLAG_IS_TASK || generator->state == STATE_RUNNING ||
	    (generator->state != STATE_CREATED && generator->frame->delegator))
		return fail_busy();
	int r;
	if (generator->state == STATE_CREATED) {
		r = coroutine_prepare(generator, self->thread);
		generator->flags |= self->flags & CORO_SAVE_EXCEPTIONS;
	} else if (generator->thread != self->thread) {
		return fail_with(-EPERM, "coro_yield_from: the generator is another thread's");
	} else {
		r = generator_innermost(generator, &to);
	}
	if (r < 0)
		return r == -EBUSY ? fail_busy() : fail_code(r);

	to = attach(self->flags & FLAG_HAS_DELEGATOR ? self->frame->root : self, self, generator);
	self->state = STATE_DELEGATING;
	self->in = ret;
	if (to->in)
		*to->in = NULL;
	to->state = STATE_RUNNING;
	to->resumer = self->resumer;
	to->out = self->out;
	thread_current->self = to;
	/* The delegate yields to the resumer of the delegator. */
	void *context = to->context;
	to->context = self->context;
	if (unlikely(self->flags & CORO_SAVE_EXCEPTIONS))
		return yield_from_slow(self, to, context);
	return coroutine_switch(self, &self->context, to, context, 0);
}

/*
 * The result of the delegator's coro_yield_from. If the chain is being closed the delegator must end
 * too, whatever the delegate returned.
 */
static int delegated_result(struct coro *outer, const struct coro *inner, int status)
{
	if (inner->flags & FLAG_CLOSING) {
		outer->flags |= FLAG_CLOSING;
		if (status >= 0)
			return CORO_EXIT;
	}
	return status < 0 ? status : 0;
}

void *generator_leave(struct coro *co, int status, int *result)
{
	struct frame *frame = co->frame;
	struct coro *outer = frame->delegator, *root = frame->root;
	outer->frame->delegate = NULL;
	frame->delegator = NULL;
	if (!(co->flags & FLAG_HAS_DELEGATOR))
		return NULL; /* the chain was cut: its delegator learns of this at its next resume */

	root->frame->leaf = outer;
	outer->frame->root = root;
	outer->state = STATE_RUNNING;
	outer->resumer = co->resumer;
	outer->out = co->out;
	*result = delegated_result(outer, co, status);
	if (*result == 0 && outer->in)
		*outer->in = frame->value;
	if (status < 0)
		coroutine_take_failure(outer, status, failure_ref(co->failure));
	void *context = outer->context;
	outer->context = co->context;
	thread_current->self = outer;
	return context;
}

static struct coro *outer_of(const struct coro *co)
{
	return co->flags & FLAG_HAS_DELEGATOR ? co->frame->delegator : NULL;
}

void generator_discard_deferred(struct coro *leaf)
{
	for (struct coro *co = leaf; co; co = outer_of(co))
		deferred_discard(co);
}

void generator_discard_chain(struct coro *leaf)
{
	for (struct coro *co = leaf, *outer; co; co = outer) {
		struct coro *delegator = co->frame->delegator;
		outer = outer_of(co);
		if (delegator)
			delegator->frame->delegate = NULL;
		coroutine_discard(co);
	}
}

void generator_discard(struct coro *generator)
{
	enum { TRIES = 16 }; /* enough for most generators that yield in their cleanup */
	struct coro *leaf;
	for (int i = 0; i < TRIES; i++)
		if (coro_destroy(generator) != -EPROTO)
			return;
	if (generator_innermost(generator, &leaf) < 0)
		return;
	generator_discard_deferred(leaf);
	generator_discard_chain(leaf);
	coro_destroy(generator);
}

void generator_reopen(struct coro *co)
{
	while (co) {
		co->flags &= (uint16_t)~FLAG_CLOSING;
		co = co->state == STATE_DELEGATING ? co->frame->delegate : NULL;
	}
}

enum coro_state generator_state(const struct coro *co)
{
	while (co->state == STATE_DELEGATING && co->frame->delegate)
		co = co->frame->delegate;
	return co->state == STATE_RUNNING ? CORO_RUNNING : CORO_SUSPENDED;
}
