/* SPDX-License-Identifier: MIT */
/* 32-bit ARM: kept are r4 to r11. Compilers differ in which of them, and whether one, leads from call to call. */
#include "debug/ps/registers.h"

#include <ucontext.h>

#define KEPT(place)                                                                   \
	{                                                                             \
		place(4), place(5), place(6), place(7), place(8), place(9), place(10) \
	}
#define NUMBER(r) (r)
#define WORD(n) ((n) * sizeof(uint32_t))
#define OWN(r) WORD((r) + 13)
#define UCONTEXT(r) (offsetof(ucontext_t, uc_mcontext.arm_r0) + WORD(r))

const struct cpu registers_cpu = {
	/* 8 of floating point, of two words each, a filler, r4 to r11, the return address */
	.context = DEBUG_CONTEXT_ARMHF,
	.own = {.size = WORD(26), .pc = WORD(25), .bp = OWN(11), .kept = KEPT(OWN)},
	.stack = WORD(26),
	.ucontext =
		{
			.size = UCONTEXT(16),
			.pc = UCONTEXT(15),
			.sp = UCONTEXT(13),
			.bp = UCONTEXT(11),
			.kept = KEPT(UCONTEXT),
		},
	.thread =
		{
			.size = WORD(18),
			.pc = WORD(15),
			.sp = WORD(13),
			.bp = WORD(11),
			.kept = KEPT(WORD),
		},
	.code = ~UINT32_C(1), /* bit 0 is Thumb state */
	.pc = -1,
	.sp = 13,
	.bp = 11,
	.kept = KEPT(NUMBER),
	.kept_count = 7,
};
