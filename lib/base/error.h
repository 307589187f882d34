/* SPDX-License-Identifier: MIT */
/*
 * A failure: an error code with its words and the place it was made, shared by all who receive it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>

struct failure {
	int refs;
	int error;
	const char *site;
	char words[];
};

/* The caller owns the reference; NULL without memory. */
struct failure *failure_create(int error, const char *site, const char *format, va_list args);

/* NULL is fine for both; one that is shared may be let go of in several threads. */
struct failure *failure_ref(struct failure *failure);
void failure_unref(struct failure *failure);

#endif
