/* SPDX-License-Identifier: MIT */
#ifndef CORE_CONTEXT_BOTTOM_H
#define CORE_CONTEXT_BOTTOM_H

#include <ucontext.h>

/*
 * A context of makecontext is the outermost frame of its stack, where a chain of frame pointers
 * must end. From getcontext it has the frame pointer of its maker.
 */
static inline void context_end_chain(ucontext_t *context)
{
#if defined(__linux__) && defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RBP] = 0;
#elif defined(__linux__) && defined(__i386__)
	context->uc_mcontext.gregs[REG_EBP] = 0;
#elif defined(__linux__) && defined(__aarch64__)
	context->uc_mcontext.regs[29] = 0;
#else
	(void)context;
#endif
}

#endif
