/* SPDX-License-Identifier: MIT */
/*
 * How a stack is entered for the first time where libc has no makecontext, as musl: the CPU's file
 * writes what a context would have saved there. This takes no system call.
 */
#include "core/context/birth.h"

static void begin(void *arg, void (*entry)(void *arg))
{
	context_notify_enter();
	entry(arg);
}

void *context_birth(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	return context_write((char *)low + size, begin, arg, entry);
}

void *context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	return context_birth(low, size, entry, arg);
}
