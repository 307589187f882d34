/* SPDX-License-Identifier: MIT */
/*
 * Backtraces of tasks. unwind_dw.c makes them by elfutils' libdw; without that, unwind_chain.c
 * follows frame pointers. The Makefile picks one.
 */
#ifndef PS_UNWIND_H
#define PS_UNWIND_H

#include "debug/ps/snapshot.h"

/* A call on a stack. Texts are valid during the callback. */
struct call_site {
	uint64_t pc;
	const char *function; /* NULL: it is not known */
	const char *file;     /* NULL: it is not known */
	int line;
	const char *module; /* the path of the program or library; NULL: it is not known */
	uint64_t offset;    /* of pc, in the module's file */
};

struct unwinder;

/* Whether calls are found where functions have no frame pointers. */
extern const bool unwind_by_tables;

/* NULL without memory. The snapshot, which was taken with stacks, must outlive it. */
struct unwinder *unwind_begin(const struct snapshot *snapshot);

void unwind_end(struct unwinder *unwinder);

/*
 * Calls fn for each call of a task, the innermost first. Returns how many there were: 0 if nothing
 * is known.
 */
int unwind_task(struct unwinder *unwinder, const struct task_record *task,
		void (*fn)(const struct call_site *site, void *arg), void *arg);

/*
 * Calls fn for the function that a task runs. If its last call was in place of its return, it is in
 * no backtrace. Returns false if nothing is known.
 */
bool unwind_body(struct unwinder *unwinder, const struct loop_record *loop,
		 const struct task_record *task,
		 void (*fn)(const struct call_site *site, void *arg), void *arg);

/* The address of that function; 0 if it is not known. */
uint64_t unwind_body_address(const struct snapshot *snapshot, const struct loop_record *loop,
			     const struct task_record *task);

/* Looks up the module of an address, and the offset in its file. */
void unwind_locate(const struct image *image, uint64_t pc, struct call_site *ret);

enum { CALLS_MOST = 256 }; /* of one coroutine */

#endif
