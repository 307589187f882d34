/* SPDX-License-Identifier: MIT */
#include "debug/ps/registers.h"

#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#if defined(__x86_64__) && defined(__LP64__)
enum { SWITCH = DEBUG_CONTEXT_X86_64 };

/* x86_64.S: r15 r14 r13 r12 rbx rbp, the return address. */
static bool from_switch(uint64_t context, const unsigned char *bytes, size_t size,
			struct registers *ret)
{
	uint64_t words[7];
	if (size < sizeof(words))
		return false;
	memcpy(words, bytes, sizeof(words));
	*ret = (struct registers){
		.kept = {words[4], words[3], words[2], words[1], words[0]},
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
		.kept = {(uint64_t)all[REG_RBX], (uint64_t)all[REG_R12], (uint64_t)all[REG_R13],
			 (uint64_t)all[REG_R14], (uint64_t)all[REG_R15]},
		.bp = (uint64_t)all[REG_RBP],
		.pc = (uint64_t)all[REG_RIP],
		.sp = (uint64_t)all[REG_RSP],
	};
	return true;
}

void registers_of_thread(const struct user_regs_struct *all, struct registers *ret, uint64_t *tls)
{
	*ret = (struct registers){
		.kept = {all->rbx, all->r12, all->r13, all->r14, all->r15},
		.bp = all->rbp,
		.pc = all->rip,
		.sp = all->rsp,
		.active = true,
	};
	*tls = all->fs_base;
}
#elif defined(__i386__)
enum { SWITCH = DEBUG_CONTEXT_I386 };

/* i386.S: edi esi ebx ebp, the return address. */
static bool from_switch(uint64_t context, const unsigned char *bytes, size_t size,
			struct registers *ret)
{
	uint32_t words[5];
	if (size < sizeof(words))
		return false;
	memcpy(words, bytes, sizeof(words));
	*ret = (struct registers){
		.kept = {words[2], words[1], words[0]},
		.bp = words[3],
		.pc = words[4],
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
		.kept = {(uint32_t)all[REG_EBX], (uint32_t)all[REG_ESI], (uint32_t)all[REG_EDI]},
		.bp = (uint32_t)all[REG_EBP],
		.pc = (uint32_t)all[REG_EIP],
		.sp = (uint32_t)all[REG_ESP],
	};
	return true;
}

void registers_of_thread(const struct user_regs_struct *all, struct registers *ret, uint64_t *tls)
{
	*ret = (struct registers){
		.kept = {(uint32_t)all->ebx, (uint32_t)all->esi, (uint32_t)all->edi},
		.bp = (uint32_t)all->ebp,
		.pc = (uint32_t)all->eip,
		.sp = (uint32_t)all->esp,
		.active = true,
	};
	*tls = 0;
}
#elif defined(__aarch64__)
enum { SWITCH = DEBUG_CONTEXT_AARCH64, CALLEES = 19 /* x19 is the first that a call keeps */ };

/* aarch64.S: x29, x30, x19 to x28, and 8 of floating point. */
static bool from_switch(uint64_t context, const unsigned char *bytes, size_t size,
			struct registers *ret)
{
	uint64_t words[20];
	if (size < sizeof(words))
		return false;
	memcpy(words, bytes, sizeof(words));
	*ret = (struct registers){
		.bp = words[0],
		.pc = registers_code_address(words[1]),
		.sp = context + sizeof(words),
	};
	memcpy(ret->kept, &words[2], sizeof(ret->kept));
	return true;
}

static bool from_ucontext(const unsigned char *bytes, size_t size, struct registers *ret)
{
	ucontext_t all;
	if (size < sizeof(all))
		return false;
	memcpy(&all, bytes, sizeof(all));
	*ret = (struct registers){
		.bp = all.uc_mcontext.regs[29],
		.pc = registers_code_address(all.uc_mcontext.pc),
		.sp = all.uc_mcontext.sp,
	};
	memcpy(ret->kept, &all.uc_mcontext.regs[CALLEES], sizeof(ret->kept));
	return true;
}

void registers_of_thread(const struct user_regs_struct *all, struct registers *ret, uint64_t *tls)
{
	*ret = (struct registers){
		.bp = all->regs[29],
		.pc = all->pc,
		.sp = all->sp,
		.active = true,
	};
	memcpy(ret->kept, &all->regs[CALLEES], sizeof(ret->kept));
	*tls = 0;
}
#endif

#if defined(__GLIBC__) && defined(__x86_64__) && defined(__LP64__)
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
		.kept = {words[0], words[2], words[3], words[4], words[5]},
		.bp = unhide(words[1], guard),
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
#if REGISTERS_KNOWN
/* Elsewhere libc's jmp_buf is not known. */
static bool from_setjmp(const unsigned char *bytes, size_t size, uint64_t guard,
			struct registers *ret)
{
	(void)bytes, (void)size, (void)guard, (void)ret;
	return false;
}
#endif

uint64_t registers_guard(struct memory *memory, uint64_t tls)
{
	(void)memory, (void)tls;
	return 0;
}
#endif

#if REGISTERS_KNOWN
bool registers_of_context(enum debug_context kind, uint64_t context, const unsigned char *bytes,
			  size_t size, uint64_t guard, struct registers *ret)
{
	switch ((int)kind) {
	case SWITCH:
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
#endif
