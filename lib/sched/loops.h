/* SPDX-License-Identifier: MIT */
/*
 * All loops of the process that are not closed, the oldest first. The library does not read this
 * list. It is for tools that look at the process from outside, or at its core file: they find it by
 * debug/offsets.h.
 *
 * Addresses are kept as their complements. A loop that nobody closes is then still found by tools
 * that look for memory that nothing points to.
 */
#ifndef SCHED_LOOPS_H
#define SCHED_LOOPS_H

#include <stdint.h>

struct sched;

/* The complement of the address of the first; 0 without loops. Goes on by sched->next_loop. */
extern uintptr_t loops_first __attribute__((visibility("hidden")));

/* Adds a new loop, of any thread, and notes its thread in it. */
void loops_add(struct sched *sched);

/* Takes a loop of this process off the list. In a child of fork, the copies are in none. */
void loops_remove(struct sched *sched);

/* The process is a child made by fork: the loops in the list are copies of the parent's. */
void loops_forget(void);

#endif
