/* SPDX-License-Identifier: MIT */
#include "debug/ps/image.h"

#include <stdlib.h>
#include <string.h>

static int by_address(const void *a, const void *b)
{
	const struct region *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

void image_sort_regions(struct image *image)
{
	if (image->region_count)
		qsort(image->regions, image->region_count, sizeof(*image->regions), by_address);
}

const struct region *image_region(const struct image *image, uint64_t address)
{
	size_t low = 0, high = image->region_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct region *region = &image->regions[middle];
		if (address < region->start)
			high = middle;
		else if (address >= region->end)
			low = middle + 1;
		else
			return region;
	}
	return NULL;
}

/* Makes room for one more. Arrays grow when their count is a power of two. */
static void *room_for(void *array, size_t count, size_t size)
{
	if (count & (count - 1))
		return array;
	return realloc(array, (count ? count * 2 : 1) * size);
}

bool image_add_region(struct image *image, const struct region *region)
{
	struct region *regions = room_for(image->regions, image->region_count, sizeof(*regions));
	if (!regions)
		return false;
	image->regions = regions;
	regions[image->region_count] = *region;
	if (region->path && !(regions[image->region_count].path = strdup(region->path)))
		return false;
	image->region_count++;
	return true;
}

struct image_thread *image_add_thread(struct image *image, int tid)
{
	struct image_thread *threads =
		room_for(image->threads, image->thread_count, sizeof(*threads));
	if (!threads)
		return NULL;
	image->threads = threads;
	threads[image->thread_count] = (struct image_thread){.tid = tid};
	return &threads[image->thread_count++];
}

void image_finish(struct image *image)
{
	if (image->finish)
		image->finish(image);
	memory_finish(&image->memory);
	for (size_t i = 0; i < image->region_count; i++)
		free(image->regions[i].path);
	free(image->regions);
	free(image->threads);
	image->regions = NULL;
	image->threads = NULL;
	image->region_count = image->thread_count = 0;
}
