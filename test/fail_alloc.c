/* SPDX-License-Identifier: MIT */
#include "fail_alloc.h"

#include "base/sanitize.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Thread_local bool counting, struck;
static _Thread_local unsigned long calls, failing;
static bool ignoring_advice;

void fail_nth(unsigned long n)
{
	calls = 0;
	failing = n;
	struck = false;
	counting = true;
}

bool fail_off(void)
{
	counting = false;
	return struck;
}

unsigned long fail_count(void)
{
	return calls;
}

void ignore_advice(void)
{
	ignoring_advice = true;
}

bool fail_possible(void)
{
	/* Called by way of a volatile pointer, for the compiler knows malloc. */
	void *(*volatile allocate)(size_t) = malloc;
	fail_nth(1);
	void *memory = allocate(1);
	fail_off();
	free(memory);
	return !memory;
}

#if !SANITIZED

static _Thread_local bool inside; /* a call of libc's own */

/* Whether this call has to fail. */
static bool strike(void)
{
	if (!counting || inside || ++calls != failing)
		return false;
	struck = true;
	errno = ENOMEM;
	return true;
}

/*
 * libc's own function, which may call others of these. By memcpy, as ISO C has no cast from an object
 * pointer to a function's.
 */
#define REAL(name, ...)                                           \
	static __typeof__(name) *real;                            \
	if (!real) {                                              \
		void *symbol = dlsym(RTLD_NEXT, #name);           \
		memcpy(&real, &symbol, sizeof(real));             \
	}                                                         \
	bool before = inside;                                     \
	inside = true;                                            \
	__typeof__(real(__VA_ARGS__)) result = real(__VA_ARGS__); \
	inside = before;                                          \
	return result

void *malloc(size_t size)
{
	if (strike())
		return NULL;
	REAL(malloc, size);
}

void *calloc(size_t count, size_t size)
{
	if (strike())
		return NULL;
	REAL(calloc, count, size);
}

void *realloc(void *memory, size_t size)
{
	if (strike())
		return NULL;
	REAL(realloc, memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	if (strike())
		return NULL;
	REAL(aligned_alloc, alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	if (strike())
		return ENOMEM;
	REAL(posix_memalign, ret, alignment, size);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (strike())
		return MAP_FAILED;
#if defined(__GLIBC__) && defined(__USE_FILE_OFFSET64)
	REAL(mmap64, address, length, protection, flags, fd, offset);
#else
	REAL(mmap, address, length, protection, flags, fd, offset);
#endif
}

int madvise(void *address, size_t length, int advice)
{
	if (strike())
		return -1;
	if (ignoring_advice)
		return 0;
	REAL(madvise, address, length, advice);
}

int mprotect(void *address, size_t length, int protection)
{
	if (strike())
		return -1;
	REAL(mprotect, address, length, protection);
}

#endif
