/* SPDX-License-Identifier: MIT */
/*
 * The report of a stack overflow: a fault in a guard says which coroutine ran out of stack,
 * then happens again as it would have without us.
 */
#ifndef CORE_OVERFLOW_H
#define CORE_OVERFLOW_H

#include "base/system.h"
#include "core/coroutine.h"

/*
 * Readies the calling thread: the handler, once a process and only where SIGSEGV and SIGBUS are at
 * their default; and where that is installed, an alternate signal stack if the thread has none: 64
 * KiB and a guard, since handlers of others (SA_ONSTACK) then run on it, too. Returns its mapping,
 * NULL if it made none. CORO_OVERFLOW=0 in the environment keeps it from doing anything.
 */
void *overflow_watch(void);

/* Takes the handler down again, where it is still there. */
void overflow_uninstall(void);

/* Ends the process as an overflow does, if `at` lies on a stack of another. */
void overflow_check(const void *at);

/*
 * Whether a coroutine that is about to wait may have stepped over its guard as a whole, by an array
 * of which only the beginning was used: it then stands on another's stack. Asked in waits that are
 * not the shortest ones.
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

/* Takes the alternate stack down again. NULL is fine. */
void overflow_unwatch(void *alternate);

#endif
