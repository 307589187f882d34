/* SPDX-License-Identifier: MIT */
/* Task-local values from inside: who has which set, and what is inherited. */
#ifndef TASK_LOCAL_H
#define TASK_LOCAL_H

#include "base/locals.h"
#include "core/thread.h"
#include "coro/local.h"

/* The calling task's set, or, outside of tasks, the thread's. */
struct locals **locals_here(struct thread *thread);

/* What is made here inherits this: a reference. Quick where nobody has ever set a value. */
static inline struct locals *locals_inherit(struct thread *thread)
{
	return unlikely(thread->has_locals) ? locals_ref(*locals_here(thread)) : NULL;
}

/* Calls a callback with a set that it inherited, whose reference goes over. */
void locals_call(struct locals *locals, coro_callback *fn, void *arg);

#endif
