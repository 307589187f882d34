/* SPDX-License-Identifier: MIT */
/*
 * How a stack is entered for the first time where the backend has a switch of its own: with
 * makecontext and swapcontext. The newborn stops at once in the backend's switch, and is from then
 * on a context like any other. This costs two system calls, the signal masks of getcontext and
 * swapcontext, once in a stack's life.
 *
 *   maker                                newborn
 *   context_call: saves the maker
 *     leave: swapcontext  ------------>  born
 *   <---------------------------------     context_switch_plain: saves the newborn
 *   ...
 *   somebody: context_switch  -------->    entry(arg)
 */
#include "core/context/birth.h"

#include "base/memory.h"
#include "core/context/bottom.h"

#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

struct birth {
	ucontext_t scratch, newborn;
	void *maker, *context;
	void (*entry)(void *arg);
	void *arg;
};

static void born(unsigned high, unsigned low)
{
	struct birth *birth = (struct birth *)(uintptr_t)((uint64_t)high << 32 | low);
	void (*entry)(void *) = birth->entry;
	void *arg = birth->arg;
	/* The maker has freed birth when this returns. */
	context_switch_plain(&birth->context, birth->maker, 0);
	context_notify_enter();
	entry(arg);
}

static void leave(void *arg)
{
	struct birth *birth = arg;
	swapcontext(&birth->scratch, &birth->newborn);
}

void *context_birth(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	/*
	 * Not on this stack: a task may be the maker of the next, and would keep a page more in
	 * memory.
	 */
	struct birth *birth = memory_alloc(sizeof(*birth));
	if (!birth)
		return NULL;
	birth->context = NULL;
	birth->entry = entry;
	birth->arg = arg;
	void *context = NULL;
	if (getcontext(&birth->newborn) == 0) {
		birth->newborn.uc_stack.ss_sp = low;
		birth->newborn.uc_stack.ss_size = size;
		birth->newborn.uc_link = NULL;
		uint64_t address = (uintptr_t)birth;
		makecontext(&birth->newborn, (void (*)(void))born, 2, (unsigned)(address >> 32),
			    (unsigned)address);
		context_end_chain(&birth->newborn);
		context_call(&birth->maker, leave, birth);
		context = birth->context;
	}
	free(birth);
	return context;
}

void *context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	if (context_shadow())
		return context_make_ucontext(low, size, entry, arg);
	return context_birth(low, size, entry, arg);
}
