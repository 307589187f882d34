/* SPDX-License-Identifier: MIT */
/*
 * The backend for x86-64: born by birth.c, or by context_write below where libc has no makecontext, switched by the instructions below. A context points to
 *
 *	 0  r15
 *	 8  r14
 *	16  r13
 *	24  r12
 *	32  rbx
 *	40  rbp
 *	48  where context_switch was called from
 *
 * It leaves by an indirect jump, and not by `ret`: no call on this stack is the one that the CPU
 * would return from, so that a `ret` would be mispredicted each time. `notrack`: what is jumped to
 * is the place after a call, which has no endbr64.
 *
 * On a shadow-stack system, and where switches are watched, the same symbol leads to birth.c.
 */
#if !defined(__x86_64__) || !defined(__LP64__)
#error "x86_64.S is for x86-64 with pointers of 64 bits"
#endif

#include "core/context/object.inc"

	.text

	.macro	save
	.irp	register, rbp, rbx, r12, r13, r14, r15
	pushq	%\register
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %\register, 0
	.endr
	.endm

/* void context_call(void **from, void (*leave)(void *), void *arg) */
	function SYMBOL(context_call)
	.p2align 5
SYMBOL(context_call):
	.cfi_startproc
	save
	movq	%rsp, (%rdi)		/* *from: the maker's context */
	movq	%rdx, %rdi
	subq	$8, %rsp		/* aligned for the call */
	.cfi_adjust_cfa_offset 8
	call	*%rsi			/* leave(arg) */
	addq	$56, %rsp		/* it could not leave */
	.cfi_adjust_cfa_offset -56
	ret
	.cfi_endproc
	size_of SYMBOL(context_call)

/* int context_switch(void **from, void *to, int result) */
	function SYMBOL(context_switch)
	.p2align 5
SYMBOL(context_switch):
	.cfi_startproc
	cmpb	$0, SYMBOL(context_special)(%rip)
	jne	SYMBOL(context_switch_special)
	entry SYMBOL(context_switch_plain)
	save
	movq	%rsp, (%rdi)		/* *from: here */
	movq	%rsi, %rsp		/* now on the other stack, which looks the same */
	movl	%edx, %eax		/* result */
	.irp	register, r15, r14, r13, r12, rbx, rbp
	popq	%\register
	.cfi_adjust_cfa_offset -8
	.cfi_restore %\register
	.endr
	popq	%rcx			/* the stack is as the call would have left it */
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %rcx
	notrack jmp *%rcx
	.cfi_endproc
	size_of SYMBOL(context_switch)
	size_of SYMBOL(context_switch_plain)

/*
 * void *context_write(void *top, void (*begin)(void *arg, void (*entry)(void *)), void *arg,
 *		       void (*entry)(void *))
 *
 * Upwards from the saved registers lie what begin would return to, and an end for who walks on.
 */
	function SYMBOL(context_write)
SYMBOL(context_write):
	.cfi_startproc
	andq	$-16, %rdi
	xorl	%eax, %eax
	movq	%rax, -8(%rdi)
	movq	%rax, -16(%rdi)
	leaq	SYMBOL(context_bottom)+5(%rip), %r8
	movq	%r8, -24(%rdi)
	leaq	SYMBOL(context_first)(%rip), %r8
	movq	%r8, -32(%rdi)
	movq	%rax, -40(%rdi)		/* rbp: the chain of frame pointers ends */
	movq	%rdx, -48(%rdi)		/* rbx: arg */
	movq	%rsi, -56(%rdi)		/* r12: begin */
	movq	%rcx, -64(%rdi)		/* r13: entry */
	movq	%rax, -72(%rdi)
	movq	%rax, -80(%rdi)
	leaq	-80(%rdi), %rax
	ret
	.cfi_endproc
	size_of SYMBOL(context_write)

/* Where such a context is continued for the first time. */
	local_function SYMBOL(context_first)
SYMBOL(context_first):
	.cfi_startproc
	.cfi_undefined %rip
	movq	%rbx, %rdi
	movq	%r13, %rsi
	notrack jmp *%r12		/* begin(arg, entry) */
	.cfi_endproc
	size_of SYMBOL(context_first)

/* const size_t context_room: the seven words, and what birth leaves above them */
	constant SYMBOL(context_room)
SYMBOL(context_room):
	.quad	192
	size_of SYMBOL(context_room)

#ifdef __ELF__
	.section .note.GNU-stack, "", @progbits

/* Safe with both halves of CET: IBT and SHSTK. */
	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4, 16, 5		/* sizes of name and descriptor; NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002, 4		/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	3, 0			/* IBT | SHSTK */
#endif
