/* SPDX-License-Identifier: MIT */
/* x86-64: kept are rbx and r12 to r15. */
#include "debug/ps/registers.h"

#include <sys/user.h>
#include <ucontext.h>

#define WORD(n) ((n) * sizeof(uint64_t))
#define UCONTEXT(name) offsetof(ucontext_t, uc_mcontext.gregs[REG_##name])
#define THREAD(name) offsetof(struct user_regs_struct, name)

#ifdef __GLIBC__
static uint64_t unhide(uint64_t word, uint64_t guard)
{
	return (word >> 17 | word << 47) ^ guard;
}
#endif

const struct cpu registers_cpu = {
	/* r15 r14 r13 r12 rbx rbp, the return address */
	.context = DEBUG_CONTEXT_X86_64,
	.own =
		{
			.size = WORD(7),
			.pc = WORD(6),
			.bp = WORD(5),
			.kept = {WORD(4), WORD(3), WORD(2), WORD(1), WORD(0)},
		},
	.stack = WORD(7),
	.ucontext =
		{
			.size = UCONTEXT(RIP) + sizeof(greg_t),
			.pc = UCONTEXT(RIP),
			.sp = UCONTEXT(RSP),
			.bp = UCONTEXT(RBP),
			.kept = {UCONTEXT(RBX), UCONTEXT(R12), UCONTEXT(R13), UCONTEXT(R14),
				 UCONTEXT(R15)},
		},
	.thread =
		{
			.size = sizeof(struct user_regs_struct),
			.pc = THREAD(rip),
			.sp = THREAD(rsp),
			.bp = THREAD(rbp),
			.kept = {THREAD(rbx), THREAD(r12), THREAD(r13), THREAD(r14), THREAD(r15)},
		},
	.tls = THREAD(fs_base),
#ifdef __GLIBC__
	/* rbx, rbp, r12 to r15, rsp, rip */
	.setjmp =
		{
			.size = WORD(8),
			.pc = WORD(7),
			.sp = WORD(6),
			.bp = WORD(1),
			.kept = {WORD(0), WORD(2), WORD(3), WORD(4), WORD(5)},
		},
	.guard = 0x30, /* in glibc's tcbhead_t */
	.unhide = unhide,
#endif
	.code = UINT64_MAX,
	.chained = true,
	.chain = WORD(0),
	.address = WORD(1),
	.pc = 16,
	.sp = 7,
	.bp = 6,
	.kept = {3, 12, 13, 14, 15},
	.kept_count = 5,
};
