/* SPDX-License-Identifier: MIT */
/* Contexts alone: the build's backend, and the one that it falls back to. */
#include "core/context.h"

#include "core/context/birth.h"
#include "core/context/bottom.h"
#include "core/coroutine.h"
#include "coro/defer.h"
#include "coro/generator.h"
#include "support.h"

#include <errno.h>
#include <fenv.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unwind.h>

/* Absent if ucontext.c is the only backend. */
extern bool context_shadowed __attribute__((weak));
__typeof__(context_write) context_write __attribute__((weak));
__typeof__(context_birth) context_birth __attribute__((weak));
__typeof__(context_switch_plain) context_switch_plain __attribute__((weak));

#if defined(__linux__) && !defined(__GLIBC__)
#include <link.h>

/* What glibc tells its unwinder of the object that the address lies in. */
struct found {
	unsigned long long flags;
	void *start, *end, *link, *eh_frame;
	unsigned long long reserved[7];
	uintptr_t pc;
};

static int find_object(struct dl_phdr_info *info, size_t size, void *ret)
{
	struct found *found = ret;
	bool here = false;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + header->p_vaddr;
		if (header->p_type == PT_GNU_EH_FRAME)
			found->eh_frame = (void *)start;
		if (header->p_type == PT_LOAD && found->pc - start < header->p_memsz)
			here = true;
	}
	return here && found->eh_frame;
}

/*
 * A gcc for glibc that compiles for another libc has an unwinder that calls this, of glibc. A gcc of that
 * libc does without.
 */
int __attribute__((weak)) _dl_find_object(void *pc, void *ret)
{
	struct found found = {.pc = (uintptr_t)pc};
	if (!dl_iterate_phdr(find_object, &found))
		return -1;
	found.end = (void *)UINTPTR_MAX;
	memcpy(ret, &found, offsetof(struct found, pc));
	return 0;
}
#endif

enum { SIZE = 64 * 1024 };

/* One of two sides that switch to each other. */
struct side {
	void *context;
	struct sanitize_stack sanitize;
	char *memory;
	struct side *other;
	int (*body)(struct side *self);
	uint64_t seed;
	bool right; /* all was as it should be */
};

/* Switches to the other side; returns the value that this side is switched to with. */
static int give(struct side *self, int result)
{
	sanitize_leave(&self->sanitize, &self->other->sanitize, false);
	result = context_switch(&self->context, self->other->context, result);
	sanitize_enter(&self->sanitize, false);
	return result;
}

/* Runs the body, and switches to the other side for ever with what the body returns. */
static void entry(void *arg)
{
	struct side *self = arg;
	sanitize_enter(&self->sanitize, true);
	int result = self->body(self);
	sanitize_leave(&self->sanitize, &self->other->sanitize, true);
	context_switch(&self->context, self->other->context, result);
}

static bool side_make(struct side *self, struct side *other, size_t size,
		      int (*body)(struct side *self))
{
	*self = (struct side){.other = other, .body = body, .memory = malloc(size)};
	sanitize_stack_init(&self->sanitize, self->memory, size);
	self->context = context_make(self->memory, size, entry, self);
	other->other = self;
	return self->context;
}

static void side_finish(struct side *side)
{
	sanitize_stack_finish(&side->sanitize);
	free(side->memory);
}

static struct side main_side(void)
{
	struct side side = {0};
	sanitize_stack_adopt(&side.sanitize);
	return side;
}

/* ---- results ---- */

static int give_back_what_comes(struct side *self)
{
	int result = 1;
	for (int i = 0; i < 5; i++)
		result = give(self, result);
	return result;
}

START_TEST(switch_hands_over_any_result)
{
	static const int results[] = {0, -1, INT32_MAX, INT32_MIN, -4096};
	struct side a = main_side(), b;
	ck_assert(side_make(&b, &a, SIZE, give_back_what_comes));
	ck_assert_int_eq(give(&a, 7), 1);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(give(&a, results[i]), results[i]);
	side_finish(&b);
}
END_TEST

static int raise_right(struct side *self)
{
	self->right = true;
	return 0;
}

START_TEST(nothing_runs_on_a_context_before_somebody_switches_to_it)
{
	struct side a = main_side(), b;
	ck_assert(side_make(&b, &a, SIZE, raise_right));
	ck_assert(!b.right);
	give(&a, 0);
	ck_assert(b.right);
	side_finish(&b);
}
END_TEST

/* ---- what survives ---- */

/*
 * int with_registers(const word put[KEPT], word got[KEPT], int (*call)(void *), void *arg):
 * calls call(arg) with put in the registers that a call keeps, and tells in got what is there after.
 */
#if defined(__x86_64__)
/* rbx, rbp, r12 to r15 */
#define KEPT 6

__asm__(".text\n"
	"with_registers:\n"
	"	endbr64\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	pushq %rsi\n"
	"	movq 0(%rdi), %rbx\n"
	"	movq 8(%rdi), %rbp\n"
	"	movq 16(%rdi), %r12\n"
	"	movq 24(%rdi), %r13\n"
	"	movq 32(%rdi), %r14\n"
	"	movq 40(%rdi), %r15\n"
	"	movq %rcx, %rdi\n"
	"	call *%rdx\n"
	"	popq %rsi\n"
	"	movq %rbx, 0(%rsi)\n"
	"	movq %rbp, 8(%rsi)\n"
	"	movq %r12, 16(%rsi)\n"
	"	movq %r13, 24(%rsi)\n"
	"	movq %r14, 32(%rsi)\n"
	"	movq %r15, 40(%rsi)\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n");
#elif defined(__i386__)
/* ebx, esi, edi, ebp */
#define KEPT 4

__asm__(".text\n"
	".type with_registers, @function\n"
	"with_registers:\n"
	"	pushl %ebp\n"
	"	pushl %ebx\n"
	"	pushl %esi\n"
	"	pushl %edi\n"
	"	subl $8, %esp\n"
	"	movl 28(%esp), %eax\n"
	"	movl 0(%eax), %ebx\n"
	"	movl 4(%eax), %esi\n"
	"	movl 8(%eax), %edi\n"
	"	movl 12(%eax), %ebp\n"
	"	pushl 40(%esp)\n"
	"	call *40(%esp)\n"
	"	movl 36(%esp), %eax\n"
	"	movl %ebx, 0(%eax)\n"
	"	movl %esi, 4(%eax)\n"
	"	movl %edi, 8(%eax)\n"
	"	movl %ebp, 12(%eax)\n"
	"	addl $12, %esp\n"
	"	popl %edi\n"
	"	popl %esi\n"
	"	popl %ebx\n"
	"	popl %ebp\n"
	"	ret\n"
	".size with_registers, . - with_registers\n");
#elif defined(__aarch64__)
/* x19 to x29, d8 to d15 */
#define KEPT 19

__asm__(".text\n"
	"with_registers:\n"
	"	hint #34\n"
	"	stp x29, x30, [sp, #-176]!\n"
	"	stp x19, x20, [sp, #16]\n"
	"	stp x21, x22, [sp, #32]\n"
	"	stp x23, x24, [sp, #48]\n"
	"	stp x25, x26, [sp, #64]\n"
	"	stp x27, x28, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	str x1, [sp, #160]\n"
	"	ldp x19, x20, [x0]\n"
	"	ldp x21, x22, [x0, #16]\n"
	"	ldp x23, x24, [x0, #32]\n"
	"	ldp x25, x26, [x0, #48]\n"
	"	ldp x27, x28, [x0, #64]\n"
	"	ldr x29, [x0, #80]\n"
	"	ldp d8, d9, [x0, #88]\n"
	"	ldp d10, d11, [x0, #104]\n"
	"	ldp d12, d13, [x0, #120]\n"
	"	ldp d14, d15, [x0, #136]\n"
	"	mov x0, x3\n"
	"	blr x2\n"
	"	ldr x1, [sp, #160]\n"
	"	stp x19, x20, [x1]\n"
	"	stp x21, x22, [x1, #16]\n"
	"	stp x23, x24, [x1, #32]\n"
	"	stp x25, x26, [x1, #48]\n"
	"	stp x27, x28, [x1, #64]\n"
	"	str x29, [x1, #80]\n"
	"	stp d8, d9, [x1, #88]\n"
	"	stp d10, d11, [x1, #104]\n"
	"	stp d12, d13, [x1, #120]\n"
	"	stp d14, d15, [x1, #136]\n"
	"	ldp x19, x20, [sp, #16]\n"
	"	ldp x21, x22, [sp, #32]\n"
	"	ldp x23, x24, [sp, #48]\n"
	"	ldp x25, x26, [sp, #64]\n"
	"	ldp x27, x28, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	ldp x29, x30, [sp], #176\n"
	"	ret\n");
#elif defined(__riscv) && __riscv_xlen == 64 && defined(__riscv_float_abi_double)
/* s0 to s11, fs0 to fs11 */
#define KEPT 24

__asm__(".text\n"
	".type with_registers, @function\n"
	".macro all operation, floats, base, from\n"
	"	.equ place, \\from\n"
	"	.irp register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11\n"
	"	\\operation \\register, place(\\base)\n"
	"	.equ place, place + 8\n"
	"	.endr\n"
	"	.irp register, fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11\n"
	"	\\floats \\register, place(\\base)\n"
	"	.equ place, place + 8\n"
	"	.endr\n"
	".endm\n"
	"with_registers:\n"
	"	addi sp, sp, -208\n"
	"	sd ra, 0(sp)\n"
	"	sd a1, 8(sp)\n"
	"	all sd, fsd, sp, 16\n"
	"	all ld, fld, a0, 0\n"
	"	mv a0, a3\n"
	"	jalr a2\n"
	"	ld a1, 8(sp)\n"
	"	all sd, fsd, a1, 0\n"
	"	all ld, fld, sp, 16\n"
	"	ld ra, 0(sp)\n"
	"	addi sp, sp, 208\n"
	"	ret\n"
	".size with_registers, . - with_registers\n");
#elif defined(__arm__) && defined(__ARM_FP) && (!defined(__thumb__) || defined(__thumb2__))
/* r4 to r11, d8 to d15 */
#define KEPT 24

__asm__(".text\n"
	".syntax unified\n"
	".p2align 2\n"
#ifdef __thumb__
	".thumb\n"
#else
	".arm\n"
#endif
	".type with_registers, %function\n"
	"with_registers:\n"
	"	push {r4-r11, ip, lr}\n"
	"	vpush {d8-d15}\n"
	"	push {r1, r2}\n"
	"	ldm r0!, {r4-r11}\n"
	"	vldm r0, {d8-d15}\n"
	"	mov r0, r3\n"
	"	blx r2\n"
	"	pop {r1, r2}\n"
	"	stm r1!, {r4-r11}\n"
	"	vstm r1, {d8-d15}\n"
	"	vpop {d8-d15}\n"
	"	pop {r4-r11, ip, pc}\n"
	".size with_registers, . - with_registers\n");
#elif defined(__s390x__)
/* r6 to r13, f8 to f15 */
#define KEPT 16

__asm__(".text\n"
	".macro all_floats operation, from, base\n"
	"	.equ place, \\from\n"
	"	.irp register, %f8, %f9, %f10, %f11, %f12, %f13, %f14, %f15\n"
	"	\\operation \\register, place(\\base)\n"
	"	.equ place, place + 8\n"
	"	.endr\n"
	".endm\n"
	".type with_registers, @function\n"
	"with_registers:\n"
	"	stmg %r6, %r15, 48(%r15)\n"
	"	aghi %r15, -232\n"
	"	stg %r3, 160(%r15)\n"
	"	all_floats std, 168, %r15\n"
	"	lmg %r6, %r13, 0(%r2)\n"
	"	all_floats ld, 64, %r2\n"
	"	lgr %r2, %r5\n"
	"	basr %r14, %r4\n"
	"	lg %r3, 160(%r15)\n"
	"	stmg %r6, %r13, 0(%r3)\n"
	"	all_floats std, 64, %r3\n"
	"	all_floats ld, 168, %r15\n"
	"	lmg %r6, %r15, 280(%r15)\n"
	"	br %r14\n"
	".size with_registers, . - with_registers\n");
#endif

#ifdef KEPT
/* A register; of ARM's floating-point registers, half of one. */
#if defined(__i386__) || defined(__arm__)
typedef uint32_t word;
#else
typedef uint64_t word;
#endif

/* By its name above, before which Mach-O would put a "_". */
int with_registers(const word put[KEPT], word got[KEPT], int (*call)(void *),
		   void *arg) __asm__("with_registers");

static int give_zero(void *arg)
{
	return give(arg, 0);
}

static int fill_registers(struct side *self)
{
	self->right = true;
	for (uint64_t round = 0; round < 100; round++) {
		word put[KEPT], got[KEPT] = {0};
		for (int i = 0; i < KEPT; i++)
			put[i] = (word)((self->seed + round * KEPT + (uint64_t)i) *
					UINT64_C(0x9e3779b97f4a7c15));
		with_registers(put, got, give_zero, self);
		self->right &= memcmp(put, got, sizeof(put)) == 0;
	}
	return 0;
}

START_TEST(registers_that_a_call_keeps_survive_a_switch)
{
	struct side a = main_side(), b;
	ck_assert(side_make(&b, &a, SIZE, fill_registers));
	a.seed = 1;
	b.seed = 1000000;
	fill_registers(&a);
	ck_assert(a.right);
	ck_assert(b.right);
	give(&a, 0);
	side_finish(&b);
}
END_TEST

#endif

/* More values live across a switch than there are registers. */
static int keep_values(struct side *self)
{
	uint64_t n = self->seed;
	uint64_t a = n, b = n * 3, c = n * 5, d = n * 7, e = n * 11, f = n * 13, g = n * 17,
		 h = n * 19;
	double s = (double)n / 3, t = (double)n / 7, u = (double)n * 1e100, v = -(double)n / 11;
	double w = s * t, x = t * v, y = u - v, z = s + w;
	long double p = (long double)n / 3;
	self->right = true;
	for (int round = 0; round < 100; round++) {
		int r = give(self, 0);
		a += 1, b += 2, c += 3, d += 4, e += 5, f += 6, g += 7, h += 8;
		s += 1, t += 2, u -= 3, v -= 4, w *= 2, x /= 2, y += 5, z -= 6, p += 1;
		if (r != 0)
			break;
	}
	uint64_t k = 100;
	self->right &= a == n + k && b == n * 3 + 2 * k && c == n * 5 + 3 * k && d == n * 7 + 4 * k;
	self->right &= e == n * 11 + 5 * k && f == n * 13 + 6 * k && g == n * 17 + 7 * k;
	self->right &= h == n * 19 + 8 * k;
	/* The same sums, with no switch in between. */
	double s2 = (double)n / 3, t2 = (double)n / 7, u2 = (double)n * 1e100, v2 = -(double)n / 11;
	double w2 = s2 * t2, x2 = t2 * v2, y2 = u2 - v2, z2 = s2 + w2;
	long double p2 = (long double)n / 3;
	for (int round = 0; round < 100; round++)
		s2 += 1, t2 += 2, u2 -= 3, v2 -= 4, w2 *= 2, x2 /= 2, y2 += 5, z2 -= 6, p2 += 1;
	self->right &= s == s2 && t == t2 && u == u2 && v == v2;
	self->right &= w == w2 && x == x2 && y == y2 && z == z2 && p == p2;
	return 0;
}

START_TEST(locals_and_floating_point_values_survive_a_switch)
{
	struct side a = main_side(), b;
	ck_assert(side_make(&b, &a, SIZE, keep_values));
	a.seed = 12345;
	b.seed = 98765;
	keep_values(&a);
	give(&a, 0);
	ck_assert(a.right);
	ck_assert(b.right);
	side_finish(&b);
}
END_TEST

/* Kept on the stack with the alignment that vector instructions ask for. */
static int check_alignment(struct side *self)
{
	volatile struct {
		_Alignas(32) char wide[32];
	} local = {{0}};
	volatile long double p = 1;
	self->right = (uintptr_t)local.wide % 32 == 0 && (uintptr_t)&p % _Alignof(long double) == 0;
	char text[64];
	snprintf(text, sizeof(text), "%.3f %Lf", 1.5,
		 p + local.wide[0]); /* faults on a crooked stack */
	self->right &= strcmp(text, "1.500 1.000000") == 0;
	return 0;
}

START_TEST(stack_is_aligned_wherever_its_memory_ends)
{
	for (size_t odd = 0; odd < 64; odd += 8) {
		struct side a = main_side(), b;
		ck_assert(side_make(&b, &a, SIZE - odd, check_alignment));
		give(&a, 0);
		ck_assert(b.right);
		side_finish(&b);
	}
}
END_TEST

/* ---- many, and small ---- */

static int count_to_three(struct side *self)
{
	give(self, 1);
	give(self, 2);
	return 3;
}

START_TEST(thousands_of_contexts_live_side_by_side)
{
	int count = many(5000, 200);
	struct side a = main_side(), *sides = calloc((size_t)count, sizeof(*sides));
	for (int i = 0; i < count; i++)
		ck_assert(side_make(&sides[i], &a, 16 * 1024, count_to_three));
	bool right = true;
	for (int round = 1; round <= 3; round++) {
		for (int i = 0; i < count; i++) {
			a.other = &sides[(i + round * 7) % count];
			right &= give(&a, 0) == round;
		}
	}
	ck_assert(right);
	for (int i = 0; i < count; i++)
		side_finish(&sides[i]);
	free(sides);
}
END_TEST

START_TEST(context_is_content_with_little_more_than_its_room)
{
	if (SANITIZED)
		skip_test("frames are larger under a sanitizer");
	/* The first run resolves libc's functions on its own stack, which uses much of it. */
	const size_t sizes[] = {SIZE, context_room + 3072};
	for (int round = 0; round < 2; round++) {
		struct side a = main_side(), b;
		ck_assert(side_make(&b, &a, sizes[round], count_to_three));
		for (int i = 1; i <= 3; i++)
			ck_assert_int_eq(give(&a, 0), i);
		side_finish(&b);
	}
}
END_TEST

START_TEST(making_and_saving_a_context_touches_no_more_than_its_room)
{
	if (SANITIZED || RUNNING_ON_VALGRIND)
		skip_test("frames are larger under a sanitizer");
	for (int round = 0; round < 2; round++) { /* the first run resolves libc's functions */
		struct side a = main_side(), b = {.other = &a, .body = count_to_three};
		size_t untouched = 0;
		b.memory = malloc(SIZE);
		memset(b.memory, 0x5a, SIZE);
		sanitize_stack_init(&b.sanitize, b.memory, SIZE);
		b.context = context_make(b.memory, SIZE, entry, &b);
		a.other = &b;
		while (untouched < SIZE && b.memory[untouched] == 0x5a)
			untouched++;
		if (round == 1)
			ck_assert_uint_le(SIZE - untouched, context_room + 256);
		for (int i = 1; i <= 3; i++)
			ck_assert_int_eq(give(&a, 0), i);
		side_finish(&b);
	}
}
END_TEST

/* ---- unwinding ---- */

#ifdef __ARM_EABI_UNWINDER__ /* which has no names for these */
#define _URC_NORMAL_STOP _URC_FAILURE
#define END_OF_STACK _URC_FAILURE
#else
#define END_OF_STACK _URC_END_OF_STACK
#endif

/* Where the function of a frame begins: without Thumb's mark. */
static uintptr_t function_start(struct _Unwind_Context *context)
{
	return (uintptr_t)_Unwind_GetRegionStart(context);
}

/* The same of a function's address. */
static uintptr_t start_of(uintptr_t function)
{
#ifdef __arm__
	return function & ~(uintptr_t)1;
#else
	return function;
#endif
}

struct walk {
	int frames;
	uintptr_t wanted[3];
	int found; /* a bit for each */
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *arg)
{
	struct walk *walk = arg;
	uintptr_t start = function_start(context);
	for (int i = 0; i < 3; i++)
		if (start == start_of(walk->wanted[i]))
			walk->found |= 1 << i;
	return ++walk->frames < 1000 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static struct walk walk;
static int walk_end;

static void __attribute__((noinline)) walk_here(void)
{
	walk_end = (int)_Unwind_Backtrace(step, &walk);
	__asm__ volatile("" ::: "memory");
}

static int __attribute__((noinline)) walk_deep(struct side *self, int depth)
{
	int r = depth ? walk_deep(self, depth - 1) : (walk_here(), 0);
	__asm__ volatile("" ::: "memory");
	return r + 1;
}

static int walk_body(struct side *self)
{
	give(self, 0);
	int r = walk_deep(self, 10);
	__asm__ volatile("" ::: "memory");
	return r;
}

START_TEST(unwinder_walks_a_context_and_stops_at_its_entry)
{
	struct side a = main_side(), b;
	ck_assert(side_make(&b, &a, SIZE, walk_body));
	walk = (struct walk){
		.wanted = {(uintptr_t)walk_body, (uintptr_t)walk_here, (uintptr_t)entry}};
	give(&a, 0);
	ck_assert_int_eq(give(&a, 0), 11);
	ck_assert_int_eq(walk_end, END_OF_STACK);
	ck_assert_int_lt(walk.frames, 30);
	ck_assert_int_eq(walk.found, 7);
	side_finish(&b);
}
END_TEST

struct trace {
	uintptr_t functions[64]; /* the innermost first */
	int count;
	_Unwind_Reason_Code end;
};

static _Unwind_Reason_Code note(struct _Unwind_Context *context, void *arg)
{
	struct trace *trace = arg;
	trace->functions[trace->count++] = function_start(context);
	return trace->count < 64 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static int trace_once(void *arg)
{
	struct trace *trace = arg;
	trace->count = 0;
	trace->end = _Unwind_Backtrace(note, trace);
	return 0;
}

static void trace_later(void *arg)
{
	trace_once(arg);
}

/* The second trace is of the body, the first of a deferred call. */
static int trace_twice(void *arg)
{
	int r = coro_defer(trace_later, arg);
	return r < 0 ? r : trace_once((struct trace *)arg + 1);
}

/*
 * Whether this function is the outermost. On ARM its caller may be: there a function can say that nobody
 * called it only by being in no trace itself.
 */
static bool ends_at(const struct trace *trace, uintptr_t function)
{
	if (trace->functions[trace->count - 1] == function)
		return true;
#ifdef __ARM_EABI_UNWINDER__
	return trace->functions[trace->count - 2] == function;
#else
	return false;
#endif
}

static int trace_from_entry(void *arg)
{
	struct trace traces[2];
	struct coro *co;
	if (arg)
		*(bool *)arg = true;
	if (coro_create(trace_twice, traces, &co) < 0 || coro_resume(co, NULL, NULL) != 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		const struct trace *trace = &traces[i];
		if (trace->end != END_OF_STACK || trace->count < 2)
			return 2;
		if (!ends_at(trace, start_of((uintptr_t)coroutine_entry)))
			return 3;
	}
	return coro_destroy(co);
}

START_TEST(backtrace_ends_at_the_librarys_entry)
{
	ck_assert_exited(child_run(trace_from_entry, NULL), 0);
	if (context_make_ucontext && &context_shadowed)
		ck_assert_exited(child_run(trace_from_entry, &context_shadowed), 0);
}
END_TEST

/* ---- the fallback ---- */

static int echo(void *arg)
{
	void *value = arg;
	int r;
	while ((r = coro_yield(value, &value)) == 0)
		;
	return r;
}

static int inner(void *arg)
{
	coro_yield(arg, NULL);
	return coro_return(arg);
}

static int outer(void *arg)
{
	struct coro *in;
	void *got = NULL;
	int r = coro_create(inner, arg, &in);
	if (r == 0)
		r = coro_yield_from(in, &got);
	coro_destroy(in);
	coro_return(got);
	return r;
}

/* Returns 0 if all works, else the line that does not. */
static int use_coroutines(void *arg)
{
	struct coro *co, *cos[100];
	void *got = NULL;
	int one, two;
	if (arg)
		*(bool *)arg = true;
	if (coro_create(echo, &one, &co) < 0)
		return 1;
	if (coro_resume(co, NULL, &got) != 1 || got != &one)
		return 2;
	if (coro_resume(co, &two, &got) != 1 || got != &two)
		return 3;
	if (coro_throw(co, -EIO, NULL) != -EIO || coro_destroy(co) != 0)
		return 4;
	for (int i = 0; i < 100; i++)
		if (coro_create(echo, &cos[i], &cos[i]) < 0 || coro_next(cos[i], &got) != 1 ||
		    got != &cos[i])
			return 5;
	for (int i = 0; i < 100; i++)
		if (coro_destroy(cos[i]) != 0)
			return 6;
	coro_pool_trim();
	if (coro_create(outer, &two, &co) < 0 || coro_next(co, &got) != 1 || got != &two)
		return 7;
	got = NULL;
	if (coro_next(co, &got) != 0 || got != &two || coro_destroy(co) != 0)
		return 8;
	if (arg && !*(bool *)arg)
		return 9;
	return 0;
}

START_TEST(build_works_as_it_is)
{
	struct child child = child_run(use_coroutines, NULL);
	ck_assert_exited(child, 0);
}
END_TEST

START_TEST(ucontext_stands_in_on_a_shadow_stack_system)
{
	if (!context_make_ucontext || !&context_shadowed)
		skip_test("this build's backend has none beside it");
	struct child child = child_run(use_coroutines, &context_shadowed);
	ck_assert_exited(child, 0);
}
END_TEST

/* ---- what is the thread's ---- */

struct environment {
	int blocked, rounding;
};

static struct environment environment(void)
{
	sigset_t set;
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	return (struct environment){sigismember(&set, SIGUSR1), fegetround()};
}

static void set_environment(int how, int rounding)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(how, &set, NULL);
	fesetround(rounding);
}

static bool is_environment(struct environment now, int blocked, int rounding)
{
	return now.blocked == blocked && now.rounding == rounding;
}

static int set_and_end(void *arg)
{
	set_environment(SIG_BLOCK, FE_UPWARD);
	return 0;
}

static int tell_environment(void *seen)
{
	do
		*(struct environment *)seen = environment();
	while (coro_yield(NULL, NULL) == 0);
	return 0;
}

/*
 * Returns 0 if signal mask and rounding mode are the thread's, else the line that finds otherwise.
 */
static int share_environment(void *arg)
{
	struct coro *co;
	struct environment seen;
	if (arg)
		*(bool *)arg = true;
	/* What a body has set stays set for the next body on its stack. */
	if (coro_create(set_and_end, NULL, &co) < 0 || coro_resume(co, NULL, NULL) != 0)
		return 1;
	coro_destroy(co);
	if (!is_environment(environment(), 1, FE_UPWARD))
		return 2;
	set_environment(SIG_UNBLOCK, FE_TONEAREST);
	if (coro_create(tell_environment, &seen, &co) < 0 || coro_resume(co, NULL, NULL) != 1)
		return 3;
	if (!is_environment(seen, 0, FE_TONEAREST))
		return 4;
	/* What the thread sets is seen by the resumed body. */
	set_environment(SIG_BLOCK, FE_DOWNWARD);
	if (coro_resume(co, NULL, NULL) != 1)
		return 5;
	if (!is_environment(seen, 1, FE_DOWNWARD) || !is_environment(environment(), 1, FE_DOWNWARD))
		return 6;
	return coro_destroy(co);
}

START_TEST(signal_mask_and_rounding_mode_are_the_threads)
{
	if (RUNNING_ON_VALGRIND)
		skip_test("valgrind rounds to nearest");
	ck_assert_exited(child_run(share_environment, NULL), 0);
}
END_TEST

START_TEST(so_they_are_where_ucontext_stands_in)
{
	if (!context_make_ucontext || !&context_shadowed)
		skip_test("this build's backend has none beside it");
	if (RUNNING_ON_VALGRIND)
		skip_test("valgrind rounds to nearest");
	ck_assert_exited(child_run(share_environment, &context_shadowed), 0);
}
END_TEST

#if defined(__x86_64__) || defined(__aarch64__)
/* A return address as it was before it was signed. */
static uintptr_t unsigned_address(uintptr_t address)
{
#ifdef __aarch64__
	register uintptr_t x30 __asm__("x30") = address;
	__asm__("hint #7" : "+r"(x30)); /* xpaclri */
	address = x30;
#endif
	return address;
}

/*
 * How many frame pointers lie between here and the end of their chain; -1 if it leaves the stack, or
 * ends without a name.
 */
static int __attribute__((noinline)) count_frames(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), at = here, caller = 0;
	for (int i = 0; i < 100; i++) {
		if (at == 0)
			return caller == (uintptr_t)context_bottom + CONTEXT_BOTTOM_OFFSET ? i : -1;
		if (at < here || at > here + 4096 || at % sizeof(at) != 0)
			return -1;
		caller = unsigned_address(((uintptr_t *)at)[1]);
		at = *(uintptr_t *)at;
	}
	return -1;
}

static int tell_frames(void *arg)
{
	volatile uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	(void)frame;
	do
		*(int *)arg = count_frames();
	while (coro_yield(NULL, NULL) == 0);
	return 0;
}

static int __attribute__((noinline)) start_deep_down(int depth, struct coro *co)
{
	volatile char room[256];
	memset((void *)room, 0x41, sizeof(room));
	int r = depth ? start_deep_down(depth - 1, co) : coro_resume(co, NULL, NULL);
	return r + room[0] - 0x41;
}

static int chain_ends(void *arg)
{
	struct coro *co;
	int frames;
	if (arg)
		*(bool *)arg = true;
	if (coro_create(tell_frames, &frames, &co) < 0 || start_deep_down(5, co) != 1)
		return 1;
	if (frames < 0)
		return 2;
	volatile uintptr_t others[500];
	for (int i = 0; i < 500; i++)
		others[i] = 0x41414141;
	if (coro_resume(co, NULL, NULL) != 1 || frames < 0 || others[0] != 0x41414141)
		return 3;
	return coro_destroy(co);
}

START_TEST(chain_of_frame_pointers_ends_on_the_stack)
{
	ck_assert_exited(child_run(chain_ends, NULL), 0);
	if (context_make_ucontext && &context_shadowed)
		ck_assert_exited(child_run(chain_ends, &context_shadowed), 0);
}
END_TEST
#else
static int count_frames(void)
{
	return 0; /* other CPUs' frames are laid out otherwise */
}
#endif

/* ---- births ---- */

/* Of a stack at a call. */
#ifdef __arm__
enum { ALIGNMENT = 8 };
#else
enum { ALIGNMENT = 16 };
#endif

/* What a newborn context finds. */
struct newborn {
	void *context, *maker;
	uintptr_t misalignment; /* of its frame */
	int frames;             /* pointers to the end of their chain, see count_frames */
	struct trace trace;
	struct environment environment;
};

static void note_newborn(void *arg)
{
	struct newborn *newborn = arg;
	newborn->misalignment = (uintptr_t)__builtin_frame_address(0) % ALIGNMENT;
	newborn->frames = count_frames();
	newborn->environment = environment();
	trace_once(&newborn->trace);
	context_switch_plain(&newborn->context, newborn->maker, 0);
}

static void begin_newborn(void *arg, void (*fn)(void *arg))
{
	fn(arg);
}

START_TEST(context_written_by_hand_is_as_makecontexts)
{
	if (!context_write || !context_birth)
		skip_test("the backend writes none");
	if (SANITIZED)
		skip_test("a sanitizer does not know these stacks");
	static _Alignas(64) char memory[2][SIZE];
	struct newborn made = {0}, written = {0};
	for (size_t odd = 0; odd < 64; odd += 8) {
		size_t size = SIZE - odd;
		made.context = context_birth(memory[0], size, note_newborn, &made);
		written.context =
			context_write(memory[1] + size, begin_newborn, &written, note_newborn);
		context_switch_plain(&made.maker, made.context, 0);
		context_switch_plain(&written.maker, written.context, 0);
		ck_assert_uint_eq(made.misalignment, written.misalignment);
		ck_assert(made.frames >= 0 && written.frames >= 0);
		ck_assert_int_eq(made.trace.end, END_OF_STACK);
		ck_assert_int_eq(written.trace.end, END_OF_STACK);
		ck_assert_int_lt(written.trace.count, 10);
		ck_assert_int_eq(made.environment.rounding, written.environment.rounding);
		ck_assert_int_eq(made.environment.blocked, written.environment.blocked);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, switch_hands_over_any_result);
	tcase_add_test(tests, nothing_runs_on_a_context_before_somebody_switches_to_it);
#ifdef KEPT
	tcase_add_test(tests, registers_that_a_call_keeps_survive_a_switch);
#endif
	tcase_add_test(tests, locals_and_floating_point_values_survive_a_switch);
	tcase_add_test(tests, stack_is_aligned_wherever_its_memory_ends);
	tcase_add_test(tests, thousands_of_contexts_live_side_by_side);
	tcase_add_test(tests, context_is_content_with_little_more_than_its_room);
	tcase_add_test(tests, making_and_saving_a_context_touches_no_more_than_its_room);
	tcase_add_test(tests, unwinder_walks_a_context_and_stops_at_its_entry);
	tcase_add_test(tests, backtrace_ends_at_the_librarys_entry);
	tcase_add_test(tests, build_works_as_it_is);
	tcase_add_test(tests, ucontext_stands_in_on_a_shadow_stack_system);
	tcase_add_test(tests, context_written_by_hand_is_as_makecontexts);
	tcase_add_test(tests, signal_mask_and_rounding_mode_are_the_threads);
	tcase_add_test(tests, so_they_are_where_ucontext_stands_in);
#if defined(__x86_64__) || defined(__aarch64__)
	tcase_add_test(tests, chain_of_frame_pointers_ends_on_the_stack);
#endif
}

TEST_MAIN("context", add_tests)
