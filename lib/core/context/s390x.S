/* SPDX-License-Identifier: MIT */
/*
 * The backend for 64-bit IBM Z: born by birth.c, or by context_write below where libc has no
 * makecontext, switched by the instructions below.
 *
 * Each caller has a place of 160 bytes at the end of its stack where the function that it calls may save
 * registers, and a switch does. So a context points to the frame of the caller of context_switch:
 *
 *	  0  the chain of frames, which is the caller's
 *	 16  f8 to f11
 *	 48  r6 to r13
 *	112  r14: where context_switch was called from
 *	128  f12 to f15
 */
#if !defined(__s390x__) || !defined(__ELF__)
#error "s390x.S is for 64-bit IBM Z, in ELF objects"
#endif

/* What a caller leaves below its own. */
#define AREA 160

	.text

	.macro	function name
	.hidden	\name
	.type	\name, @function
	.p2align 4
\name:
	.endm

	.macro	floats operation
	\operation %f8, 16(%r15)
	\operation %f9, 24(%r15)
	\operation %f10, 32(%r15)
	\operation %f11, 40(%r15)
	\operation %f12, 128(%r15)
	\operation %f13, 136(%r15)
	\operation %f14, 144(%r15)
	\operation %f15, 152(%r15)
	.endm

	.macro	save
	stmg	%r6, %r14, 48(%r15)
	.equ	place, 48 - AREA
	.irp	register, %r6, %r7, %r8, %r9, %r10, %r11, %r12, %r13, %r14
	.cfi_offset \register, place
	.equ	place, place + 8
	.endr
	floats	std
	/* By the numbers of DWARF: assemblers differ in which a name is. */
	.cfi_offset 24, 16 - AREA
	.cfi_offset 28, 24 - AREA
	.cfi_offset 25, 32 - AREA
	.cfi_offset 29, 40 - AREA
	.cfi_offset 26, 128 - AREA
	.cfi_offset 30, 136 - AREA
	.cfi_offset 27, 144 - AREA
	.cfi_offset 31, 152 - AREA
	.endm

/* void context_call(void **from, void (*leave)(void *), void *arg) */
	.globl	context_call
	function context_call
	.cfi_startproc
	save
	stg	%r15, 0(%r2)		/* *from: the maker's context */
	lgr	%r1, %r15
	aghi	%r15, -AREA
	.cfi_adjust_cfa_offset AREA
	stg	%r1, 0(%r15)		/* the chain of frames */
	lgr	%r2, %r4
	basr	%r14, %r3		/* leave(arg) */
	aghi	%r15, AREA		/* it could not leave, and has kept the others */
	.cfi_adjust_cfa_offset -AREA
	lg	%r14, 112(%r15)
	.cfi_restore %r14
	br	%r14
	.cfi_endproc
	.size	context_call, . - context_call

/* int context_switch(void **from, void *to, int result) */
	.globl	context_switch
	function context_switch
	.cfi_startproc
	larl	%r1, context_special
	cli	0(%r1), 0
	jne	1f
	.globl	context_switch_plain
	.hidden	context_switch_plain
	.type	context_switch_plain, @function
context_switch_plain:
	save
	stg	%r15, 0(%r2)		/* *from: here */
	lgr	%r15, %r3		/* now on the other stack, which looks the same */
	lgr	%r2, %r4		/* result */
	floats	ld
	lmg	%r6, %r14, 48(%r15)
	.irp	register, %r6, %r7, %r8, %r9, %r10, %r11, %r12, %r13, %r14, 24, 25, 26, 27, 28, 29, 30, 31
	.cfi_restore \register
	.endr
	br	%r14
1:	jg	context_switch_special
	.cfi_endproc
	.size	context_switch, . - context_switch
	.size	context_switch_plain, . - context_switch_plain

/*
 * void *context_write(void *top, void (*begin)(void *arg, void (*entry)(void *)), void *arg,
 *		       void (*entry)(void *))
 */
	.globl	context_write
	function context_write
	.cfi_startproc
	nill	%r2, 0xfff8
	aghi	%r2, -AREA
	xc	0(AREA, %r2), 0(%r2)	/* the chain of frames ends */
	larl	%r1, context_first
	stg	%r3, 48(%r2)		/* r6: begin */
	stg	%r4, 56(%r2)		/* r7: arg */
	stg	%r5, 64(%r2)		/* r8: entry */
	stg	%r1, 112(%r2)
	br	%r14
	.cfi_endproc
	.size	context_write, . - context_write

/* Where such a context is continued for the first time. */
	function context_first
	.cfi_startproc
	.cfi_undefined %r14
	lgr	%r2, %r7
	lgr	%r3, %r8
	lghi	%r14, 0			/* begin would return to nowhere */
	br	%r6			/* begin(arg, entry) */
	.cfi_endproc
	.size	context_first, . - context_first

/* const size_t context_room: the frames of birth */
	.section .rodata
	.globl	context_room
	.hidden	context_room
	.type	context_room, @object
	.p2align 3
context_room:
	.quad	3 * AREA
	.size	context_room, . - context_room

	.section .note.GNU-stack, "", @progbits
