/* SPDX-License-Identifier: MIT */
/*
 * Contexts: the registers of a coroutine. A context is one pointer to its saved registers, which lie
 * on its own stack. Each backend is a file in context/; the build picks one.
 *
 * A switch keeps the registers that a function call keeps. It does not keep the signal mask (but see
 * ucontext.c), errno and the floating-point environment.
 */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include <stddef.h>

/*
 * Makes a context on the stack [low, low + size). The first switch to it calls entry(arg) there, which
 * must not return. Touches the stack at its upper end only. Returns NULL with errno on failure.
 */
void *context_make(void *low, size_t size, void (*entry)(void *arg), void *arg);

/*
 * Saves the caller in *from and continues `to`, where the context_switch that saved it returns result.
 * A context may be switched to once.
 */
int context_switch(void **from, void *to, int result);

/*
 * Functions that are called at each switch: leave on the stack that is left, enter on the one that is
 * reached. Set before the first context is made.
 */
struct context_observer {
	void (*leave)(void);
	void (*enter)(void);
};

void context_observe(const struct context_observer *callback);

/* The most bytes of a stack that the backend uses, for the first frame and the saved registers. */
extern const size_t context_room;

#endif
