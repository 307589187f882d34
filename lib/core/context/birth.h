/* SPDX-License-Identifier: MIT */
/*
 * What a backend with a switch of its own adds to context.h, so that birth.c can make its contexts.
 */
#ifndef CORE_CONTEXT_BIRTH_H
#define CORE_CONTEXT_BIRTH_H

#include "core/context/special.h"

/*
 * Saves the caller in *from as context_switch does, then calls leave(arg) on the same stack, which
 * goes to another. Returns when somebody switches to *from; or when leave does, which could not go.
 */
void context_call(void **from, void (*leave)(void *arg), void *arg);

/* context_switch, as if it were nothing special. */
int context_switch_plain(void **from, void *to, int result);

/* What context_switch leads to if context_special says so. */
int context_switch_special(void **from, void *to, int result);

/*
 * Whether contexts are made and switched by ucontext.c instead; it never changes once a context was
 * made.
 */
extern bool context_shadowed;

#endif
