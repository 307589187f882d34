/* SPDX-License-Identifier: MIT */
/*
 * Waits that a signal handler interrupts, as it interrupts system calls: for libraries such as
 * libcoro-posix, whose calls then fail with EINTR.
 */
#ifndef CORO_INTERRUPT_H
#define CORO_INTERRUPT_H

#include <coro/timeout.h>

CORO_BEGIN_DECLS

/* An interruptible part of a task, on its stack. The fields are the library's. */
struct coro_interruptible {
	struct coro_timeout timeout;
	uint64_t own[8];
};

/*
 * Begins a part that coro_interrupt ends: what waits inside is cancelled. restarts: not by handlers
 * with SA_RESTART, as read(2) and unlike poll(2).
 *
 * Returns 0, -EINVAL, -ENOMEM, or
 *
 *   -EBUSY  the task has begun it, and not ended it
 *   -EPERM  the caller is not in a task
 */
CORO_MUST_CHECK CORO_API int coro_interruptible_begin(struct coro_interruptible *interruptible,
						      bool restarts);

/*
 * Ends the part. Call it with the status of what was done inside.
 *
 * Returns status, -EINVAL, or
 *
 *   -EINTR  in place of a -ECANCELED that came from coro_interrupt
 */
CORO_MUST_CHECK CORO_API int coro_interruptible_end(struct coro_interruptible *interruptible,
						    int status);

/*
 * Interrupts, in the next turn, all that is interruptible now in the loop that runs in the calling
 * thread. Does nothing if none runs. restarts: only what does not restart. It is for signal handlers,
 * and async-signal-safe.
 */
CORO_API void coro_interrupt(bool restarts);

CORO_END_DECLS

#endif
