/* SPDX-License-Identifier: MIT */
#include "core/context/special.h"
#include "core/context/bottom.h"

const struct context_observer *context_observer;
bool context_special;

void context_observe(const struct context_observer *callback)
{
	context_observer = callback;
	context_special = true;
}

CONTEXT_IS_NOT_COUNTED void context_bottom(void)
{
	CONTEXT_IS_OUTERMOST();
	__asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
	__builtin_trap();
}
