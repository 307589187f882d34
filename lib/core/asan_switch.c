/* SPDX-License-Identifier: MIT */
#include "core/asan_switch.h"

#include "core/thread.h"

/* thread->self is the next already. */
static void leave(void)
{
	struct thread *thread = thread_current;
	struct sanitize_stack *from = thread->told, *to = &thread->self->frame->stack.sanitize;
	thread->told = to;
	sanitize_leave(from, to, false);
}

static void enter(void)
{
	sanitize_enter(thread_current->told, false);
}

void watched_begin(void)
{
	static const struct context_watcher callback = {.leave = leave, .enter = enter};
	if (!SANITIZED && sanitize_wants_switches())
		context_watch(&callback);
}
