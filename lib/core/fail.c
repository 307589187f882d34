/* SPDX-License-Identifier: MIT */
#include "core/fail.h"

int fail_static(const struct failure *failure)
{
	/*
	 * Without memory for the thread there is no place for it. Nothing writes to a static
	 * failure.
	 */
	if (thread_self())
		coroutine_take_failure(thread_current->self, failure->error,
				       (struct failure *)failure);
	return failure->error;
}

int fail_format_args(int error, const char *site, const char *format, va_list args)
{
	if (thread_self())
		coroutine_take_failure(thread_current->self, error,
				       failure_create(error, site, format, args));
	return error;
}

int fail_format(int error, const char *site, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fail_format_args(error, site, format, args);
	va_end(args);
	return error;
}

int fail_join(int error, const char *site, const char *const *pieces, size_t count)
{
	if (thread_self())
		coroutine_take_failure(thread_current->self, error,
				       failure_join(error, site, pieces, count));
	return error;
}

int fail_again(int error, struct failure *message)
{
	coroutine_take_failure(thread_current->self, error, failure_ref(message));
	return error;
}

void fail_code_slow(int error)
{
	coroutine_take_failure(thread_current->self, error, NULL);
}
