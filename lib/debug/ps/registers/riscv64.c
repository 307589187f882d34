/* SPDX-License-Identifier: MIT */
/* 64-bit RISC-V: the frame pointer is s0, which is x8; kept are s1, x9, and s2 to s11, x18 to x27. */
#include "debug/ps/registers.h"

#include <ucontext.h>

#define KEPT(place)                                                                         \
	{                                                                                   \
		place(9), place(18), place(19), place(20), place(21), place(22), place(23), \
			place(24), place(25), place(26), place(27)                          \
	}
#define NUMBER(x) (x)
#define WORD(n) ((n) * sizeof(uint64_t))
#define OWN(x) WORD((x) < 18 ? (x)-7 : (x)-15)
#define UCONTEXT(x) offsetof(ucontext_t, uc_mcontext.__gregs[x])

const struct cpu registers_cpu = {
	/* ra, s0 to s11, and 12 of floating point */
	.context = DEBUG_CONTEXT_RISCV64,
	.own = {.size = WORD(26), .pc = WORD(0), .bp = OWN(8), .kept = KEPT(OWN)},
	.stack = WORD(26),
	/* pc has the place of x0, which is zero: in both. */
	.ucontext =
		{
			.size = UCONTEXT(32),
			.pc = UCONTEXT(0),
			.sp = UCONTEXT(2),
			.bp = UCONTEXT(8),
			.kept = KEPT(UCONTEXT),
		},
	.thread =
		{
			.size = WORD(32),
			.pc = WORD(0),
			.sp = WORD(2),
			.bp = WORD(8),
			.kept = KEPT(WORD),
		},
	.code = UINT64_MAX,
	/* It points behind both. */
	.chained = true,
	.chain = -16,
	.address = -8,
	.pc = -1,
	.sp = 2,
	.bp = 8,
	.kept = KEPT(NUMBER),
	.kept_count = 11,
};
