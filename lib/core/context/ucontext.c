/* SPDX-License-Identifier: MIT */
/*
 * The reference backend, getcontext/makecontext/swapcontext alone: POSIX.1-2001's, which glibc and
 * the BSDs have. swapcontext saves the signal mask too, by a system call, and the whole
 * floating-point environment.
 */
#include "core/context.h"

#include <stdint.h>
#include <ucontext.h>

/* Where a context points: on its own stack. */
struct saved {
	ucontext_t registers;
	volatile int result;
};

const size_t context_room = 2 * sizeof(struct saved) + 64;

/* makecontext passes ints, so a pointer travels in two halves. */
static void start(unsigned entry_high, unsigned entry_low, unsigned arg_high, unsigned arg_low)
{
	uintptr_t entry = (uintptr_t)((uint64_t)entry_high << 32 | entry_low);
	uintptr_t arg = (uintptr_t)((uint64_t)arg_high << 32 | arg_low);
	((void (*)(void *))entry)((void *)arg);
}

void *context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	uintptr_t top = (uintptr_t)low + size - sizeof(struct saved);
	struct saved *saved = (struct saved *)(top & ~(uintptr_t)63);
	if (getcontext(&saved->registers) < 0)
		return NULL;
	saved->registers.uc_stack.ss_sp = low;
	saved->registers.uc_stack.ss_size = (uintptr_t)saved - (uintptr_t)low;
	saved->registers.uc_link = NULL;
	uint64_t e = (uintptr_t)entry, a = (uintptr_t)arg;
	makecontext(&saved->registers, (void (*)(void))start, 4, (unsigned)(e >> 32), (unsigned)e,
		    (unsigned)(a >> 32), (unsigned)a);
	return saved;
}

int context_switch(void **from, void *to, int result)
{
	struct saved here, *there = to;
	/* swapcontext leaves this alone, and AddressSanitizer's reads it. */
	here.registers.uc_stack.ss_sp = NULL;
	here.registers.uc_stack.ss_size = 0;
	*from = &here;
	there->result = result;
	swapcontext(&here.registers, &there->registers);
	return here.result;
}
