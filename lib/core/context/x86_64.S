/* SPDX-License-Identifier: MIT */
/*
 * The backend for x86-64: born by birth.c, switched by the instructions below. A context points to
 *
 *	 0  rbx
 *	 8  r12
 *	16  r13
 *	24  r14
 *	32  r15
 *	40  rbp
 *	48  where context_switch was called from
 *
 * It leaves by an indirect jump, and not by `ret`: no call on this stack is the one that the CPU
 * would return from, so that a `ret` would be mispredicted each time. `notrack`: what is jumped to
 * is the place after a call, which has no endbr64.
 *
 * On a shadow-stack system the same symbol leads to ucontext.c.
 */
	.text

/* void context_call(void **from, void (*leave)(void *), void *arg) */
	.globl	context_call
	.hidden	context_call
	.type	context_call, @function
	.p2align 5
context_call:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	subq	$40, %rsp		/* the five others; their CFI is the switch's matter */
	.cfi_adjust_cfa_offset 40
	movq	%rbx, 0(%rsp)
	movq	%r12, 8(%rsp)
	movq	%r13, 16(%rsp)
	movq	%r14, 24(%rsp)
	movq	%r15, 32(%rsp)
	movq	%rsp, (%rdi)		/* *from: the maker's context */
	movq	%rdx, %rdi
	subq	$8, %rsp		/* aligned for the call */
	.cfi_adjust_cfa_offset 8
	call	*%rsi			/* leave(arg) */
	ud2
	.cfi_endproc
	.size	context_call, . - context_call

/* int context_switch(void **from, void *to, int result) */
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, @function
	.p2align 5
context_switch:
	.cfi_startproc
	endbr64
	cmpb	$0, context_shadowed(%rip)
	jne	context_switch_ucontext
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	subq	$40, %rsp
	.cfi_adjust_cfa_offset 40
	movq	%rbx, 0(%rsp)
	.cfi_rel_offset %rbx, 0
	movq	%r12, 8(%rsp)
	.cfi_rel_offset %r12, 8
	movq	%r13, 16(%rsp)
	.cfi_rel_offset %r13, 16
	movq	%r14, 24(%rsp)
	.cfi_rel_offset %r14, 24
	movq	%r15, 32(%rsp)
	.cfi_rel_offset %r15, 32
	movq	%rsp, (%rdi)		/* *from: here */
	movq	%rsi, %rsp		/* now on the other stack, which looks the same */
	movl	%edx, %eax		/* result */
	movq	48(%rsp), %rcx
	movq	0(%rsp), %rbx
	movq	8(%rsp), %r12
	movq	16(%rsp), %r13
	movq	24(%rsp), %r14
	movq	32(%rsp), %r15
	movq	40(%rsp), %rbp
	.cfi_restore %rbx
	.cfi_restore %r12
	.cfi_restore %r13
	.cfi_restore %r14
	.cfi_restore %r15
	.cfi_restore %rbp
	addq	$56, %rsp		/* as its call would have left it */
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %rcx
	notrack jmp *%rcx
	.cfi_endproc
	.size	context_switch, . - context_switch

/* const size_t context_room: the seven words, and what birth leaves above them */
	.section .rodata
	.globl	context_room
	.hidden	context_room
	.type	context_room, @object
	.p2align 3
context_room:
	.quad	192
	.size	context_room, . - context_room

	.section .note.GNU-stack, "", @progbits

/* Safe with both halves of CET: IBT and SHSTK. */
	.section .note.gnu.property, "a", @note
	.p2align 3
	.long	4, 16, 5		/* sizes of name and descriptor; NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002, 4		/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	3, 0			/* IBT | SHSTK */
