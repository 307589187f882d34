/* SPDX-License-Identifier: MIT */
/* Records of a snapshot: finding, reading and freeing them. snapshot.c makes them. */
#include "debug/ps/snapshot.h"

#include <stdlib.h>
#include <string.h>

static int by_address(const void *a, const void *b)
{
	const struct task_record *x = *(struct task_record *const *)a;
	const struct task_record *y = *(struct task_record *const *)b;
	return x->address < y->address ? -1 : x->address > y->address;
}

void snapshot_sort(struct loop_record *loop)
{
	if (!loop->task_count)
		return;
	loop->by_address = malloc(loop->task_count * sizeof(*loop->by_address));
	for (size_t i = 0; loop->by_address && i < loop->task_count; i++)
		loop->by_address[i] = &loop->tasks[i];
	if (loop->by_address)
		qsort(loop->by_address, loop->task_count, sizeof(*loop->by_address), by_address);
}

struct task_record *snapshot_task(const struct loop_record *loop, uint64_t address)
{
	struct task_record wanted = {.address = address}, *key = &wanted, **found;
	if (!loop->by_address)
		return NULL;
	found = bsearch(&key, loop->by_address, loop->task_count, sizeof(*loop->by_address),
			by_address);
	return found ? *found : NULL;
}

/* They are listed in the order of their numbers, which may wrap around. */
const struct task_record *snapshot_numbered(const struct loop_record *loop, uint32_t number)
{
	size_t low = 0, high = loop->own_count;
	uint32_t oldest = high ? loop->tasks[0].number : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (loop->tasks[middle].number - oldest < number - oldest)
			low = middle + 1;
		else
			high = middle;
	}
	return low < loop->own_count && loop->tasks[low].number == number ? &loop->tasks[low]
									  : NULL;
}

bool snapshot_read(const struct snapshot *snapshot, const struct task_record *task, uint64_t at,
		   void *ret, size_t size)
{
	for (size_t i = 0; i < task->part_count; i++) {
		const struct piece *piece = &task->parts[i].piece;
		if (!piece->read || at < piece->start || at - piece->start > piece->size ||
		    size > piece->size - (at - piece->start))
			continue;
		memcpy(ret, piece->bytes + (at - piece->start), size);
		return true;
	}
	return memory_read(&snapshot->image->memory, at, ret, size);
}

/* The pointer guard, which is the same in all threads. 0 if it is not needed or not known. */
static uint64_t guard_of(const struct snapshot *snapshot, const struct loop_record *loop)
{
	const struct image *image = snapshot->image;
	if (loop->table->context != DEBUG_CONTEXT_SETJMP)
		return 0;
	for (size_t i = 0; i < image->thread_count; i++)
		if (image->threads[i].has_registers)
			return registers_guard(&snapshot->image->memory, image->threads[i].tls);
	return 0;
}

static void find_registers(const struct loop_record *loop, struct stack_part *part, uint64_t guard)
{
	const struct piece *piece = &part->piece;
	if (part->has_registers || !piece->read || part->context < piece->start ||
	    part->context - piece->start > piece->size)
		return;
	size_t at = (size_t)(part->context - piece->start);
	part->has_registers =
		registers_of_context(loop->table->context, part->context, piece->bytes + at,
				     piece->size - at, guard, &part->registers);
}

void snapshot_find_registers(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->loop_count; i++) {
		const struct loop_record *loop = &snapshot->loops[i];
		uint64_t guard = guard_of(snapshot, loop);
		for (size_t j = 0; j < loop->task_count; j++)
			for (size_t k = 0; k < loop->tasks[j].part_count; k++)
				find_registers(loop, &loop->tasks[j].parts[k], guard);
	}
}

static void free_task(struct task_record *task)
{
	for (size_t i = 0; i < task->part_count; i++)
		free(task->parts[i].piece.bytes);
	free(task->parts);
	free(task->name);
	free(task->site);
	free(task->waits_in);
	free(task->awaits);
}

void snapshot_finish(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->loop_count; i++) {
		struct loop_record *loop = &snapshot->loops[i];
		for (size_t j = 0; j < loop->task_count; j++)
			free_task(&loop->tasks[j]);
		free(loop->tasks);
		free(loop->by_address);
	}
	free(snapshot->loops);
	snapshot->loops = NULL;
	snapshot->loop_count = 0;
}
