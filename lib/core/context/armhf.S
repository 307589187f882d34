/* SPDX-License-Identifier: MIT */
/*
 * The backend for 32-bit ARM with floating-point registers: born by birth.c, or by context_write below
 * where libc has no makecontext, switched by the instructions below. A context points to
 *
 *	  0  d8 to d15
 *	 64  r3, which fills up to a multiple of 8
 *	 68  r4 to r11
 *	100  where context_switch was called from; bit 0 is set in Thumb state
 *
 * It leaves by a jump through ip, and not lr: no call on this stack is the one that the CPU would return
 * from. Without those registers in the code of the program, libc's setjmp asks the CPU whether it has
 * them, and this file refuses.
 *
 * Debuggers go by CFI. Exceptions, which go by ARM's own tables, do not get here.
 */
#if !defined(__arm__) || !defined(__ARM_EABI__) || !defined(__ELF__)
#error "armhf.S is for 32-bit ARM, in ELF objects"
#endif
#if !defined(__ARM_FP) || (defined(__thumb__) && !defined(__thumb2__))
#error "armhf.S is for ARM with floating-point registers, in ARM or Thumb-2 state"
#endif

	.syntax	unified
#ifdef __thumb__
	.thumb
#define PC_IS_AHEAD 4
#define THUMB 1
#else
	.arm
#define PC_IS_AHEAD 8
#define THUMB 0
#endif

	.cfi_sections .debug_frame
	.text

	.macro	entry name
	.globl	\name
	.hidden	\name
	.type	\name, %function
\name:
	.endm

	.macro	save
	push	{r3-r11, lr}
	.cfi_adjust_cfa_offset 40
	.cfi_rel_offset r4, 4
	.cfi_rel_offset r5, 8
	.cfi_rel_offset r6, 12
	.cfi_rel_offset r7, 16
	.cfi_rel_offset r8, 20
	.cfi_rel_offset r9, 24
	.cfi_rel_offset r10, 28
	.cfi_rel_offset r11, 32
	.cfi_rel_offset lr, 36
	vpush	{d8-d15}
	.cfi_adjust_cfa_offset 64
	.cfi_rel_offset d8, 0
	.cfi_rel_offset d9, 8
	.cfi_rel_offset d10, 16
	.cfi_rel_offset d11, 24
	.cfi_rel_offset d12, 32
	.cfi_rel_offset d13, 40
	.cfi_rel_offset d14, 48
	.cfi_rel_offset d15, 56
	.endm

/* void context_call(void **from, void (*leave)(void *), void *arg) */
	.p2align 2
	entry	context_call
	.fnstart
	.cantunwind
	.cfi_startproc
	save
	str	sp, [r0]		/* *from: the maker's context */
	mov	r0, r2
	blx	r1			/* leave(arg) */
	add	sp, sp, #64		/* it could not leave, and has kept the others */
	.cfi_adjust_cfa_offset -64
	pop	{r3-r11, pc}
	.cfi_endproc
	.fnend
	.size	context_call, . - context_call

/* int context_switch(void **from, void *to, int result) */
	.p2align 4
	entry	context_switch
	.fnstart
	.cantunwind
	.cfi_startproc
	ldr	r3, special
1:	add	r3, pc
	ldrb	r3, [r3]
	cmp	r3, #0
	bne	2f
	entry	context_switch_plain
	save
	str	sp, [r0]		/* *from: here */
	mov	sp, r1			/* now on the other stack, which looks the same */
	mov	r0, r2			/* result */
	vpop	{d8-d15}
	.cfi_adjust_cfa_offset -64
	pop	{r3-r11, ip}
	.cfi_adjust_cfa_offset -40
	.irp	register, d8, d9, d10, d11, d12, d13, d14, d15, r4, r5, r6, r7, r8, r9, r10, r11
	.cfi_restore \register
	.endr
	.cfi_register lr, ip
	bx	ip
2:	.cfi_restore lr
	b	context_switch_special
	.cfi_endproc
	.fnend
	.p2align 2
special:
	.word	context_special - (1b + PC_IS_AHEAD)
	.size	context_switch, . - context_switch
	.size	context_switch_plain, . - context_switch_plain

/*
 * void *context_write(void *top, void (*begin)(void *arg, void (*entry)(void *)), void *arg,
 *		       void (*entry)(void *))
 */
	.p2align 2
	entry	context_write
	.fnstart
	.cantunwind
	.cfi_startproc
	bic	r0, r0, #7
	mov	ip, #0
	str	ip, [r0, #-4]!		/* an end for who walks on */
	str	ip, [r0, #-4]!
	ldr	ip, first
1:	add	ip, pc
	str	ip, [r0, #-4]!
	mov	ip, #0
	.rept	5
	str	ip, [r0, #-4]!		/* r11 to r7: among them the frame pointers, whose chain ends */
	.endr
	str	r3, [r0, #-4]!		/* r6: entry */
	str	r2, [r0, #-4]!		/* r5: arg */
	str	r1, [r0, #-4]!		/* r4: begin */
	.rept	17
	str	ip, [r0, #-4]!
	.endr
	bx	lr
	.cfi_endproc
	.fnend
	.p2align 2
first:
	.word	context_first - (1b + PC_IS_AHEAD) + THUMB
	.size	context_write, . - context_write

/* Where such a context is continued for the first time. */
	.p2align 2
	.type	context_first, %function
context_first:
	.fnstart
	.cantunwind
	.cfi_startproc
	.cfi_undefined lr
	mov	r0, r5
	mov	r1, r6
	mov	lr, #0			/* begin would return to nowhere */
	bx	r4			/* begin(arg, entry) */
	.cfi_endproc
	.fnend
	.size	context_first, . - context_first

/* const size_t context_room: the twenty-six words, and what birth leaves above them */
	.section .rodata
	.globl	context_room
	.hidden	context_room
	.type	context_room, %object
	.p2align 2
context_room:
	.word	256
	.size	context_room, . - context_room

	.section .note.GNU-stack, "", %progbits
