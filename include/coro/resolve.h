/* SPDX-License-Identifier: MIT */
/* Names of hosts and services. */
#ifndef CORO_RESOLVE_H
#define CORO_RESOLVE_H

#include <coro/base.h>

#include <netdb.h>

CORO_BEGIN_DECLS

struct addrinfo; /* which netdb.h leaves out where ISO C alone is asked for */

/*
 * Addresses for a host and a service (getaddrinfo, loop.getaddrinfo): 0, and *ret is a list to be
 * given back by freeaddrinfo. In a task, a thread asks that the loop has for names alone, at most 32,
 * and only the task waits; numbers are not asked for. Elsewhere, or where no thread is to be had, it
 * blocks. hints may be NULL. Cancelling the task ends the call at once, and leaves the thread behind
 * until the answer is there: neither the loop's close nor the program's end waits for it. So a library
 * that has libcoro.a in it is not to be unloaded (dlclose) as long as there may be one.
 *
 *   -ENOENT     there is no such name, or it has no address
 *   -EAGAIN     the name server does not answer now
 *   -EIO        it fails for good
 *   -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EINVAL   by hints that cannot be
 *   -ECANCELED, -ENOMEM, and others of the system; with getaddrinfo's words
 */
coro_async CORO_MUST_CHECK CORO_API int coro_getaddrinfo(const char *node, const char *service,
							 const struct addrinfo *hints,
							 struct addrinfo **ret);

CORO_END_DECLS

#endif
