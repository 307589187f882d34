/* SPDX-License-Identifier: MIT */
/*
 * A failure: an error code with its message and the place it was made, shared by all who receive
 * it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct failure {
	int refs; /* FAILURE_STATIC, _EXPECTED: static memory, not counted */
	int error;
	const char *site;
	char message[];
};

enum { FAILURE_STATIC = 0, FAILURE_EXPECTED = -1 };

/* The initializer of a failure in static memory, which is never freed. */
#define FAILURE(code, text)                                              \
	{                                                                \
		.refs = FAILURE_STATIC, .error = (code), .message = text \
	}

/* The same for an outcome that programs expect: it takes the place of no other failure. */
#define EXPECTED_FAILURE(code, text)                                       \
	{                                                                  \
		.refs = FAILURE_EXPECTED, .error = (code), .message = text \
	}

/* Creates a failure, to which the caller owns a reference. Returns NULL without memory. */
struct failure *failure_create(int error, const char *site, const char *format, va_list args);

/* Like failure_create, but joins pieces of text, which is many times faster than a format. */
struct failure *failure_join(int error, const char *site, const char *const *pieces, size_t count);

bool failure_is_expected(const struct failure *failure);

/* NULL is fine for both. Several threads may call them for one failure at the same time. */
struct failure *failure_ref(struct failure *failure);
void failure_unref(struct failure *failure);

/* Room for "1.5 s", "50 ms" and the like. */
enum { DURATION_SIZE = 32 };

/*
 * Writes a duration for a message, with up to three decimals. It is in nanoseconds and not negative.
 * Returns buffer.
 */
char *duration_text(char buffer[DURATION_SIZE], int64_t duration);

#endif
