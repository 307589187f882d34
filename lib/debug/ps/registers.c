/* SPDX-License-Identifier: MIT */
#include "debug/ps/registers.h"

#include <string.h>

static const struct cpu *const cpu = &registers_cpu;

static uint64_t word_at(const unsigned char *bytes, size_t at)
{
	unsigned long word;
	memcpy(&word, bytes + at, sizeof(word));
	return word;
}

static bool take(const struct register_places *places, const unsigned char *bytes, size_t size,
		 struct registers *ret)
{
	if (!places->size || size < places->size)
		return false;
	*ret = (struct registers){
		.pc = word_at(bytes, places->pc),
		.sp = word_at(bytes, places->sp),
		.bp = word_at(bytes, places->bp),
	};
	for (size_t i = 0; i < cpu->kept_count; i++)
		ret->kept[i] = word_at(bytes, places->kept[i]);
	return true;
}

bool registers_of_thread(const void *all, size_t size, struct registers *ret, uint64_t *tls)
{
	if (!take(&cpu->thread, all, size, ret))
		return false;
	ret->active = true;
	*tls = cpu->tls ? word_at(all, cpu->tls) : 0;
	return true;
}

static bool from_setjmp(const unsigned char *bytes, size_t size, uint64_t guard,
			struct registers *ret)
{
	if (!guard || !take(&cpu->setjmp, bytes, size, ret))
		return false;
	ret->pc = cpu->unhide(ret->pc, guard);
	ret->sp = cpu->unhide(ret->sp, guard);
	ret->bp = cpu->unhide(ret->bp, guard);
	return true;
}

static bool from_own(uint64_t context, const unsigned char *bytes, size_t size,
		     struct registers *ret)
{
	if (!take(&cpu->own, bytes, size, ret))
		return false;
	ret->pc = registers_code_address(ret->pc);
	ret->sp = context + cpu->stack;
	return true;
}

static bool from_ucontext(const unsigned char *bytes, size_t size, struct registers *ret)
{
	if (!take(&cpu->ucontext, bytes, size, ret))
		return false;
	ret->pc = registers_code_address(ret->pc);
	return true;
}

bool registers_of_context(enum debug_context kind, uint64_t context, const unsigned char *bytes,
			  size_t size, uint64_t guard, struct registers *ret)
{
	if (kind == DEBUG_CONTEXT_UCONTEXT)
		return from_ucontext(bytes, size, ret);
	if (kind == DEBUG_CONTEXT_SETJMP)
		return from_setjmp(bytes, size, guard, ret);
	return kind == cpu->context && from_own(context, bytes, size, ret);
}

uint64_t registers_guard(struct memory *memory, uint64_t tls)
{
	return tls && cpu->guard ? memory_word(memory, tls + cpu->guard, sizeof(long)) : 0;
}
