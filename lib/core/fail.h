/* SPDX-License-Identifier: MIT */
/*
 * How a call of the library fails, so that coro_message never gives the message of an earlier
 * failure. With a message of its own,
 *
 *	return fail_with(-EPERM, "coro_sleep: not in a task");
 *
 * or with its code alone, which removes the message of an earlier error of that code:
 *
 *	return fail_code(-errno);
 *
 * Only a failure costs anything; a message that is a literal allocates nothing.
 *
 * A task has room for two messages. An outcome that programs expect (the end of a channel, a call that
 * has run already) must not replace the message of a failure that the program is passing on. So
 * fail_expected sets its message only where there is room. Results that are polled for (-EAGAIN of a
 * try) have a code alone.
 */
#ifndef CORE_FAIL_H
#define CORE_FAIL_H

#include "base/error.h"
#include "core/thread.h"

#include <errno.h>

/* Fails with a static failure: gives the caller its message and returns its code. */
int fail_static(const struct failure *failure) __attribute__((cold));

#define fail_with(code, text)                                                 \
	({                                                                    \
		static const struct failure fail_here_ = FAILURE(code, text); \
		fail_static(&fail_here_);                                     \
	})

/* fail_with for an outcome that programs expect. Its message replaces none of a failure. */
#define fail_expected(code, text)                                                      \
	({                                                                             \
		static const struct failure fail_here_ = EXPECTED_FAILURE(code, text); \
		fail_static(&fail_here_);                                              \
	})

/*
 * fail_with and a formatted message. site is the place in the program that is the error's origin, NULL
 * for none. Without memory this is fail_code.
 */
int fail_format(int error, const char *site, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));
int fail_format_args(int error, const char *site, const char *format, va_list args)
	__attribute__((cold, format(printf, 3, 0)));

/* fail_format with pieces instead of a format: see failure_join. */
int fail_join(int error, const char *site, const char *const *pieces, size_t count);

void fail_code_slow(int error) __attribute__((cold));

/* Returns the code, and removes the message of an earlier error of it. May be called with r >= 0. */
static inline int fail_code(int error)
{
	if (unlikely(thread_current->self->frame->failure != NULL))
		fail_code_slow(error);
	return error;
}

/* The message that the caller has for an error: a reference, or NULL. */
static inline struct failure *fail_message(int error)
{
	return failure_ref(coroutine_find_failure(thread_current->self->frame, error));
}

/* Fails with an error that has a message elsewhere, or NULL. Takes a reference of its own. */
int fail_again(int error, struct failure *message) __attribute__((cold));

/* The message that the caller received last: a reference for fail_restore. */
static inline struct failure *fail_save(void)
{
	return failure_ref(thread_current->self->frame->failure);
}

/* Restores that message, and removes those of all failures since then. */
static inline void fail_restore(struct failure *saved)
{
	coroutine_reset_failure(thread_current->self->frame, saved);
}

/* fail_code for any result. A cancellation keeps the message of its request. */
static inline int fail_outcome(int r)
{
	return likely(r >= 0) || r == -ECANCELED ? r : fail_code(r);
}

#endif
