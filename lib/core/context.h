/* SPDX-License-Identifier: MIT */
/*
 * Contexts: the register half of a coroutine. A context is one pointer, to where its registers are
 * saved, which is on the stack that they belong to. Backends are files in context/; the build picks
 * one.
 *
 * Kept are the registers that a function call keeps. Not kept: signal mask (but see ucontext.c),
 * errno, floating-point environment.
 */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include <stddef.h>

/*
 * A context on the stack [low, low + size): whoever first switches to it runs entry(arg) there,
 * which must not return. The stack is touched at its upper end only. NULL and errno if the system
 * refuses.
 */
void *context_make(void *low, size_t size, void (*entry)(void *arg), void *arg);

/*
 * Saves the caller in *from and continues `to`, where the context_switch that saved it returns
 * result. A context is used up by switching to it.
 */
int context_switch(void **from, void *to, int result);

/*
 * Who wants to know of switches is called before and after each, on the stack that is left and on
 * the one that is reached; set before the first context is made.
 */
struct context_watcher {
	void (*leave)(void);
	void (*enter)(void);
};

void context_watch(const struct context_watcher *callback);

/*
 * The most bytes of a stack that a context takes, from its birth and saved: what the backend adds
 * to a stack's use.
 */
extern const size_t context_room;

#endif
