/* SPDX-License-Identifier: MIT */
/*
 * The outermost function on each stack, which runs bodies. The Makefile compiles this file with frame
 * pointers, so that the chain of frame pointers ends here. So do walks by CFI.
 */
#include "base/error.h"
#include "core/context/bottom.h"
#include "core/coroutine.h"
#include "core/defer.h"
#include "core/generator.h"
#include "core/thread.h"

/* Ends a body whose resumer runs on. Returns the resumer's context. */
static void *leave_to_resumer(struct coro *co, int status, int *result)
{
	struct coro *to = co->resumer;
	struct frame *frame = co->frame;
	thread_current->self = to;
	if (status < 0)
		coroutine_take_failure(to, status, failure_ref(co->failure));
	else if (co->out)
		*co->out = frame->value;
	*result = status < 0 ? status : 0;
	return co->context;
}

/*
 * Ends a coroutine: its stack goes back to the pool. Sets thread->self to the coroutine that runs
 * next, and returns its context.
 */
static void *leave(struct coro *co, int status, int *result)
{
	struct frame *frame = co->frame;
	co->status = status;
	co->state = STATE_DONE;
	if (unlikely(co->flags & CORO_SAVE_EXCEPTIONS))
		coroutine_swap_exceptions(frame);
	if (unlikely(frame->failure != NULL)) {
		co->failure = coroutine_claim_failure(frame, status);
	} else {
		co->failure = NULL;
	}
	stack_give(&co->thread->stacks, &frame->stack);
	if (unlikely(!co->resumer))
		return co->thread->leave(co, status, result);
	if (unlikely(frame->asyncgen.link.next != NULL))
		coroutine_unlist(frame);
	void *context =
		unlikely(frame->delegator != NULL) ? generator_leave(co, status, result) : NULL;
	if (!context)
		context = leave_to_resumer(co, status, result);
	co->frame = NULL;
	return context;
}

/* Runs bodies, one after another, until the stack is trimmed or freed. */
void coroutine_entry(void *arg)
{
	struct frame *frame = arg;
	CONTEXT_IS_OUTERMOST();
	for (;;) {
		int result = 0;
		struct coro *co = thread_current->self;
		if (SANITIZED)
			sanitize_enter(&frame->stack.sanitize, true);
		if (unlikely(co->flags & CORO_SAVE_EXCEPTIONS))
			coroutine_swap_exceptions(frame);
		int status = frame->fn(frame->arg);
		if (unlikely(frame->deferred != NULL))
			status = deferred_run(co, status);
		void *context = leave(co, status, &result);
		if (SANITIZED)
			sanitize_leave(&frame->stack.sanitize,
				       &thread_current->self->frame->stack.sanitize, true);
		/* If the next coroutine got this very stack, it begins here without a switch. */
		if (context != frame->context)
			context_switch(&frame->context, context, result);
	}
}
