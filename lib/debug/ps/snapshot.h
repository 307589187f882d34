/* SPDX-License-Identifier: MIT */
/*
 * What an image held of loops and tasks, when it was read. Taking it is all that happens while a
 * process is stopped.
 */
#ifndef PS_SNAPSHOT_H
#define PS_SNAPSHOT_H

#include "debug/offsets.h"
#include "debug/ps/image.h"

/* The part of a stack that is in use, of one coroutine that is suspended. */
struct stack_part {
	struct piece
		piece; /* up to the end of its frame; not read: damaged, or not in the core file */
	uint64_t co;   /* the coroutine */
	uint64_t context, frame;
	bool has_registers;
	struct registers registers;
};

enum task_state { TASK_CREATED, TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_DONE, TASK_UNKNOWN };

struct task_record {
	uint64_t address;
	uint32_t number, parent;
	bool servant; /* the library's own */
	enum task_state state;
	char *name, *site; /* NULL for none */
	char *waits_in;    /* waiting: NULL if it is not known */
	int fd;            /* waiting: for that fd; -1 for none */
	int64_t waited;    /* waiting: nanoseconds, or -1 if that is not known */
	uint64_t *awaits;  /* waiting: addresses of the tasks that it waits for */
	size_t await_count;
	uint64_t stack_bytes; /* 0 without a stack */
	uint64_t stack_used;
	/* Of the innermost coroutine that runs for the task first; the task's own last. */
	struct stack_part *parts;
	size_t part_count;
};

struct loop_record {
	const struct debug_offsets *table;
	uint64_t address;
	int tid; /* of its thread; 0 if it is not known */
	bool runs;
	bool virtual_clock;
	int64_t now;      /* of the virtual clock */
	uint32_t spawned; /* tasks so far */
	uint64_t running; /* the task that runs; 0 for none */
	struct task_record *tasks;
	size_t task_count;
	size_t own_count;                /* those that are not the library's, which come first */
	struct task_record **by_address; /* NULL without memory */
	bool damaged;                    /* a list did not come to its end */
};

struct snapshot {
	struct image *image;
	struct loop_record *loops;
	size_t loop_count;
	size_t task_count;    /* of all loops */
	size_t await_count;   /* of all tasks */
	uint64_t stack_bytes; /* copied of all stacks */
	bool stacks;          /* they are there, for backtraces */
	bool damaged;         /* the list of loops did not come to its end */
};

/* Takes it. With `stacks`, what is in use of them too. Without memory it has less. */
void snapshot_take(struct snapshot *ret, struct image *image, const struct debug_offsets *tables,
		   int table_count, bool stacks);

/* Finds the registers of all stacks, for backtraces. The process may run on before. */
void snapshot_find_registers(struct snapshot *snapshot);

void snapshot_finish(struct snapshot *snapshot);

/* Makes by_address, when all tasks of a loop are there: their records do not move any more. */
void snapshot_sort(struct loop_record *loop);

/* The task at that address of a loop; NULL for none. */
struct task_record *snapshot_task(const struct loop_record *loop, uint64_t address);

/* The task of that number, of those that are not the library's; NULL for none. */
const struct task_record *snapshot_numbered(const struct loop_record *loop, uint32_t number);

/* Reads memory of a task: from its stack, as the snapshot has it, or as memory_read. */
bool snapshot_read(const struct snapshot *snapshot, const struct task_record *task, uint64_t at,
		   void *ret, size_t size);

#endif
