/* SPDX-License-Identifier: MIT */
/* Task-local values from inside: who has which set, and who inherits it. */
#ifndef TASK_LOCAL_H
#define TASK_LOCAL_H

#include "base/locals.h"
#include "core/thread.h"
#include "coro/local.h"

/* Returns where the set of the calling task is; outside of tasks, that of the thread. */
struct locals **locals_here(struct thread *thread);

/*
 * Returns the set that a new task or callback inherits, with a reference. Quick if no value was
 * ever set.
 */
static inline struct locals *locals_inherit(struct thread *thread)
{
	return unlikely(thread->has_locals) ? locals_ref(*locals_here(thread)) : NULL;
}

/* Calls fn(arg) with a set that it inherited. The reference goes over. */
void locals_call(struct locals *locals, coro_callback *fn, void *arg);

#endif
