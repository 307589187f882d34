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
 * given back by freeaddrinfo. hints may be NULL. In a task, only the task waits: one of the loop's
 * threads for names, at most 32, makes the call, except for numeric addresses. Elsewhere, or
 * without a thread, it blocks.
 *
 * Cancelling the task ends the call at once. The thread goes on until the answer is there; neither
 * the loop's close nor the program's end waits for it. Until then, do not unload (dlclose) a
 * library that has libcoro.a in it.
 *
 *   -ENOENT     there is no such name, or it has no address
 *   -EAGAIN     the name server does not answer now
 *   -EIO        it fails for good
 *   -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EINVAL   the hints are not supported or wrong
 *   -ECANCELED, -ENOMEM, and others of the system; with getaddrinfo's message
 */
coro_async CORO_MUST_CHECK CORO_API int coro_getaddrinfo(const char *node, const char *service,
							 const struct addrinfo *hints,
							 struct addrinfo **ret);

CORO_END_DECLS

#endif
