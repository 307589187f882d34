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

/*
 * ucontext.c's make and switch, if they are beside the backend. On a system with shadow stacks a switch
 * must take the shadow stack along, as theirs does.
 */
void *context_make_ucontext(void *low, size_t size, void (*entry)(void *arg), void *arg)
	__attribute__((weak, visibility("hidden")));
int context_switch_ucontext(void **from, void *to, int result)
	__attribute__((weak, visibility("hidden")));

/* Whether they are to be used, here and by all switches from now on. For context_make. */
bool context_shadow(void);

/* Makes a context as context_make does, to be switched to with context_switch_plain. */
void *context_birth(void *low, size_t size, void (*entry)(void *arg), void *arg);

/*
 * Writes the first context of a stack by hand, below top: a switch to it calls begin(arg, entry). What
 * the backend of a CPU does where libc has no makecontext.
 */
void *context_write(void *top, void (*begin)(void *arg, void (*entry)(void *arg)), void *arg,
		    void (*entry)(void *arg));

/* What context_switch leads to if context_special says so. */
int context_switch_special(void **from, void *to, int result);

/*
 * Whether contexts are made and switched by ucontext.c instead; it never changes once a context was
 * made.
 */
extern bool context_shadowed;

#endif
