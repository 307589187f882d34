/* SPDX-License-Identifier: MIT */
/* The registers of a suspended coroutine, or of a thread. */
#ifndef PS_REGISTERS_H
#define PS_REGISTERS_H

#include "debug/offsets.h"
#include "debug/ps/memory.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether this file knows the registers of the CPU that it was built for. */
#if defined(__x86_64__) && defined(__LP64__)
#define REGISTERS_KNOWN 1
#else
#define REGISTERS_KNOWN 0
#endif

/* Those that a call keeps, by which a stack is unwound. */
struct registers {
	uint64_t pc, sp, bp, bx, r12, r13, r14, r15;
	bool active; /* pc is the next instruction, and not the return address of a call */
};

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
