/* SPDX-License-Identifier: MIT */
/* Backtraces by frame pointers alone: a function that keeps none hides its callers. */
#include "debug/ps/unwind.h"

#include <stdlib.h>

const bool unwind_by_tables = false;

struct unwinder {
	const struct snapshot *snapshot;
};

struct unwinder *unwind_begin(const struct snapshot *snapshot)
{
	struct unwinder *unwinder = malloc(sizeof(*unwinder));
	if (unwinder)
		unwinder->snapshot = snapshot;
	return unwinder;
}

void unwind_end(struct unwinder *unwinder)
{
	free(unwinder);
}

static bool is_code(const struct image *image, uint64_t pc)
{
	const struct region *region = image_region(image, pc);
	return region && region->executable;
}

static int follow(const struct unwinder *unwinder, const struct task_record *task,
		  const struct stack_part *part,
		  void (*fn)(const struct call_site *site, void *arg), void *arg)
{
	const struct cpu *cpu = &registers_cpu;
	const struct snapshot *snapshot = unwinder->snapshot;
	uint64_t pc = part->registers.pc, bp = part->registers.bp, low = part->registers.sp;
	int count = 0;
	while (count < CALLS_MOST && is_code(snapshot->image, pc)) {
		struct call_site site;
		uintptr_t caller, address;
		unwind_locate(snapshot->image, pc, &site);
		fn(&site, arg);
		count++;
		if (!cpu->chained || bp < low || bp >= part->frame || bp % sizeof(void *) != 0 ||
		    !snapshot_read(snapshot, task, bp + cpu->chain, &caller, sizeof(caller)) ||
		    !snapshot_read(snapshot, task, bp + cpu->address, &address, sizeof(address)))
			break;
		low = bp + 2 * sizeof(void *);
		bp = caller;
		pc = registers_code_address(address);
	}
	return count;
}

int unwind_task(struct unwinder *unwinder, const struct task_record *task,
		void (*fn)(const struct call_site *site, void *arg), void *arg)
{
	int count = 0;
	for (size_t i = 0; i < task->part_count; i++)
		if (task->parts[i].has_registers)
			count += follow(unwinder, task, &task->parts[i], fn, arg);
	return count;
}

bool unwind_body(struct unwinder *unwinder, const struct loop_record *loop,
		 const struct task_record *task,
		 void (*fn)(const struct call_site *site, void *arg), void *arg)
{
	struct call_site site;
	uint64_t address = unwind_body_address(unwinder->snapshot, loop, task);
	unwind_locate(unwinder->snapshot->image, address, &site);
	if (address)
		fn(&site, arg);
	return address;
}
