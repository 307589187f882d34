/* SPDX-License-Identifier: MIT */
/* Calls that end with EINTR when a handler of the program has run in the thread. */
#ifndef POSIX_INTERRUPT_H
#define POSIX_INTERRUPT_H

#include "coro/interrupt.h"
#include "posix/call.h"

/* Bits: what handlers the program has set so far. Atomic. */
enum { HANDLERS_ANY = 1, HANDLERS_UNRESTARTED = 2 };
extern unsigned interrupt_handlers;

/* Which handlers interrupt a call. */
enum interrupted_by {
	BY_UNRESTARTED = HANDLERS_UNRESTARTED, /* those without SA_RESTART */
	BY_ANY = HANDLERS_ANY,
};

static inline bool interrupt_possible(enum interrupted_by by)
{
	return unlikely(__atomic_load_n(&interrupt_handlers, __ATOMIC_RELAXED) & by);
}

/* One call, on its stack. */
struct interruptible {
	struct coro_interruptible wait;
	bool begun;
};

/* Begins it. Returns 0 or an error. */
static inline int interruptible_begin(struct interruptible *call, enum interrupted_by by)
{
	call->begun = false;
	if (!interrupt_possible(by))
		return 0;
	int r = coro_interruptible_begin(&call->wait, by == BY_UNRESTARTED);
	call->begun = r == 0;
	return r;
}

/* Ends it. Returns its result, or -EINTR. */
static inline ssize_t interruptible_end(struct interruptible *call, ssize_t result)
{
	if (!call->begun)
		return result;
	int r = coro_interruptible_end(&call->wait, result < 0 ? (int)result : 0);
	return r < 0 ? r : result;
}

#endif
