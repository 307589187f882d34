/* SPDX-License-Identifier: MIT */
/*
 * The backend for AArch64: born by birth.c, or by context_write below where libc has no makecontext,
 * switched by the instructions below. A context points to
 *
 *	  0  x29, x30: the frame pointer, and where context_switch was called from
 *	 16  x19 to x28
 *	 96  d8 to d15
 *
 * It leaves by `ret`. To the CPU's return stack that is a misprediction, but an indirect jump would
 * have to lead to a landing pad (BTI), which the place after a call is not. Where return addresses are
 * signed (PAC), x30 is saved signed, with the stack pointer of its own stack.
 *
 * On a system with guarded control stacks, and where switches are watched, the same symbol leads to
 * birth.c.
 */
#if !defined(__aarch64__) || !defined(__LP64__)
#error "aarch64.S is for AArch64 with pointers of 64 bits"
#endif

#include "core/context/object.inc"

/* Bit 0 is BTI, bit 1 is PAC, bit 2 is GCS, as in the note at the end. */
#if defined(__ARM_FEATURE_BTI_DEFAULT) && __ARM_FEATURE_BTI_DEFAULT
#define BTI 1
#else
#define BTI 0
#endif
#if defined(__ARM_FEATURE_PAC_DEFAULT) && __ARM_FEATURE_PAC_DEFAULT
#define PAC 2
#else
#define PAC 0
#endif
#if defined(__ARM_FEATURE_GCS_DEFAULT) && __ARM_FEATURE_GCS_DEFAULT
#define GCS 4
#else
#define GCS 0
#endif

/* By number: CPUs and assemblers that do not know them take them for no operation. */
#define bti_c hint #34
#define paciasp hint #25
#define autiasp hint #29
#define pacia1716 hint #8

	.text

/* Signs x30 with the stack pointer; where indirect calls may lead to. */
	.macro	enter
#if PAC
	paciasp
	.cfi_negate_ra_state
#elif BTI
	bti_c
#endif
	.endm

	.macro	leave
#if PAC
	autiasp
	.cfi_negate_ra_state
#endif
	ret
	.endm

	.macro	save
	stp	x29, x30, [sp, #-160]!
	.cfi_adjust_cfa_offset 160
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	stp	x19, x20, [sp, #16]
	.cfi_rel_offset x19, 16
	.cfi_rel_offset x20, 24
	stp	x21, x22, [sp, #32]
	.cfi_rel_offset x21, 32
	.cfi_rel_offset x22, 40
	stp	x23, x24, [sp, #48]
	.cfi_rel_offset x23, 48
	.cfi_rel_offset x24, 56
	stp	x25, x26, [sp, #64]
	.cfi_rel_offset x25, 64
	.cfi_rel_offset x26, 72
	stp	x27, x28, [sp, #80]
	.cfi_rel_offset x27, 80
	.cfi_rel_offset x28, 88
	stp	d8, d9, [sp, #96]
	.cfi_rel_offset d8, 96
	.cfi_rel_offset d9, 104
	stp	d10, d11, [sp, #112]
	.cfi_rel_offset d10, 112
	.cfi_rel_offset d11, 120
	stp	d12, d13, [sp, #128]
	.cfi_rel_offset d12, 128
	.cfi_rel_offset d13, 136
	stp	d14, d15, [sp, #144]
	.cfi_rel_offset d14, 144
	.cfi_rel_offset d15, 152
	.endm

/* The context lies on the stack until the last of these. */
	.macro	restore
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #160
	.cfi_adjust_cfa_offset -160
	.irp	register, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30, d8, d9, d10, d11, d12, d13, d14, d15
	.cfi_restore \register
	.endr
	.endm

/* void context_call(void **from, void (*leave)(void *), void *arg) */
	function SYMBOL(context_call)
	.p2align 4
SYMBOL(context_call):
	.cfi_startproc
	enter
	save
	mov	x3, sp
	str	x3, [x0]		/* *from: the maker's context */
	mov	x0, x2
	blr	x1			/* leave(arg) */
	ldp	x29, x30, [sp], #160	/* it could not leave, and has kept the others */
	.cfi_adjust_cfa_offset -160
	.cfi_restore x29
	.cfi_restore x30
	leave
	.cfi_endproc
	size_of SYMBOL(context_call)

/* int context_switch(void **from, void *to, int result) */
	function SYMBOL(context_switch)
	.p2align 6
SYMBOL(context_switch):
	.cfi_startproc
#if BTI
	bti_c
#endif
	adrp	x3, PAGE(context_special)
	ldrb	w3, [x3, PLACE(context_special)]
	cbnz	w3, 1f
	entry SYMBOL(context_switch_plain)
	enter
	save
	mov	x3, sp
	str	x3, [x0]		/* *from: here */
	mov	sp, x1			/* now on the other stack, which looks the same */
	mov	w0, w2			/* result */
	restore
	leave
1:	b	SYMBOL(context_switch_special)
	.cfi_endproc
	size_of SYMBOL(context_switch)
	size_of SYMBOL(context_switch_plain)

/*
 * void *context_write(void *top, void (*begin)(void *arg, void (*entry)(void *)), void *arg,
 *		       void (*entry)(void *))
 */
	function SYMBOL(context_write)
SYMBOL(context_write):
	.cfi_startproc
#if BTI
	bti_c
#endif
	and	x16, x0, #-16
	sub	x16, x16, #16		/* an end for who walks on */
	stp	xzr, xzr, [x16]
	adrp	x17, PAGE(context_first)
	add	x17, x17, PLACE(context_first)
#if PAC
	pacia1716			/* signs x17 with x16 */
#endif
	sub	x0, x16, #160
	stp	xzr, x17, [x0]		/* x29: the chain of frame pointers ends */
	stp	x1, x2, [x0, #16]	/* x19: begin, x20: arg */
	stp	x3, xzr, [x0, #32]	/* x21: entry */
	.irp	offset, 48, 64, 80, 96, 112, 128, 144
	stp	xzr, xzr, [x0, #\offset]
	.endr
	ret
	.cfi_endproc
	size_of SYMBOL(context_write)

/* Where such a context is continued for the first time. */
	local_function SYMBOL(context_first)
SYMBOL(context_first):
	.cfi_startproc
	.cfi_undefined x30
	mov	x0, x20
	mov	x1, x21
	mov	x16, x19		/* from where a jump may lead to a function */
	adrp	x30, PAGE(context_bottom)	/* what begin would return to */
	add	x30, x30, PLACE(context_bottom)
	add	x30, x30, #5
	br	x16			/* begin(arg, entry) */
	.cfi_endproc
	size_of SYMBOL(context_first)

/* const size_t context_room: the twenty words, and what birth leaves above them */
	constant SYMBOL(context_room)
SYMBOL(context_room):
	.quad	320
	size_of SYMBOL(context_room)

#ifdef __ELF__
	.section .note.GNU-stack, "", %progbits

/* Safe with what the rest was compiled for. With GCS on, ucontext.c takes the place of the switch. */
#if BTI || PAC || GCS
	.section .note.gnu.property, "a", %note
	.p2align 3
	.word	4, 16, 5		/* sizes of name and descriptor; NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.word	0xc0000000, 4		/* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.word	BTI | PAC | GCS, 0
#endif
#endif
