/* SPDX-License-Identifier: MIT */
/* The registers of a suspended coroutine, or of a thread. */
#ifndef PS_REGISTERS_H
#define PS_REGISTERS_H

#include "debug/offsets.h"
#include "debug/ps/memory.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the registers are known of the CPU that this is built for; if so, DWARF's numbers of those that
 * a call keeps, by which a stack is unwound.
 */
#if defined(__x86_64__) && defined(__LP64__)
#define REGISTERS_KNOWN 1
#define REGISTERS_KEPT            \
	{                         \
		3, 12, 13, 14, 15 \
	} /* rbx, r12 to r15 */
enum { REGISTER_BP = 6, REGISTER_SP = 7, REGISTER_PC = 16 };
#elif defined(__i386__)
#define REGISTERS_KNOWN 1
#define REGISTERS_KEPT  \
	{               \
		3, 6, 7 \
	} /* ebx, esi, edi */
enum { REGISTER_BP = 5, REGISTER_SP = 4, REGISTER_PC = 8 };
#elif defined(__aarch64__)
#define REGISTERS_KNOWN 1
#define REGISTERS_KEPT                                 \
	{                                              \
		19, 20, 21, 22, 23, 24, 25, 26, 27, 28 \
	} /* x19 to x28 */
enum { REGISTER_BP = 29, REGISTER_SP = 31, REGISTER_PC = -1 /* has no number */ };
#else
#define REGISTERS_KNOWN 0
#endif

struct registers {
	uint64_t pc, sp, bp;
	uint64_t kept[10]; /* in the order of REGISTERS_KEPT */
	bool active;       /* pc is the next instruction, and not the return address of a call */
};

#if REGISTERS_KNOWN
#include <sys/user.h>

/* Takes the registers of a thread, as the kernel tells them; and its thread pointer, 0 if it is not among them. */
void registers_of_thread(const struct user_regs_struct *all, struct registers *ret, uint64_t *tls);
#endif

/* A return address, without the signature that some CPUs give it. */
static inline uint64_t registers_code_address(uint64_t address)
{
#ifdef __aarch64__
	address &= (UINT64_C(1) << 48) - 1;
#endif
	return address;
}

/* Bytes below a context that its registers may refer to. */
enum { REGISTERS_BELOW = 512 };

/*
 * Takes the registers from where a context points, of which there are `size` bytes. `guard` is
 * glibc's pointer guard, with which setjmp hides some of them; 0 if it is not known. Returns false
 * if they are not known.
 */
bool registers_of_context(enum debug_context kind, uint64_t context, const unsigned char *bytes,
			  size_t size, uint64_t guard, struct registers *ret);

/* Reads the pointer guard of a thread whose thread pointer is `tls`. 0 if it is not known. */
uint64_t registers_guard(struct memory *memory, uint64_t tls);

#endif
