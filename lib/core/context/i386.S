/* SPDX-License-Identifier: MIT */
/*
 * The backend for 32-bit x86: born by birth.c, or by context_write below where libc has no makecontext,
 * switched by the instructions below. A context points to
 *
 *	 0  edi
 *	 4  esi
 *	 8  ebx
 *	12  ebp
 *	16  where context_switch was called from
 *
 * It leaves by an indirect jump, as x86_64.S does. Arguments lie on the stack, which the caller clears.
 */
#if !defined(__i386__) || !defined(__ELF__)
#error "i386.S is for 32-bit x86, in ELF objects"
#endif

	.text

	.macro	save
	.irp	register, ebp, ebx, esi, edi
	pushl	%\register
	.cfi_adjust_cfa_offset 4
	.cfi_rel_offset %\register, 0
	.endr
	.endm

/* The address of label: data and functions are found from it. */
	.macro	locate label
	call	here_in_ecx
\label:
	.endm

	.type	here_in_ecx, @function
here_in_ecx:
	.cfi_startproc
	movl	(%esp), %ecx
	ret
	.cfi_endproc
	.size	here_in_ecx, . - here_in_ecx

/* void context_call(void **from, void (*leave)(void *), void *arg) */
	.globl	context_call
	.hidden	context_call
	.type	context_call, @function
	.p2align 4
context_call:
	.cfi_startproc
	movl	4(%esp), %eax
	movl	8(%esp), %edx
	movl	12(%esp), %ecx
	save
	movl	%esp, (%eax)		/* *from: the maker's context */
	subl	$8, %esp		/* aligned for the call */
	.cfi_adjust_cfa_offset 8
	pushl	%ecx
	.cfi_adjust_cfa_offset 4
	call	*%edx			/* leave(arg) */
	addl	$28, %esp		/* it could not leave, and has kept the registers */
	.cfi_adjust_cfa_offset -28
	ret
	.cfi_endproc
	.size	context_call, . - context_call

/* int context_switch(void **from, void *to, int result) */
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, @function
	.p2align 5
context_switch:
	.cfi_startproc
	locate	1
	cmpb	$0, context_special-1b(%ecx)
	jne	context_switch_special
	.globl	context_switch_plain
	.hidden	context_switch_plain
	.type	context_switch_plain, @function
context_switch_plain:
	movl	4(%esp), %eax
	movl	8(%esp), %edx
	movl	12(%esp), %ecx
	save
	movl	%esp, (%eax)		/* *from: here */
	movl	%edx, %esp		/* now on the other stack, which looks the same */
	movl	%ecx, %eax		/* result */
	.irp	register, edi, esi, ebx, ebp
	popl	%\register
	.cfi_adjust_cfa_offset -4
	.cfi_restore %\register
	.endr
	popl	%ecx			/* the stack is as the call would have left it */
	.cfi_def_cfa %esp, 0
	.cfi_register %eip, %ecx
	notrack jmp *%ecx
	.cfi_endproc
	.size	context_switch, . - context_switch
	.size	context_switch_plain, . - context_switch_plain

/*
 * void *context_write(void *top, void (*begin)(void *arg, void (*entry)(void *)), void *arg,
 *		       void (*entry)(void *))
 *
 * Upwards from the saved registers lie what begin would return to, its arguments, and an end for who
 * walks on.
 */
	.globl	context_write
	.hidden	context_write
	.type	context_write, @function
context_write:
	.cfi_startproc
	movl	4(%esp), %eax
	andl	$-16, %eax
	xorl	%edx, %edx
	movl	%edx, -4(%eax)
	movl	%edx, -8(%eax)
	movl	16(%esp), %ecx
	movl	%ecx, -12(%eax)		/* entry */
	movl	12(%esp), %ecx
	movl	%ecx, -16(%eax)		/* arg */
	movl	8(%esp), %ecx
	movl	%ecx, -32(%eax)		/* ebx: begin */
	movl	%edx, -28(%eax)		/* ebp: the chain of frame pointers ends */
	movl	%edx, -36(%eax)
	movl	%edx, -40(%eax)
	locate	1
	leal	context_bottom+5-1b(%ecx), %edx
	movl	%edx, -20(%eax)
	leal	context_first-1b(%ecx), %edx
	movl	%edx, -24(%eax)
	subl	$40, %eax
	ret
	.cfi_endproc
	.size	context_write, . - context_write

/* Where such a context is continued for the first time. */
	.type	context_first, @function
context_first:
	.cfi_startproc
	.cfi_undefined %eip
	notrack jmp *%ebx		/* begin(arg, entry) */
	.cfi_endproc
	.size	context_first, . - context_first

/* const size_t context_room: the five words, and what birth leaves above them */
	.section .rodata
	.globl	context_room
	.hidden	context_room
	.type	context_room, @object
	.p2align 2
context_room:
	.long	192
	.size	context_room, . - context_room

	.section .note.GNU-stack, "", @progbits

/* Safe with both halves of CET: IBT and SHSTK. */
	.section .note.gnu.property, "a", @note
	.p2align 2
	.long	4, 12, 5		/* sizes of name and descriptor; NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002, 4		/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	3			/* IBT | SHSTK */
