/* SPDX-License-Identifier: MIT */
/* AArch64: kept are x19 to x28. */
#include "debug/ps/registers.h"

#include <sys/user.h>
#include <ucontext.h>

#define KEPT(place)                                                                          \
	{                                                                                    \
		place(19), place(20), place(21), place(22), place(23), place(24), place(25), \
			place(26), place(27), place(28)                                      \
	}
#define NUMBER(x) (x)
#define WORD(n) ((n) * sizeof(uint64_t))
#define OWN(x) WORD((x)-17)
#define UCONTEXT(x) offsetof(ucontext_t, uc_mcontext.regs[x])
#define THREAD(x) offsetof(struct user_regs_struct, regs[x])

const struct cpu registers_cpu = {
	/* x29, x30, x19 to x28, and 8 of floating point */
	.context = DEBUG_CONTEXT_AARCH64,
	.own = {.size = WORD(20), .pc = WORD(1), .bp = WORD(0), .kept = KEPT(OWN)},
	.stack = WORD(20),
	.ucontext =
		{
			.size = sizeof(ucontext_t),
			.pc = offsetof(ucontext_t, uc_mcontext.pc),
			.sp = offsetof(ucontext_t, uc_mcontext.sp),
			.bp = UCONTEXT(29),
			.kept = KEPT(UCONTEXT),
		},
	.thread =
		{
			.size = sizeof(struct user_regs_struct),
			.pc = offsetof(struct user_regs_struct, pc),
			.sp = offsetof(struct user_regs_struct, sp),
			.bp = THREAD(29),
			.kept = KEPT(THREAD),
		},
	.code = (UINT64_C(1) << 48) - 1,
	.chained = true,
	.chain = WORD(0),
	.address = WORD(1),
	.pc = -1,
	.sp = 31,
	.bp = 29,
	.kept = KEPT(NUMBER),
	.kept_count = 10,
};
