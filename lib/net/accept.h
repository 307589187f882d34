/* SPDX-License-Identifier: MIT */
/* Accepting for ever. */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

#include "coro/base.h"

#include <stdbool.h>

/* Whether the error says that the process or the system has no room for one more. */
bool accept_lacks_room(int error);

/*
 * coro_accept_next, which calls `pauses`, if not NULL, with the error before each pause. Returns
 * the fd, an error that is the socket's own, or -ECANCELED.
 */
coro_async int accept_next(int listening, void (*pauses)(int error, void *arg), void *arg);

#endif
