/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "coro/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *coro_version(void)
{
	return CORO_STRING(CORO_VERSION_MAJOR) "." CORO_STRING(CORO_VERSION_MINOR) "." CORO_STRING(
		CORO_VERSION_PATCH);
}

const char *coro_strerror(int error)
{
	if (error > 0)
		error = -error;
	if (error >= -4095)
		return strerror(-error);
	if (error == CORO_EXIT)
		return "Asked to leave";
	if (error == CORO_INCOMPLETE)
		return "Ended too soon";
	if (error == CORO_UNTRUSTED)
		return "Certificate not accepted";
	return error <= CORO_USER_ERROR ? "Error of the program" : "Unknown error";
}

struct failure *failure_create(int error, const char *site, const char *format, va_list args)
{
	char text[256]; /* as a rule that is enough, and what is formatted is so once */
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(text, sizeof(text), format, again);
	va_end(again);
	if (length < 0)
		return NULL;
	size_t size = (size_t)length + 1;
	struct failure *failure = malloc(sizeof(*failure) + size);
	if (!failure)
		return NULL;
	*failure = (struct failure){.refs = 1, .error = error, .site = site};
	if (size <= sizeof(text))
		memcpy(failure->words, text, size);
	else
		vsnprintf(failure->words, size, format, args);
	return failure;
}

static bool is_static(const struct failure *failure)
{
	return __atomic_load_n(&failure->refs, __ATOMIC_RELAXED) == FAILURE_STATIC;
}

struct failure *failure_ref(struct failure *failure)
{
	if (failure && !is_static(failure))
		__atomic_add_fetch(&failure->refs, 1, __ATOMIC_RELAXED);
	return failure;
}

void failure_unref(struct failure *failure)
{
	if (!failure || is_static(failure))
		return;
	if (__atomic_sub_fetch(&failure->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(failure);
}

char *duration_text(char buffer[DURATION_SIZE], int64_t duration)
{
	static const struct {
		int64_t length;
		const char *name;
	} units[] = {{CORO_SEC, "s"}, {CORO_MSEC, "ms"}, {CORO_USEC, "us"}, {CORO_NSEC, "ns"}};
	size_t i = 0;
	while (duration < units[i].length && units[i].length > 1)
		i++;
	snprintf(buffer, DURATION_SIZE, "%.6g %s", (double)duration / (double)units[i].length,
		 units[i].name);
	return buffer;
}
