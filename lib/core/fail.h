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
 * A task has room for two messages. An outcome that a program may well expect (the end of a channel,
 * a call that has run already) must not take the place of the message of a failure that the program
 * is passing on: fail_expected gives it a message only where there is room. What is asked again and
 * again (-EAGAIN of a try) is a code alone.
 */
#ifndef CORE_FAIL_H
#define CORE_FAIL_H

#include "base/error.h"
#include "core/thread.h"

#include <errno.h>

/* Hands a static failure to the caller, and returns its code. */
int fail_static(const struct failure *failure) __attribute__((cold));

#define fail_with(code, text)                                                 \
	({                                                                    \
		static const struct failure fail_here_ = FAILURE(code, text); \
		fail_static(&fail_here_);                                     \
	})

/* The same for an outcome that programs expect: its message gives way to those of failures. */
#define fail_expected(code, text)                                                      \
	({                                                                             \
		static const struct failure fail_here_ = EXPECTED_FAILURE(code, text); \
		fail_static(&fail_here_);                                              \
	})

/*
 * The same with a formatted message; site is the place in the program that it names, NULL for none.
 * Without memory it is fail_code.
 */
int fail_format(int error, const char *site, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));
int fail_format_args(int error, const char *site, const char *format, va_list args)
	__attribute__((cold, format(printf, 3, 0)));

/* The same from pieces: see failure_join. */
int fail_join(int error, const char *site, const char *const *pieces, size_t count);

void fail_code_slow(int error) __attribute__((cold));

/* Returns the code. It may be called with one that is not negative. */
static inline int fail_code(int error)
{
	if (unlikely(thread_current->self->frame->failure != NULL))
		fail_code_slow(error);
	return error;
}

/* The message that the caller has for that error: a reference to keep, or NULL. */
static inline struct failure *fail_message(int error)
{
	return failure_ref(coroutine_find_failure(thread_current->self->frame, error));
}

/* Fails with the error of another, and its message or NULL, which stays the other's too. */
int fail_again(int error, struct failure *message) __attribute__((cold));

/* The message that the caller received last, to be given back to fail_restore. */
static inline struct failure *fail_save(void)
{
	return failure_ref(thread_current->self->frame->failure);
}

/* What failed since then has left no message. */
static inline void fail_restore(struct failure *saved)
{
	coroutine_reset_failure(thread_current->self->frame, saved);
}

/* The same of any outcome: a cancellation keeps the message of who asked for it. */
static inline int fail_outcome(int r)
{
	return likely(r >= 0) || r == -ECANCELED ? r : fail_code(r);
}

#endif
