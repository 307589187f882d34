/* SPDX-License-Identifier: MIT */
/* Shared by the backends: switches that are observed, or left to ucontext.c. */
#ifndef CORE_CONTEXT_SPECIAL_H
#define CORE_CONTEXT_SPECIAL_H

#include "core/context.h"

#include <stdbool.h>

extern const struct context_observer *context_observer; /* NULL for none */

/* Switches take the special path. Does not change once a context was made. */
extern bool context_special;

static inline void context_notify_leave(void)
{
	if (__builtin_expect(context_observer != NULL, 0))
		context_observer->leave();
}

static inline void context_notify_enter(void)
{
	if (__builtin_expect(context_observer != NULL, 0))
		context_observer->enter();
}

#endif
