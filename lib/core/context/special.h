/* SPDX-License-Identifier: MIT */
/* What the backends share: switches that are not ordinary ones. */
#ifndef CORE_CONTEXT_SPECIAL_H
#define CORE_CONTEXT_SPECIAL_H

#include "core/context.h"

#include <stdbool.h>

extern const struct context_watcher *context_watcher; /* NULL: nobody */

/* Switches are watched, or left to ucontext.c. It does not change once a context was made. */
extern bool context_special;

static inline void context_tell_leave(void)
{
	if (__builtin_expect(context_watcher != NULL, 0))
		context_watcher->leave();
}

static inline void context_tell_enter(void)
{
	if (__builtin_expect(context_watcher != NULL, 0))
		context_watcher->enter();
}

#endif
