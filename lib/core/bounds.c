/* SPDX-License-Identifier: MIT */
/*
 * coro_stack_get and coro_stack_for_each: the bounds of stacks, and which part is in use.
 *
 * The context of a suspended coroutine points into its own stack, that of a running one into its
 * resumer's. So each stack's position is found by looking up all contexts by the stack that they
 * point into.
 */
#include "base/system.h"
#include "core/fail.h"
#include "core/thread.h"

#include <errno.h>
#include <pthread.h>

/* The running coroutine that was not resumed by another. */
static const struct coro *outermost(const struct thread *thread)
{
	const struct coro *co = thread->self;
	while (co != &thread->root && co->resumer)
		co = co->resumer;
	return co;
}

/* The positions of all stacks of a thread. Those of coroutines are in stack->at. */
struct places {
	struct thread *thread;
	const struct coro
		*stale; /* the running task, whose context is out of date; NULL for none */
	void *root;     /* position of the thread's own stack */
};

static void note(struct places *places, void *at)
{
	struct stack *stack = stack_pool_at(&places->thread->stacks, at);
	if (stack)
		stack->at = at;
	else
		places->root = at;
}

static int forget(struct stack *stack, void *arg)
{
	(void)arg;
	stack->at = NULL;
	return 0;
}

static int note_context(struct stack *stack, void *arg)
{
	struct places *places = arg;
	const struct coro *co = frame_of(stack)->co;
	if (co != places->stale)
		note(places, co->context);
	return 0;
}

static void find_places(struct thread *thread, struct places *ret)
{
	const struct coro *outer = outermost(thread);
	struct places places = {.thread = thread};
	stack_pool_each(&thread->stacks, forget, NULL);
	if (outer->flags & FLAG_IS_TASK) {
		places.stale = outer;
		note(&places, *thread->runner_at);
	}
	stack_pool_each(&thread->stacks, note_context, &places);
	thread->self->frame->stack.at = NULL;
	*ret = places;
}

static struct coro_stack describe(struct stack *stack)
{
	return (struct coro_stack){
		.co = frame_of(stack)->co,
		.low = stack->low,
		.high = stack->low + stack->size->bytes,
		.at = stack->at,
	};
}

static struct coro_stack describe_root(const struct places *places)
{
	const struct thread *thread = places->thread;
	struct coro_stack root = {.at = thread->self == &thread->root ? NULL : places->root};
	size_t size;
	if (system_thread_stack(&root.low, &size))
		root.high = (char *)root.low + size;
	return root;
}

/* -- the calls */

struct walk {
	coro_stack_fn *fn;
	void *arg;
};

static int visit(struct stack *stack, void *arg)
{
	const struct walk *walk = arg;
	struct coro_stack described = describe(stack);
	return walk->fn(&described, walk->arg);
}

int coro_stack_for_each(coro_stack_fn *fn, void *arg)
{
	struct thread *thread = thread_self();
	struct places places;
	struct walk walk = {fn, arg};
	if (!fn)
		return fail_with(-EINVAL, "coro_stack_for_each: fn is NULL");
	if (!thread)
		return fail_code(-ENOMEM);
	find_places(thread, &places);
	struct coro_stack root = describe_root(&places);
	int r = fn(&root, arg);
	return r ? r : stack_pool_each(&thread->stacks, visit, &walk);
}

int coro_stack_get(const struct coro *co, struct coro_stack *ret)
{
	struct thread *thread = thread_self();
	struct places places;
	if (!ret)
		return fail_with(-EINVAL, "coro_stack_get: ret is NULL");
	if (!thread)
		return fail_code(-ENOMEM);
	if (!co)
		co = thread->self;
	if (!co->frame)
		return fail_code(-EAGAIN);
	if (co->thread != thread)
		return fail_with(-EPERM, "coro_stack_get: a coroutine of another thread");
	find_places(thread, &places);
	*ret = co == &thread->root ? describe_root(&places) : describe(&co->frame->stack);
	return 0;
}
