/* SPDX-License-Identifier: MIT */
/*
 * The backend for 64-bit RISC-V: born by birth.c, or by context_write below where libc has no
 * makecontext, switched by the instructions below. A context points to
 *
 *	  0  ra: where context_switch was called from
 *	  8  s0 to s11
 *	104  fs0 to fs11, where floating-point numbers have registers of their own
 *
 * It leaves by a jump through t2, and not by `ret`: no call on this stack is the one that the CPU would
 * return from. Of all registers a jump through that one needs no landing pad.
 *
 * It has no note that allows shadow stacks, so there are none in a program with it.
 */
#if !defined(__riscv) || !defined(__LP64__) || !defined(__ELF__)
#error "riscv64.S is for RISC-V with pointers of 64 bits, in ELF objects"
#endif

#if defined(__riscv_flen) && __riscv_flen > 64
#error "riscv64.S saves floating-point registers of 64 bits"
#elif defined(__riscv_float_abi_double)
#define FLOATS 1
#define load_float fld
#define store_float fsd
#elif defined(__riscv_float_abi_single)
#define FLOATS 1
#define load_float flw
#define store_float fsw
#else
#define FLOATS 0
#endif

/* A multiple of 16. */
#define SIZE 208

	.text

/* each instruction: on all registers that a call keeps, and their places */
	.macro	each operation, float_operation
	.equ	place, 8
	.irp	register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11
	\operation \register, place(sp)
	.equ	place, place + 8
	.endr
#if FLOATS
	.irp	register, fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11
	\float_operation \register, place(sp)
	.equ	place, place + 8
	.endr
#endif
	.endm

	.macro	save
	addi	sp, sp, -SIZE
	.cfi_adjust_cfa_offset SIZE
	sd	ra, 0(sp)
	each	sd, store_float
	.cfi_rel_offset ra, 0
	.cfi_rel_offset s0, 8
	.cfi_rel_offset s1, 16
	.cfi_rel_offset s2, 24
	.cfi_rel_offset s3, 32
	.cfi_rel_offset s4, 40
	.cfi_rel_offset s5, 48
	.cfi_rel_offset s6, 56
	.cfi_rel_offset s7, 64
	.cfi_rel_offset s8, 72
	.cfi_rel_offset s9, 80
	.cfi_rel_offset s10, 88
	.cfi_rel_offset s11, 96
#if FLOATS
	.cfi_rel_offset fs0, 104
	.cfi_rel_offset fs1, 112
	.cfi_rel_offset fs2, 120
	.cfi_rel_offset fs3, 128
	.cfi_rel_offset fs4, 136
	.cfi_rel_offset fs5, 144
	.cfi_rel_offset fs6, 152
	.cfi_rel_offset fs7, 160
	.cfi_rel_offset fs8, 168
	.cfi_rel_offset fs9, 176
	.cfi_rel_offset fs10, 184
	.cfi_rel_offset fs11, 192
#endif
	.endm

/* void context_call(void **from, void (*leave)(void *), void *arg) */
	.globl	context_call
	.hidden	context_call
	.type	context_call, @function
context_call:
	.cfi_startproc
	save
	sd	sp, 0(a0)		/* *from: the maker's context */
	mv	a0, a2
	jalr	a1			/* leave(arg) */
	ld	ra, 0(sp)		/* it could not leave, and has kept the others */
	.cfi_restore ra
	addi	sp, sp, SIZE
	.cfi_adjust_cfa_offset -SIZE
	ret
	.cfi_endproc
	.size	context_call, . - context_call

/* int context_switch(void **from, void *to, int result) */
	.globl	context_switch
	.hidden	context_switch
	.type	context_switch, @function
	.p2align 4
context_switch:
	.cfi_startproc
	lla	t0, context_special
	lbu	t0, 0(t0)
	bnez	t0, 1f
	.globl	context_switch_plain
	.hidden	context_switch_plain
	.type	context_switch_plain, @function
context_switch_plain:
	save
	sd	sp, 0(a0)		/* *from: here */
	mv	sp, a1			/* now on the other stack, which looks the same */
	mv	a0, a2			/* result */
	ld	t2, 0(sp)
	mv	ra, t2			/* as if its call were to return */
	each	ld, load_float
	.irp	register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, ra
	.cfi_restore \register
	.endr
#if FLOATS
	.irp	register, fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11
	.cfi_restore \register
	.endr
#endif
	addi	sp, sp, SIZE
	.cfi_adjust_cfa_offset -SIZE
	jr	t2
1:	tail	context_switch_special
	.cfi_endproc
	.size	context_switch, . - context_switch
	.size	context_switch_plain, . - context_switch_plain

/*
 * void *context_write(void *top, void (*begin)(void *arg, void (*entry)(void *)), void *arg,
 *		       void (*entry)(void *))
 */
	.globl	context_write
	.hidden	context_write
	.type	context_write, @function
context_write:
	.cfi_startproc
	andi	a0, a0, -16
	addi	a0, a0, -16		/* an end for who walks on */
	sd	zero, 0(a0)
	sd	zero, 8(a0)
	addi	a0, a0, -SIZE
	lla	t0, context_first
	sd	t0, 0(a0)
	sd	zero, 8(a0)		/* s0: the chain of frame pointers ends */
	sd	a1, 16(a0)		/* s1: begin */
	sd	a2, 24(a0)		/* s2: arg */
	sd	a3, 32(a0)		/* s3: entry */
	.equ	place, 40
	.rept	(SIZE - 40) / 8
	sd	zero, place(a0)
	.equ	place, place + 8
	.endr
	ret
	.cfi_endproc
	.size	context_write, . - context_write

/* Where such a context is continued for the first time. */
	.type	context_first, @function
context_first:
	.cfi_startproc
	.cfi_undefined ra
	mv	a0, s2
	mv	a1, s3
	lla	ra, context_bottom	/* what begin would return to */
	addi	ra, ra, 5
	jr	s1			/* begin(arg, entry) */
	.cfi_endproc
	.size	context_first, . - context_first

/* const size_t context_room: the twenty-six words, and what birth leaves above them */
	.section .rodata
	.globl	context_room
	.hidden	context_room
	.type	context_room, @object
	.p2align 3
context_room:
	.dword	384
	.size	context_room, . - context_room

	.section .note.GNU-stack, "", @progbits
