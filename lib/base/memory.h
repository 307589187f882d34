/* SPDX-License-Identifier: MIT */
/* Where the library gets its memory: from malloc, unless a test has it fail. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/* Whether the caller's next allocation is to fail. NULL: none is. Set once, by fault.c. */
extern bool (*memory_fault)(void);

/* Whether an allocation is to fail, with errno set. */
static inline bool memory_fails(void)
{
	bool (*fault)(void) = __atomic_load_n(&memory_fault, __ATOMIC_ACQUIRE);
	if (__builtin_expect(!fault, 1) || !fault())
		return false;
	errno = ENOMEM;
	return true;
}

static inline __attribute__((malloc)) void *memory_alloc(size_t size)
{
	return memory_fails() ? NULL : malloc(size);
}

/* The same, filled with zeros. */
static inline __attribute__((malloc)) void *memory_alloc_zeroed(size_t count, size_t size)
{
	return memory_fails() ? NULL : calloc(count, size);
}

/* Changes the size, as realloc. */
static inline void *memory_resize(void *memory, size_t size)
{
	return memory_fails() ? NULL : realloc(memory, size);
}

#endif
