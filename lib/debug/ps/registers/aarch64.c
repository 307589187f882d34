/* SPDX-License-Identifier: MIT */
/* AArch64: kept are x19 to x28. */
#include "debug/ps/registers.h"

#include <sys/user.h>
#include <ucontext.h>

/* x19 to x28, in words of which the n-th is the first */
#define KEPT(word, n)                                                                             \
	{                                                                                         \
		word(n), word((n) + 1), word((n) + 2), word((n) + 3), word((n) + 4),              \
			word((n) + 5), word((n) + 6), word((n) + 7), word((n) + 8), word((n) + 9) \
	}
#define NUMBER(n) (n)
#define WORD(n) ((n) * sizeof(uint64_t))
#define UCONTEXT(n) offsetof(ucontext_t, uc_mcontext.regs[n])
#define THREAD(n) offsetof(struct user_regs_struct, regs[n])

const struct cpu registers_cpu = {
	/* x29, x30, x19 to x28, and 8 of floating point */
	.context = DEBUG_CONTEXT_AARCH64,
	.own = {.size = WORD(20), .pc = WORD(1), .bp = WORD(0), .kept = KEPT(WORD, 2)},
	.stack = WORD(20),
	.ucontext =
		{
			.size = sizeof(ucontext_t),
			.pc = offsetof(ucontext_t, uc_mcontext.pc),
			.sp = offsetof(ucontext_t, uc_mcontext.sp),
			.bp = UCONTEXT(29),
			.kept = KEPT(UCONTEXT, 19),
		},
	.thread =
		{
			.size = sizeof(struct user_regs_struct),
			.pc = offsetof(struct user_regs_struct, pc),
			.sp = offsetof(struct user_regs_struct, sp),
			.bp = THREAD(29),
			.kept = KEPT(THREAD, 19),
		},
	.code = (UINT64_C(1) << 48) - 1,
	.pc = -1,
	.sp = 31,
	.bp = 29,
	.kept = KEPT(NUMBER, 19),
	.kept_count = 10,
};
