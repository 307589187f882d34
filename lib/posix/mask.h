/* SPDX-License-Identifier: MIT */
/* Waits with a signal mask of their own. */
#ifndef POSIX_MASK_H
#define POSIX_MASK_H

#include <signal.h>
#include <stdbool.h>

/* Whether a mask, NULL for none, is another than the thread's. */
bool mask_differs(const sigset_t *mask);

#endif
