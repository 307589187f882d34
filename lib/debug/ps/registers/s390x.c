/* SPDX-License-Identifier: MIT */
/* 64-bit IBM Z: kept are r6 to r13. No register leads from call to call. */
#include "debug/ps/registers.h"

#include <ucontext.h>

#define KEPT(place)                                                                     \
	{                                                                               \
		place(6), place(7), place(8), place(9), place(10), place(12), place(13) \
	}
#define NUMBER(r) (r)
#define WORD(n) ((n) * sizeof(uint64_t))
#define UCONTEXT(r) offsetof(ucontext_t, uc_mcontext.gregs[r])
#define THREAD(r) WORD(2 + (r)) /* behind the mask and address of the PSW */

const struct cpu registers_cpu = {
	/* The frame of who called the switch: each register has its place there. */
	.context = DEBUG_CONTEXT_S390X,
	.own = {.size = WORD(20), .pc = WORD(14), .bp = WORD(11), .kept = KEPT(WORD)},
	.stack = 0,
	/* getcontext saves no PSW: it returns by r14. */
	.ucontext =
		{
			.size = UCONTEXT(16),
			.pc = UCONTEXT(14),
			.sp = UCONTEXT(15),
			.bp = UCONTEXT(11),
			.kept = KEPT(UCONTEXT),
		},
	.thread =
		{
			.size = THREAD(16),
			.pc = WORD(1),
			.sp = THREAD(15),
			.bp = THREAD(11),
			.kept = KEPT(THREAD),
		},
	.code = UINT64_MAX,
	.pc = -1,
	.sp = 15,
	.bp = 11,
	.kept = KEPT(NUMBER),
	.kept_count = 7,
};
