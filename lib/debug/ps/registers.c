/* SPDX-License-Identifier: MIT */
#include "debug/ps/registers.h"

#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#if REGISTERS_KNOWN
/* x86_64.S: r15 r14 r13 r12 rbx rbp, the return address. */
static bool from_switch(uint64_t context, const unsigned char *bytes, size_t size,
			struct registers *ret)
{
	uint64_t words[7];
	if (size < sizeof(words))
		return false;
	memcpy(words, bytes, sizeof(words));
	*ret = (struct registers){
		.r15 = words[0],
		.r14 = words[1],
		.r13 = words[2],
		.r12 = words[3],
		.bx = words[4],
		.bp = words[5],
		.pc = words[6],
		.sp = context + sizeof(words),
	};
	return true;
}

static bool from_ucontext(const unsigned char *bytes, size_t size, struct registers *ret)
{
	const size_t at = offsetof(ucontext_t, uc_mcontext.gregs);
	gregset_t all;
	if (size < at + sizeof(all))
		return false;
	memcpy(&all, bytes + at, sizeof(all));
	*ret = (struct registers){
		.r15 = (uint64_t)all[REG_R15],
		.r14 = (uint64_t)all[REG_R14],
		.r13 = (uint64_t)all[REG_R13],
		.r12 = (uint64_t)all[REG_R12],
		.bx = (uint64_t)all[REG_RBX],
		.bp = (uint64_t)all[REG_RBP],
		.pc = (uint64_t)all[REG_RIP],
		.sp = (uint64_t)all[REG_RSP],
	};
	return true;
}

#ifdef __GLIBC__
static uint64_t unhide(uint64_t word, uint64_t guard)
{
	return (word >> 17 | word << 47) ^ guard;
}

/* glibc's jmp_buf: rbx, rbp, r12 to r15, rsp, rip; of these rbp, rsp and rip are hidden. */
static bool from_setjmp(const unsigned char *bytes, size_t size, uint64_t guard,
			struct registers *ret)
{
	uint64_t words[8];
	if (!guard || size < sizeof(words))
		return false;
	memcpy(words, bytes, sizeof(words));
	*ret = (struct registers){
		.bx = words[0],
		.bp = unhide(words[1], guard),
		.r12 = words[2],
		.r13 = words[3],
		.r14 = words[4],
		.r15 = words[5],
		.sp = unhide(words[6], guard),
		.pc = unhide(words[7], guard),
	};
	return true;
}

uint64_t registers_guard(struct memory *memory, uint64_t tls)
{
	enum { POINTER_GUARD = 0x30 }; /* in glibc's tcbhead_t */
	return tls ? memory_word(memory, tls + POINTER_GUARD, 8) : 0;
}
#else
static bool from_setjmp(const unsigned char *bytes, size_t size, uint64_t guard,
			struct registers *ret)
{
	(void)bytes, (void)size, (void)guard, (void)ret;
	return false;
}

uint64_t registers_guard(struct memory *memory, uint64_t tls)
{
	(void)memory, (void)tls;
	return 0;
}
#endif

bool registers_of_context(enum debug_context kind, uint64_t context, const unsigned char *bytes,
			  size_t size, uint64_t guard, struct registers *ret)
{
	switch (kind) {
	case DEBUG_CONTEXT_X86_64:
		return from_switch(context, bytes, size, ret);
	case DEBUG_CONTEXT_UCONTEXT:
		return from_ucontext(bytes, size, ret);
	case DEBUG_CONTEXT_SETJMP:
		return from_setjmp(bytes, size, guard, ret);
	default:
		return false;
	}
}
#else
bool registers_of_context(enum debug_context kind, uint64_t context, const unsigned char *bytes,
			  size_t size, uint64_t guard, struct registers *ret)
{
	(void)kind, (void)context, (void)bytes, (void)size, (void)guard, (void)ret;
	return false;
}

uint64_t registers_guard(struct memory *memory, uint64_t tls)
{
	(void)memory, (void)tls;
	return 0;
}
#endif
