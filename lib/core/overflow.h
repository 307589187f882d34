/* SPDX-License-Identifier: MIT */
/*
 * The report of a stack overflow: on a fault in a guard, names the coroutine on stderr. Then the fault
 * happens again with its default action.
 */
#ifndef CORE_OVERFLOW_H
#define CORE_OVERFLOW_H

#include "base/system.h"
#include "core/coroutine.h"

/*
 * Readies the calling thread for reports. Installs the handler once per process, for SIGSEGV and
 * SIGBUS where they have their default action. Gives the thread an alternate signal stack if it has
 * none: 64 KiB and a guard, since other handlers with SA_ONSTACK run on it too. Its mapping is
 * thread->alternate. Does nothing with CORO_OVERFLOW=0 in the environment, or at a second call.
 */
void overflow_watch_thread(struct thread *thread);

/* Restores the default action, where the handler is still installed. */
void overflow_uninstall(void);

/* Ends the process as an overflow does, if `at` lies on another coroutine's stack. */
void overflow_check(const void *at);

/*
 * Whether a coroutine may have stepped over its whole guard, by an array of which only the beginning
 * was used. It is then on another's stack. Checked in all waits but the fastest.
 */
static inline __attribute__((always_inline)) bool overflow_suspected(const struct coro *co)
{
	return (const char *)system_stack_pointer() < co->frame->stack.low;
}

static inline __attribute__((always_inline)) void overflow_look(const struct coro *co)
{
	if (unlikely(overflow_suspected(co)))
		overflow_check(system_stack_pointer());
}

/*
 * Adds lines to a report, about what else the thread does. An outer folder sets it; NULL without
 * that. Memory may have been written over, and there may be little room on the stack: only
 * async-signal-safe calls, and no faults.
 */
extern void (*overflow_tell_more)(const struct thread *thread);

/* Removes the alternate stack. NULL is fine. */
void overflow_unwatch(void *alternate);

#endif
