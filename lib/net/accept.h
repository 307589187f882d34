/* SPDX-License-Identifier: MIT */
/* Accepts connections in a loop that outlives passing errors. */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

#include "coro/base.h"

#include <stdbool.h>

/* Whether the error means that the process or the system is out of fds or memory. */
bool accept_lacks_room(int error);

/*
 * The body of coro_accept_next. Calls `pauses`, unless NULL, with the error before each pause.
 * Returns the fd, an error of the listening socket itself, or -ECANCELED.
 */
coro_async int accept_next(int listening, void (*pauses)(int error, void *arg), void *arg);

#endif
