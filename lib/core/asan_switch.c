/* SPDX-License-Identifier: MIT */
#include "core/asan_switch.h"

#include "core/thread.h"

/* thread->self is the next coroutine already. */
static void leave(void)
{
	struct thread *thread = thread_current;
	struct sanitize_stack *from = thread->asan_stack,
			      *to = &thread->self->frame->stack.sanitize;
	thread->asan_stack = to;
	sanitize_leave(from, to, false);
}

static void enter(void)
{
	sanitize_enter(thread_current->asan_stack, false);
}

void asan_switch_begin(void)
{
	static const struct context_observer callback = {.leave = leave, .enter = enter};
	if (!SANITIZED && sanitize_wants_switches())
		context_observe(&callback);
}
