/* SPDX-License-Identifier: MIT */
/* Other names of the same function. off_t has 64 bits, so the names with 64 are that. */
#ifndef POSIX_NAMES_H
#define POSIX_NAMES_H

#include "posix/libc.h"

#if __has_attribute(copy)
#define SAME_ATTRIBUTES(function) copy(function)
#else
#define SAME_ATTRIBUTES(function)
#endif

#define SAME(name, function)                    \
	PUBLIC extern __typeof__(function) name \
		__attribute__((alias(#function), SAME_ATTRIBUTES(function)))

#endif
