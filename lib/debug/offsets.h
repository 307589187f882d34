/* SPDX-License-Identifier: MIT */
/*
 * A table by which a debugger or another process finds the loops and tasks of a program, without
 * debug information and without its help. It resembles CPython's _Py_DebugOffsets.
 *
 * It is the section `.coro.debug` of the library, or of a program that is linked with the archive.
 * strip keeps that section. Where there are no section headers, as in a core file, it is found by
 * its magic in the writable memory of each object: it is aligned to 16 bytes, and `self` is its
 * address.
 *
 * Offsets are in bytes from the beginning of the struct that a field's group is named after. They
 * may be others in each build. What the fields mean belongs to the version.
 */
#ifndef DEBUG_OFFSETS_H
#define DEBUG_OFFSETS_H

#include <stdint.h>

#define DEBUG_MAGIC "coro offsets\r\n\x1a" /* with its NUL, 16 bytes */

/* Raised whenever a reader of the version before would go wrong. New fields come at the end. */
enum { DEBUG_VERSION = 1 };

/* How the registers of a suspended coroutine are saved where its context points. */
enum debug_context {
	DEBUG_CONTEXT_UNKNOWN,
	DEBUG_CONTEXT_UCONTEXT, /* a ucontext_t of the system's libc */
	DEBUG_CONTEXT_SETJMP,   /* a jmp_buf of the system's libc */
	DEBUG_CONTEXT_X86_64,   /* r15 r14 r13 r12 rbx rbp, the return address; the stack goes on */
	DEBUG_CONTEXT_AARCH64,  /* x29, x30 (signed where calls are), x19 to x28, d8 to d15 */
	DEBUG_CONTEXT_RISCV64, /* ra, s0 to s11, and fs0 to fs11 in 8 bytes each; 208 bytes in all */
	DEBUG_CONTEXT_I386,    /* edi esi ebx ebp, the return address; the stack goes on */
	DEBUG_CONTEXT_ARMHF, /* d8 to d15, a filler, r4 to r11, the return address; the stack goes on */
	DEBUG_CONTEXT_S390X, /* the caller's frame: r6 to r14 at 48; f8 to f11 at 16, f12 to f15 at 128 */
};

struct debug_offsets {
	char magic[16];
	uint32_t version;         /* DEBUG_VERSION */
	uint32_t bytes;           /* of this table */
	uint32_t library_version; /* major << 16 | minor << 8 | patch */
	uint32_t pointer_bytes;   /* also of size_t */
	uint64_t self;    /* the address of this table; 0 before the library's constructors ran */
	uint64_t loops;   /* where the complement of the address of the first loop is; 0 for none */
	uint32_t context; /* enum debug_context */

	/* A circular list: its head points to itself when it is empty. */
	struct {
		uint32_t next;
	} list;
	/* A struct coro_loop begins with a struct tasks, and that with a struct sched. */
	struct {
		uint32_t
			next_loop; /* void *: the complement of the next loop's address; 0 at the end */
		uint32_t tid;      /* int: the kernel's number of its thread */
		uint32_t running;       /* struct task *: runs, or NULL */
		uint32_t runner;        /* struct coro *: NULL while the loop does not run */
		uint32_t context;       /* void *: the context of the runner while a task runs */
		uint32_t ready;         /* struct ring: tasks; calls have bit 0 set */
		uint32_t timers;        /* struct heap */
		uint32_t virtual_clock; /* bool */
		uint32_t closed;        /* bool: or is being closed */
		uint32_t now;           /* int64_t, nanoseconds: of the virtual clock */
		uint32_t watching;      /* unsigned: tasks and callbacks that wait for an fd */
		uint32_t thread;        /* struct thread * */
	} sched;
	struct {
		uint32_t self;    /* struct coro *: the innermost that runs */
		uint32_t sizes;   /* struct stack_size *: the first; its stacks of all sizes */
		uint32_t colours; /* size_t: see stack.header */
	} thread;
	struct {
		uint32_t all;      /* struct list of spawned.all: tasks that are not done */
		uint32_t servants; /* the same, of the library's own */
		uint32_t spawned;  /* uint32_t: how many there were so far */
	} tasks;
	/* A struct spawned begins with a struct task, and that with a struct coro. */
	struct {
		uint32_t all;    /* struct list: in tasks.all or tasks.servants */
		uint32_t future; /* struct coro_future: its result */
		uint32_t parent; /* uint32_t: the number of the task that spawned it, 0 for none */
	} spawned;
	struct {
		uint32_t sched;   /* struct sched * */
		uint32_t number;  /* uint32_t: counts the tasks of the loop, from 1 */
		uint32_t cancels; /* int: requests to cancel it that were not taken back */
	} task;
	struct {
		uint32_t context; /* void *: suspended, or a parked task: where its registers are */
		uint32_t at;      /* struct coro *: started task: the innermost that runs for it */
		uint32_t state;   /* uint8_t: 0 created, 1 suspended, 2 running or parked, 3 done */
		uint32_t flags;   /* uint16_t: 256 is a task */
		uint32_t frame;   /* struct frame *: started and not done */
		uint32_t resumer; /* struct coro *: running: gets control at its yield */
		uint32_t name;    /* const char *, or NULL */
		uint32_t site;    /* const char *, or NULL: where it was made */
	} coro;
	/* The frame lies at the upper end of the stack, above all that its code has pushed. */
	struct {
		uint32_t bytes; /* of this struct */
		uint32_t size;  /* struct stack_size * */
		uint32_t low;   /* char *: the lowest byte of the stack */
		uint32_t co;    /* struct coro *: whose body runs */
		uint32_t fn;    /* the body; NULL if it has returned */
		uint32_t arg;   /* void *: its argument */
		uint32_t wait;  /* struct task_wait: of a started task */
	} frame;
	/*
	 * The frame of slot i ends at slab.start + (i + 1) * stack_size.slot, less
	 * stack.colour_unit * (i * stack.colour_step % thread.colours). It begins stack.header below.
	 */
	struct {
		uint32_t header;      /* bytes */
		uint32_t colour_unit; /* bytes */
		uint32_t colour_step;
		uint32_t next; /* struct stack *, which a frame begins with: the next warm one */
	} stack;
	struct {
		uint32_t bytes; /* size_t: of a stack without its guard */
		uint32_t slot;  /* size_t: with it */
		uint32_t next;  /* struct stack_size * */
		uint32_t warm;  /* struct stack *: the first that is free and keeps its memory */
		uint32_t slabs; /* struct stack_slab * */
	} stack_size;
	struct {
		uint32_t next;  /* struct stack_slab * */
		uint32_t start; /* char * */
		uint32_t fresh; /* size_t: slots from this one on were never used */
		uint32_t
			cold; /* an array of uint64_t: bits of slots that are free, without memory */
	} slab;
	struct {
		uint32_t kind;   /* const struct wait_kind *: NULL if the task is not parked */
		uint32_t waiter; /* struct waiter *, or NULL */
		uint32_t timer;  /* struct timer: of a sleep */
		uint32_t outer;  /* what lies there is the kind's */
		uint32_t
			since; /* uint32_t: when it began, milliseconds with bit 0 set; 0: not known */
	} wait;
	struct {
		uint32_t what;           /* const char *: "a lock" */
		uint32_t call;           /* const char *, or NULL: the call that waits */
		uint32_t subject_type;   /* uint8_t: enum subject_type of sched/park.h */
		uint32_t subject_beside; /* bool: beside the waiter, and not the wait */
		uint32_t subject_at;     /* int16_t: the subject's offset from that */
	} wait_kind;
	struct {
		uint32_t kind;   /* uint8_t: 0 plain, 1 a task's, 2 a gather's */
		uint32_t done;   /* bool */
		uint32_t status; /* int: done: the result */
	} future;
	struct {
		uint32_t slots; /* void **: position & mask is the index */
		uint32_t mask;  /* size_t */
		uint32_t head;  /* size_t: the oldest position */
		uint32_t tail;  /* size_t: one past the newest */
	} ring;
	struct {
		uint32_t entries;     /* struct heap_entry * */
		uint32_t count;       /* size_t */
		uint32_t entry_bytes; /* of a struct heap_entry */
		uint32_t entry_key;   /* int64_t: of a timer, its time in nanoseconds */
		uint32_t entry_node;  /* struct heap_node *: in a struct timer at timer_node */
		uint32_t timer_node;
		uint32_t node_place; /* size_t: the index among the entries */
	} heap;

	/* Subjects of waits. */
	struct {
		uint32_t count;       /* size_t */
		uint32_t all;         /* an array */
		uint32_t item_bytes;  /* of one of it */
		uint32_t item_future; /* struct coro_future *: in it */
	} done_calls;
	struct {
		uint32_t members; /* struct list of member.link */
	} group;
	struct {
		uint32_t link;
		uint32_t future; /* struct coro_future *: the task's */
	} member;
	struct {
		uint32_t hold; /* struct hold *: debug mode's; or NULL */
	} lock;
	struct {
		uint32_t task; /* uint32_t: the number of the task that took the lock, 0 for none */
		uint32_t site; /* const char *: where it took it */
	} hold;
	struct {
		uint32_t number; /* int */
	} fd;
	struct {
		uint32_t pid; /* int */
	} process;
	struct {
		uint32_t children; /* a done_calls: from the gather's future */
	} gather;
	/* Of as_completed. */
	struct {
		uint32_t count;       /* size_t */
		uint32_t all;         /* an array, in it */
		uint32_t item_bytes;  /* of one of it */
		uint32_t item_future; /* struct coro_future *: in it */
	} completed;
};

#endif
