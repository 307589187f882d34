/* SPDX-License-Identifier: MIT */
#include "debug/ps/snapshot.h"

#include "core/coroutine.h"
#include "debug/ps/wait.h"

#include <stdlib.h>
#include <string.h>

/* Of damaged memory, no more than this is read. */
enum { LOOPS_MOST = 1 << 16, TASKS_MOST = 1 << 22, CHAIN_MOST = 256, TEXT_MOST = 256 };

#define STACK_MOST (UINT64_C(1) << 20)  /* of one stack */
#define STACKS_MOST (UINT64_C(1) << 30) /* of all */

/* Makes room for one more. Arrays grow when their count is a power of two. */
static bool make_room(void *array, size_t count, size_t size)
{
	void **place = array;
	if (count & (count - 1))
		return true;
	void *moved = realloc(*place, (count ? count * 2 : 1) * size);
	if (moved)
		*place = moved;
	return moved;
}

/* -- a task */

static char *copy_text(struct memory *memory, uint64_t at)
{
	char text[TEXT_MOST];
	if (!at)
		return NULL;
	return strdup(memory_text(memory, at, text, sizeof(text)) ? text : "?");
}

static void read_task(struct snapshot *snapshot, const struct loop_record *loop,
		      struct task_record *task)
{
	const struct debug_offsets *table = loop->table;
	struct memory *memory = &snapshot->image->memory;
	task->number = memory_u32(memory, task->address + table->task.number);
	task->parent = memory_u32(memory, task->address + table->spawned.parent);
	task->name = copy_text(memory, memory_pointer(memory, task->address + table->coro.name));
	task->site = copy_text(memory, memory_pointer(memory, task->address + table->coro.site));
}

/* -- lists */

static bool add_task(struct loop_record *loop, uint64_t address, bool servant)
{
	if (!make_room(&loop->tasks, loop->task_count, sizeof(*loop->tasks)))
		return false;
	loop->tasks[loop->task_count++] = (struct task_record){
		.address = address, .servant = servant, .fd = -1, .waited = -1};
	return true;
}

/*
 * Adds the tasks of a list. One whose memory was written over may go round and round, or anywhere:
 * a node is remembered, each time that twice as many were seen, and met again in a circle.
 */
static void read_list(struct snapshot *snapshot, struct loop_record *loop, uint64_t head,
		      bool servant)
{
	struct memory *memory = &snapshot->image->memory;
	const struct debug_offsets *table = loop->table;
	uint64_t node = memory_pointer(memory, head + table->list.next), known = 0;
	for (size_t count = 0; node != head; count++) {
		if (!node || node == known || snapshot->task_count >= TASKS_MOST ||
		    !add_task(loop, node - table->spawned.all, servant)) {
			loop->damaged = true;
			return;
		}
		snapshot->task_count++;
		if ((count & (count - 1)) == 0)
			known = node;
		node = memory_pointer(memory, node + table->list.next);
	}
}

/* -- stacks */

static bool add_part(struct task_record *task, uint64_t co, uint64_t context, uint64_t frame)
{
	if (!make_room(&task->parts, task->part_count, sizeof(*task->parts)))
		return false;
	task->parts[task->part_count++] =
		(struct stack_part){.co = co, .context = context, .frame = frame};
	return true;
}

/*
 * The chain of coroutines that run for a task: a generator, the one that resumed it, and so on to
 * the task itself. `context` is the innermost's; each knows that of its resumer.
 */
static void add_parts(struct snapshot *snapshot, const struct debug_offsets *table,
		      struct task_record *task, uint64_t co, uint64_t context)
{
	struct memory *memory = &snapshot->image->memory;
	for (int depth = 0; co && depth < CHAIN_MOST; depth++) {
		uint64_t frame = memory_pointer(memory, co + table->coro.frame);
		if (!frame || !add_part(task, co, context, frame) || co == task->address)
			return;
		context = memory_pointer(memory, co + table->coro.context);
		co = memory_pointer(memory, co + table->coro.resumer);
	}
}

static const struct image_thread *find_thread(const struct image *image, int tid)
{
	for (size_t i = 0; i < image->thread_count; i++)
		if (image->threads[i].tid == tid && image->threads[i].has_registers)
			return &image->threads[i];
	return NULL;
}

/* The running task's registers are its thread's. */
static void add_running_parts(struct snapshot *snapshot, const struct loop_record *loop,
			      struct task_record *task)
{
	struct memory *memory = &snapshot->image->memory;
	const struct image_thread *thread = find_thread(snapshot->image, loop->tid);
	uint64_t record = memory_pointer(memory, loop->address + loop->table->sched.thread);
	uint64_t co = memory_pointer(memory, record + loop->table->thread.self);
	add_parts(snapshot, loop->table, task, co, thread ? thread->registers.sp : 0);
	if (thread && task->part_count) {
		task->parts[0].registers = thread->registers;
		task->parts[0].has_registers = true;
	}
}

static void find_parts(struct snapshot *snapshot, const struct loop_record *loop,
		       struct task_record *task)
{
	const struct debug_offsets *table = loop->table;
	struct memory *memory = &snapshot->image->memory;
	if (memory_word(memory, task->address + table->coro.state, 1) != STATE_RUNNING)
		return;
	if (task->address == loop->running)
		add_running_parts(snapshot, loop, task);
	else
		add_parts(snapshot, table, task,
			  memory_pointer(memory, task->address + table->coro.at),
			  memory_pointer(memory, task->address + table->coro.context));
}

/* What of a stack is to be copied: from a little below its context to the end of its frame. */
static void choose_piece(struct snapshot *snapshot, const struct debug_offsets *table,
			 struct stack_part *part)
{
	uint64_t end = part->frame + table->frame.bytes, from = part->frame;
	uint64_t below = table->context == DEBUG_CONTEXT_X86_64 ? 0 : REGISTERS_BELOW;
	bool sane = part->context >= below && part->context < part->frame &&
		    part->frame - part->context < STACK_MOST - below;
	if (snapshot->stacks && sane && snapshot->stack_bytes < STACKS_MOST)
		from = part->context - below;
	if (end <= from || end - from > STACK_MOST + table->frame.bytes)
		return;
	part->piece = (struct piece){
		.start = from, .size = (size_t)(end - from), .bytes = malloc(end - from)};
	if (!part->piece.bytes)
		part->piece.size = 0;
	snapshot->stack_bytes += part->piece.size;
}

enum { BATCH = 1024 };

struct batch {
	struct memory *memory;
	const struct debug_offsets *table;
	struct piece pieces[BATCH];
	struct stack_part *parts[BATCH];
	size_t count;
};

/* A frame names its coroutine. It does not if it was written over, or is zeroes in a core file. */
static bool is_whole(const struct debug_offsets *table, const struct stack_part *part)
{
	uintptr_t co;
	uint64_t at = part->frame - part->piece.start + table->frame.co;
	if (at + sizeof(co) < at || at + sizeof(co) > part->piece.size)
		return false;
	memcpy(&co, part->piece.bytes + at, sizeof(co));
	return co == part->co;
}

static void batch_read(struct batch *batch)
{
	memory_read_pieces(batch->memory, batch->pieces, batch->count);
	for (size_t i = 0; i < batch->count; i++) {
		struct stack_part *part = batch->parts[i];
		part->piece.read = batch->pieces[i].read && is_whole(batch->table, part);
		if (part->piece.read)
			continue;
		free(part->piece.bytes);
		part->piece = (struct piece){0};
	}
	batch->count = 0;
}

static void batch_add(struct batch *batch, struct stack_part *part)
{
	if (part->piece.size == 0)
		return;
	if (batch->count == BATCH)
		batch_read(batch);
	batch->pieces[batch->count] = part->piece;
	batch->parts[batch->count++] = part;
}

static void read_stacks(struct snapshot *snapshot, const struct loop_record *loop)
{
	struct batch *batch = malloc(sizeof(*batch));
	if (!batch)
		return;
	batch->memory = &snapshot->image->memory;
	batch->table = loop->table;
	batch->count = 0;
	for (size_t i = 0; i < loop->task_count; i++) {
		struct task_record *task = &loop->tasks[i];
		find_parts(snapshot, loop, task);
		/* The parts do not move any more. */
		for (size_t j = 0; j < task->part_count; j++) {
			choose_piece(snapshot, loop->table, &task->parts[j]);
			batch_add(batch, &task->parts[j]);
		}
	}
	batch_read(batch);
	free(batch);
}

static uint64_t pointer_in(const struct snapshot *snapshot, const struct task_record *task,
			   uint64_t at)
{
	uintptr_t pointer;
	return snapshot_read(snapshot, task, at, &pointer, sizeof(pointer)) ? pointer : 0;
}

/* -- states */

static void measure_stack(const struct snapshot *snapshot, const struct loop_record *loop,
			  struct task_record *task)
{
	const struct debug_offsets *table = loop->table;
	const struct stack_part *own = &task->parts[task->part_count - 1];
	uint64_t low = pointer_in(snapshot, task, own->frame + table->frame.low);
	uint64_t size = pointer_in(snapshot, task, own->frame + table->frame.size);
	task->stack_bytes =
		memory_pointer(&snapshot->image->memory, size + table->stack_size.bytes);
	if (low < own->context && own->context < own->frame)
		task->stack_used = own->frame + table->frame.bytes - own->context;
}

static enum task_state state_of(struct snapshot *snapshot, const struct loop_record *loop,
				struct task_record *task)
{
	const struct debug_offsets *table = loop->table;
	struct memory *memory = &snapshot->image->memory;
	uint64_t state = memory_word(memory, task->address + table->coro.state, 1);
	if (memory_word(memory, task->address + table->spawned.future + table->future.done, 1))
		return TASK_DONE;
	if (task->address == loop->running)
		return TASK_RUNNING;
	if (state == STATE_CREATED)
		return TASK_CREATED;
	if (!task->part_count || !task->parts[task->part_count - 1].piece.read)
		return TASK_UNKNOWN;
	uint64_t wait = task->parts[task->part_count - 1].frame + table->frame.wait;
	uint64_t kind = pointer_in(snapshot, task, wait + table->wait.kind);
	if (!kind)
		return TASK_READY;
	wait_look(snapshot, loop, task, wait, kind);
	return TASK_WAITING;
}

/* -- loops */

static void read_loop(struct snapshot *snapshot, struct loop_record *loop)
{
	const struct debug_offsets *table = loop->table;
	struct memory *memory = &snapshot->image->memory;
	uint64_t at = loop->address;
	loop->tid = (int)memory_u32(memory, at + table->sched.tid);
	loop->runs = memory_pointer(memory, at + table->sched.runner);
	loop->running = memory_pointer(memory, at + table->sched.running);
	loop->virtual_clock = memory_word(memory, at + table->sched.virtual_clock, 1);
	loop->now = (int64_t)memory_word(memory, at + table->sched.now, 8);
	loop->spawned = memory_u32(memory, at + table->tasks.spawned);
	read_list(snapshot, loop, at + table->tasks.all, false);
	loop->own_count = loop->task_count;
	read_list(snapshot, loop, at + table->tasks.servants, true);
	for (size_t i = 0; i < loop->task_count; i++)
		read_task(snapshot, loop, &loop->tasks[i]);
	snapshot_sort(loop);
	read_stacks(snapshot, loop);
	for (size_t i = 0; i < loop->task_count; i++) {
		struct task_record *task = &loop->tasks[i];
		if (task->part_count)
			measure_stack(snapshot, loop, task);
		task->state = state_of(snapshot, loop, task);
	}
}

static void read_loops(struct snapshot *snapshot, const struct debug_offsets *table)
{
	struct memory *memory = &snapshot->image->memory;
	uint64_t link = memory_pointer(memory, table->loops), known = 0;
	for (size_t count = 0; link; count++) {
		uint64_t address = sizeof(void *) == 4 ? (uint32_t)~link : ~link;
		if (link == known || count >= LOOPS_MOST ||
		    !make_room(&snapshot->loops, snapshot->loop_count, sizeof(*snapshot->loops))) {
			snapshot->damaged = true;
			return;
		}
		if ((count & (count - 1)) == 0)
			known = link;
		struct loop_record *loop = &snapshot->loops[snapshot->loop_count++];
		*loop = (struct loop_record){.table = table, .address = address};
		read_loop(snapshot, loop);
		link = memory_pointer(memory, address + table->sched.next_loop);
	}
}

void snapshot_take(struct snapshot *ret, struct image *image, const struct debug_offsets *tables,
		   int table_count, bool stacks)
{
	*ret = (struct snapshot){.image = image, .stacks = stacks && registers_known()};
	for (int i = 0; i < table_count; i++)
		read_loops(ret, &tables[i]);
}
