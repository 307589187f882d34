/* SPDX-License-Identifier: MIT */
/*
 * For libraries that define functions of libc by their names, so that these wait as tasks:
 * libcoro-posix is one; see coro-posix(7).
 */
#ifndef CORO_POSIX_H
#define CORO_POSIX_H

#include <coro/base.h>

CORO_BEGIN_DECLS

/*
 * Has this library call function in place of the function that the dynamic linker has found by a
 * name, "read" for instance. A library that defines read by coro_read says here which read coro_read
 * is to call. The function must have the type of the one that it replaces. It is to be called before
 * any loop is made, with one thread.
 *
 * Returns 0, -ENOENT if this library does not call the name so, or -ENOTSUP in the static library
 * and on systems without libcoro-posix.
 */
CORO_API int coro_posix_bind(const char *name, void (*function)(void));

CORO_END_DECLS

#endif
