/* SPDX-License-Identifier: MIT */
/* The registers of a suspended coroutine, or of a thread. */
#ifndef PS_REGISTERS_H
#define PS_REGISTERS_H

#include "debug/offsets.h"
#include "debug/ps/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REGISTERS_KEPT_MOST = 11 };

struct registers {
	uint64_t pc, sp, bp;
	uint64_t kept[REGISTERS_KEPT_MOST]; /* the others that a call keeps: see struct cpu */
	bool active; /* pc is the next instruction, and not the return address of a call */
};

/* -- what a CPU's file in registers/ tells; the Makefile picks one, none.c for a CPU without */

/* Offsets of registers among bytes that somebody has saved. */
struct register_places {
	size_t size; /* of the bytes; 0: what was saved is not known */
	size_t pc, sp, bp;
	size_t kept[REGISTERS_KEPT_MOST];
};

struct cpu {
	enum debug_context context; /* what the CPU's own file of lib/core/context saves */
	struct register_places own; /* there; but for sp, which is not saved */
	size_t stack;               /* how far from such a context the stack goes on */

	struct register_places ucontext; /* in a ucontext_t */
	struct register_places thread;   /* in an elf_gregset_t */
	size_t tls;                      /* there: the thread pointer; 0 for none */

	/* In a jmp_buf, where pc, sp and bp are hidden by a guard: that is so far from the thread pointer. */
	struct register_places setjmp;
	size_t guard;
	uint64_t (*unhide)(uint64_t word, uint64_t guard);

	uint64_t code; /* the bits of a return address that are not its signature, or state */

	/* Where the caller's frame pointer and the return address lie, from a frame pointer. */
	bool chained; /* compilers agree on that */
	int64_t chain, address;

	/* DWARF's numbers. -1: it has none. */
	int pc, sp, bp;
	int kept[REGISTERS_KEPT_MOST];
	size_t kept_count;
};

extern const struct cpu registers_cpu;

/* -- */

/* Whether the registers are known of the CPU that this is built for. */
static inline bool registers_known(void)
{
	return registers_cpu.thread.size > 0;
}

/* A return address, without what some CPUs mark it with: a signature, Thumb state. */
static inline uint64_t registers_code_address(uint64_t address)
{
	return address & registers_cpu.code;
}

/*
 * Takes the registers of a thread, as the kernel tells them, an elf_gregset_t; and its thread
 * pointer, 0 if it is not among them. Returns false if they are not known.
 */
bool registers_of_thread(const void *all, size_t size, struct registers *ret, uint64_t *tls);

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
