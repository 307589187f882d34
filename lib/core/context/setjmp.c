/* SPDX-License-Identifier: MIT */
/*
 * The portable backend: born by birth.c, switched by _setjmp and _longjmp, which leave the signal
 * mask alone. Built without FORTIFY, whose longjmp takes a jump to another stack for an attack.
 */
#include "core/context.h"
#include "core/context/birth.h"

#include <setjmp.h>

/* Where a context points: on its own stack. */
struct saved {
	jmp_buf registers;
	volatile int result;
};

/* What the frames take: some CPUs have a place for a callee's registers in each. */
#ifdef __s390x__
enum { FRAMES = 4 * 160 };
#elif defined(__powerpc64__)
enum { FRAMES = 4 * 112 };
#else
enum { FRAMES = 128 };
#endif

const size_t context_room = sizeof(struct saved) + FRAMES;

int context_switch_plain(void **from, void *to, int result)
{
	struct saved here, *there = to;
	*from = &here;
	there->result = result;
	if (_setjmp(here.registers) == 0)
		_longjmp(there->registers, 1);
	return here.result;
}

int context_switch(void **from, void *to, int result)
{
	if (__builtin_expect(context_special, 0))
		return context_switch_special(from, to, result);
	return context_switch_plain(from, to, result);
}

void context_call(void **from, void (*leave)(void *arg), void *arg)
{
	struct saved here;
	*from = &here;
	if (_setjmp(here.registers) == 0)
		leave(arg);
}
