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
