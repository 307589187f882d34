/* SPDX-License-Identifier: MIT */
#include "posix/libc.h"

#include "coro/posix.h"
#include "posix/call.h"

#include <dlfcn.h>
#include <errno.h>

struct libc libc_calls;
bool libc_found;
bool call_bound;

/* Other names that the library below may call in some builds. */
static const char *const others[] = {
	"pread64",      "pwrite64",   "preadv64",    "pwritev64",     "preadv2",
	"pwritev2",     "preadv64v2", "pwritev64v2", "fcntl64",       "open64",
	"epoll_pwait2", "__open_2",   "__open64_2",  "__pread64_chk",
};

static void (*find(const char *name))(void)
{
	void *found = dlsym(RTLD_NEXT, name);
	void (*function)(void);
	__builtin_memcpy(&function, &found, sizeof(function));
	return function;
}

/* Constructors of other libraries may make calls before ours has run: then this is done there. */
void libc_find(void)
{
#define LIBC_FIND(name) libc_calls.name = (__typeof__(&name))find(#name);
	LIBC_CALLS(LIBC_FIND)
#undef LIBC_FIND
	__atomic_store_n(&libc_found, true, __ATOMIC_RELEASE);
}

/*
 * The library below must call libc's functions, and not ours, which would call it again. Until that is
 * so, and if it is not to be had, all calls are libc's.
 */
__attribute__((constructor)) static void bind_all(void)
{
	int r = 0;
	libc();
#define LIBC_BIND(name)                                                \
	if (r == 0 && coro_posix_bind(#name, find(#name)) == -ENOTSUP) \
		r = -ENOTSUP;
	LIBC_CALLS(LIBC_BIND)
#undef LIBC_BIND
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && r == 0; i++)
		if (find(others[i]))
			coro_posix_bind(others[i], find(others[i]));
	call_bound = r == 0;
}
