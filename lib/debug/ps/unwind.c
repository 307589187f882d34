/* SPDX-License-Identifier: MIT */
#include "debug/ps/unwind.h"

void unwind_locate(const struct image *image, uint64_t pc, struct call_site *ret)
{
	const struct region *region = image_region(image, pc);
	*ret = (struct call_site){.pc = pc};
	if (!region || !region->path)
		return;
	ret->module = region->path;
	ret->offset = region->offset + (pc - region->start);
}

uint64_t unwind_body_address(const struct snapshot *snapshot, const struct loop_record *loop,
			     const struct task_record *task)
{
	uintptr_t fn;
	if (!task->part_count)
		return 0;
	const struct stack_part *own = &task->parts[task->part_count - 1];
	if (!own->piece.read ||
	    !snapshot_read(snapshot, task, own->frame + loop->table->frame.fn, &fn, sizeof(fn)))
		return 0;
	return fn;
}
