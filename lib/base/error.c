/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "base/memory.h"
#include "base/system.h"
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
		return system_strerror(-error);
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
	char text[256]; /* most messages fit, and are formatted only once */
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(text, sizeof(text), format, again);
	va_end(again);
	if (length < 0)
		return NULL;
	size_t size = (size_t)length + 1;
	struct failure *failure = memory_alloc(sizeof(*failure) + size);
	if (!failure)
		return NULL;
	*failure = (struct failure){.refs = 1, .error = error, .site = site};
	if (size <= sizeof(text))
		memcpy(failure->message, text, size);
	else
		vsnprintf(failure->message, size, format, args);
	return failure;
}

struct failure *failure_join(int error, const char *site, const char *const *pieces, size_t count)
{
	size_t size = 1;
	for (size_t i = 0; i < count; i++)
		size += strlen(pieces[i]);
	struct failure *failure = memory_alloc(sizeof(*failure) + size);
	if (!failure)
		return NULL;
	*failure = (struct failure){.refs = 1, .error = error, .site = site};
	char *end = failure->message;
	*end = '\0';
	for (size_t i = 0; i < count; i++)
		end = stpcpy(end, pieces[i]);
	return failure;
}

static bool is_static(const struct failure *failure)
{
	return __atomic_load_n(&failure->refs, __ATOMIC_RELAXED) <= FAILURE_STATIC;
}

bool failure_is_expected(const struct failure *failure)
{
	return __atomic_load_n(&failure->refs, __ATOMIC_RELAXED) == FAILURE_EXPECTED;
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

/* Returns the end of the digits. */
static char *write_number(char *at, uint64_t number)
{
	char digits[20];
	int count = 0;
	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0)
		*at++ = digits[--count];
	return at;
}

/* Does without printf for speed: every timeout that expires makes such a text. */
char *duration_text(char buffer[DURATION_SIZE], int64_t duration)
{
	static const struct {
		int64_t length;
		const char *name;
	} units[] = {{CORO_SEC, "s"}, {CORO_MSEC, "ms"}, {CORO_USEC, "us"}, {CORO_NSEC, "ns"}};
	size_t i = 0;
	while (duration < units[i].length && units[i].length > 1)
		i++;
	int64_t unit = units[i].length, part = duration % unit / (unit >= 1000 ? unit / 1000 : 1);
	char *at = write_number(buffer, (uint64_t)(duration / unit));
	if (part > 0) {
		*at++ = '.';
		for (int64_t digit = 100; part > 0; digit /= 10) {
			*at++ = (char)('0' + part / digit);
			part %= digit;
		}
	}
	*at++ = ' ';
	strcpy(at, units[i].name);
	return buffer;
}
