/* SPDX-License-Identifier: MIT */
/* 32-bit x86: kept are ebx, esi and edi. */
#include "debug/ps/registers.h"

#include <sys/user.h>
#include <ucontext.h>

#define WORD(n) ((n) * sizeof(uint32_t))
#define UCONTEXT(name) offsetof(ucontext_t, uc_mcontext.gregs[REG_##name])
#define THREAD(name) offsetof(struct user_regs_struct, name)

const struct cpu registers_cpu = {
	/* edi esi ebx ebp, the return address */
	.context = DEBUG_CONTEXT_I386,
	.own =
		{
			.size = WORD(5),
			.pc = WORD(4),
			.bp = WORD(3),
			.kept = {WORD(2), WORD(1), WORD(0)},
		},
	.stack = WORD(5),
	.ucontext =
		{
			.size = UCONTEXT(EIP) + sizeof(greg_t),
			.pc = UCONTEXT(EIP),
			.sp = UCONTEXT(ESP),
			.bp = UCONTEXT(EBP),
			.kept = {UCONTEXT(EBX), UCONTEXT(ESI), UCONTEXT(EDI)},
		},
	.thread =
		{
			.size = sizeof(struct user_regs_struct),
			.pc = THREAD(eip),
			.sp = THREAD(esp),
			.bp = THREAD(ebp),
			.kept = {THREAD(ebx), THREAD(esi), THREAD(edi)},
		},
	.code = UINT32_MAX,
	.chained = true,
	.chain = WORD(0),
	.address = WORD(1),
	.pc = 8,
	.sp = 4,
	.bp = 5,
	.kept = {3, 6, 7},
	.kept_count = 3,
};
