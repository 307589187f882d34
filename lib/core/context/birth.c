/* SPDX-License-Identifier: MIT */
/*
 * What the backends with a switch of their own share: on a system with shadow stacks ucontext.c stands
 * in for them, and switches may be observed.
 */
#include "core/context/birth.h"

#include <stdint.h>

bool context_shadowed;

#if defined(__x86_64__)
static bool has_shadow_stack(void)
{
	uint64_t pointer = 0;
	/* rdsspq: does nothing where there is no shadow stack. */
	__asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8" : "+a"(pointer));
	return pointer != 0;
}
#elif defined(__aarch64__)
static bool has_shadow_stack(void)
{
	register uint64_t off __asm__("x16") = 1;
	/* chkfeat: clears the bit of what is on, here the guarded control stack; else does nothing. */
	__asm__ volatile("hint #40" : "+r"(off));
	return off == 0;
}
#else
#define has_shadow_stack() false
#endif

bool context_shadow(void)
{
	if (!context_shadowed && context_make_ucontext && has_shadow_stack())
		context_shadowed = true;
	if (context_shadowed)
		context_special = true;
	return context_shadowed;
}

int context_switch_special(void **from, void *to, int result)
{
	if (context_shadowed)
		return context_switch_ucontext(from, to, result);
	context_notify_leave();
	result = context_switch_plain(from, to, result);
	context_notify_enter();
	return result;
}
