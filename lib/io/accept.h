/* SPDX-License-Identifier: MIT */
/* Accepting for ever. */
#ifndef IO_ACCEPT_H
#define IO_ACCEPT_H

#include "coro/base.h"

#include <stdbool.h>

/* The process or the system has no room for one more. */
bool accept_lacks_room(int error);

/*
 * coro_accept_next, which before each pause calls `pauses` with the error, if that is not NULL. An error
 * that is returned is the socket's own, or the caller was cancelled.
 */
coro_async int accept_next(int listening, void (*pauses)(int error, void *arg), void *arg);

#endif
