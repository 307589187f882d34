/* SPDX-License-Identifier: MIT */
/*
 * The reference backend, getcontext/makecontext/swapcontext alone: POSIX.1-2001's, which glibc and
 * the BSDs have. swapcontext saves the signal mask too, by a system call, and the whole
 * floating-point environment; these are the thread's, and so are carried along, by another call.
 */
#include "core/context.h"

#include "core/context/bottom.h"
#include "core/context/special.h"

#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

/* Where a context points: on its own stack. */
struct saved {
	ucontext_t registers;
	volatile int result;
};

const size_t context_room = 2 * sizeof(struct saved) + 64;

/* makecontext passes ints, so a pointer travels in two halves. */
static void start(unsigned entry_high, unsigned entry_low, unsigned arg_high, unsigned arg_low)
{
	uintptr_t entry = (uintptr_t)((uint64_t)entry_high << 32 | entry_low);
	uintptr_t arg = (uintptr_t)((uint64_t)arg_high << 32 | arg_low);
	context_notify_enter();
	((void (*)(void *))entry)((void *)arg);
}

void *context_make(void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	uintptr_t top = (uintptr_t)low + size - sizeof(struct saved);
	struct saved *saved = (struct saved *)(top & ~(uintptr_t)63);
	if (getcontext(&saved->registers) < 0)
		return NULL;
	saved->registers.uc_stack.ss_sp = low;
	saved->registers.uc_stack.ss_size = (uintptr_t)saved - (uintptr_t)low;
	saved->registers.uc_link = NULL;
	uint64_t e = (uintptr_t)entry, a = (uintptr_t)arg;
	makecontext(&saved->registers, (void (*)(void))start, 4, (unsigned)(e >> 32), (unsigned)e,
		    (unsigned)(a >> 32), (unsigned)a);
	context_end_chain(&saved->registers);
	return saved;
}

/* What is the thread's, and not the context's: it goes on as it is now. */
static void carry(ucontext_t *to)
{
	sigprocmask(SIG_SETMASK, NULL, &to->uc_sigmask);
#if defined(__linux__) && defined(__x86_64__)
	/* As fnstenv lays it out: control word, status word, in four bytes each; and MXCSR. */
	uint32_t *x87 = (uint32_t *)(void *)to->uc_mcontext.fpregs;
	uint16_t control, status;
	__asm__ volatile("fnstcw %0\n\tfnstsw %1\n\tstmxcsr %2"
			 : "=m"(control), "=m"(status), "=m"(to->uc_mcontext.fpregs->mxcsr));
	x87[0] = control;
	x87[1] = status;
#elif defined(__linux__) && defined(__i386__)
	uint16_t control, status;
	__asm__ volatile("fnstcw %0\n\tfnstsw %1" : "=m"(control), "=m"(status));
	to->uc_mcontext.fpregs->cw = control;
	to->uc_mcontext.fpregs->sw = status;
#elif defined(__linux__) && defined(__aarch64__)
	struct fpsimd_context *floats = (void *)to->uc_mcontext.__reserved;
	uint64_t control, status;
	__asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(control), "=r"(status));
	floats->fpcr = (uint32_t)control;
	floats->fpsr = (uint32_t)status;
#elif defined(__linux__) && defined(__riscv_flen) && __riscv_flen == 64
	__asm__ volatile("frcsr %0" : "=r"(to->uc_mcontext.__fpregs.__d.__fcsr));
#elif defined(__linux__) && defined(__arm__) && defined(__ARM_FP)
	/* As glibc writes it: behind d8 to d15. */
	__asm__ volatile("vmrs %0, fpscr" : "=r"(to->uc_regspace[16]));
#elif defined(__linux__) && defined(__powerpc64__)
	__asm__ volatile("mffs %0" : "=f"(to->uc_mcontext.fp_regs[32]));
#elif defined(__linux__) && defined(__s390x__)
	__asm__ volatile("stfpc %0" : "=Q"(to->uc_mcontext.fpregs.fpc));
#elif defined(__linux__) && defined(__mips64) && defined(__mips_hard_float)
	__asm__ volatile("cfc1 %0, $31" : "=r"(to->uc_mcontext.fpc_csr));
#endif
}

int context_switch(void **from, void *to, int result)
{
	struct saved here, *there = to;
	/* swapcontext leaves this alone, and AddressSanitizer's reads it. */
	here.registers.uc_stack.ss_sp = NULL;
	here.registers.uc_stack.ss_size = 0;
	*from = &here;
	there->result = result;
	context_notify_leave();
	carry(&there->registers);
	swapcontext(&here.registers, &there->registers);
	context_notify_enter();
	return here.result;
}
