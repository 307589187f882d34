/* SPDX-License-Identifier: MIT */
/* Waits for fds, with a signal mask of their own. */
#ifndef POSIX_MASK_H
#define POSIX_MASK_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether the mask is another than the thread's. */
bool mask_differs(const sigset_t *mask);

/*
 * coro_poll in a task with a signal mask, NULL for none. Where it is another than the thread's, which
 * other tasks have as well, a thread waits, and handlers run there. Returns what coro_poll does; -EINTR
 * after a handler.
 */
int mask_poll(struct pollfd *fds, nfds_t count, int64_t length, const sigset_t *mask);

#endif
