/* SPDX-License-Identifier: MIT */
/*
 * Where a stack ends for those who walk it: debuggers, profilers, sanitizers. The outermost function
 * of a stack never returns.
 */
#ifndef CORE_CONTEXT_BOTTOM_H
#define CORE_CONTEXT_BOTTOM_H

#include <stdint.h>
#include <ucontext.h>

/*
 * What the outermost function would return to. A walk by frame pointers shows this name last, as
 * it shows clone of a thread.
 */
void context_bottom(void);

/* Of that function: --coverage would count its calls before what it tells. */
#if __has_attribute(no_profile_instrument_function)
#define CONTEXT_IS_NOT_COUNTED __attribute__((no_profile_instrument_function))
#else
#define CONTEXT_IS_NOT_COUNTED
#endif

/*
 * The place: a walk looks one byte before it, where a landing pad has ended and what the function tells
 * by CFI has begun.
 */
enum { CONTEXT_BOTTOM_OFFSET = 5 };

/*
 * In the outermost function: tells those who walk by CFI that nobody called it. Compilers that write
 * CFI otherwise than by the assembler's directives can take none here.
 */
#ifndef __GCC_HAVE_DWARF2_CFI_ASM
#define CONTEXT_IS_OUTERMOST() ((void)0)
#elif defined(__x86_64__)
#define CONTEXT_IS_OUTERMOST() __asm__ volatile(".cfi_undefined rip")
#elif defined(__i386__)
#define CONTEXT_IS_OUTERMOST() __asm__ volatile(".cfi_undefined eip")
#elif defined(__aarch64__)
#define CONTEXT_IS_OUTERMOST() __asm__ volatile(".cfi_undefined x30")
#elif defined(__arm__) && !defined(__clang__) /* which says so where it writes none */
#define CONTEXT_IS_OUTERMOST() __asm__ volatile(".cfi_undefined lr")
#elif defined(__riscv)
#define CONTEXT_IS_OUTERMOST() __asm__ volatile(".cfi_undefined ra")
#elif defined(__powerpc64__)
#define CONTEXT_IS_OUTERMOST() __asm__ volatile(".cfi_undefined lr")
#elif defined(__s390x__)
#define CONTEXT_IS_OUTERMOST() __asm__ volatile(".cfi_undefined %r14")
#elif defined(__mips__)
#define CONTEXT_IS_OUTERMOST() __asm__ volatile(".cfi_undefined 31")
#else
#define CONTEXT_IS_OUTERMOST() ((void)0)
#endif

/*
 * A context of makecontext is the outermost frame of its stack, where a chain of frame pointers
 * must end. From getcontext it has the frame pointer of its maker, and from makecontext a place in
 * libc to return to, before which another function or nothing lies.
 */
static inline void context_end_chain(ucontext_t *context)
{
	uintptr_t bottom = (uintptr_t)context_bottom + CONTEXT_BOTTOM_OFFSET;
#if defined(__linux__) && defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RBP] = 0;
	*(uintptr_t *)context->uc_mcontext.gregs[REG_RSP] = bottom;
#elif defined(__linux__) && defined(__i386__)
	context->uc_mcontext.gregs[REG_EBP] = 0;
	*(uintptr_t *)context->uc_mcontext.gregs[REG_ESP] = bottom;
#elif defined(__linux__) && defined(__aarch64__)
	context->uc_mcontext.regs[29] = 0;
	context->uc_mcontext.regs[30] = bottom;
#elif defined(__linux__) && defined(__riscv)
	context->uc_mcontext.__gregs[REG_S0] = 0;
	context->uc_mcontext.__gregs[REG_RA] = bottom;
#else
	(void)bottom;
	(void)context;
#endif
}

#endif
