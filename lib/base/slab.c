/* SPDX-License-Identifier: MIT */
#include "base/slab.h"

#include "base/memory.h"

/* -- objects apart */

/* How many there may be at a time, in all slabs. */
enum { APART_MOST = 256 };

static unsigned apart_count; /* atomic */

/* The value of `next` in the chunk of an object apart. */
static struct slab_chunk apart;

static void *alloc_apart(size_t size)
{
	void *memory;
	if (memory_fails() ||
	    posix_memalign(&memory, SLAB_CHUNK_ALIGN, sizeof(struct slab_chunk) + size) != 0)
		return NULL;
	struct slab_chunk *chunk = memory;
	*chunk = (struct slab_chunk){.next = &apart, .used = 1};
	__atomic_add_fetch(&apart_count, 1, __ATOMIC_RELAXED);
	return chunk + 1;
}

void slab_free_last(struct slab_chunk *chunk)
{
	if (chunk->next == &apart)
		__atomic_sub_fetch(&apart_count, 1, __ATOMIC_RELAXED);
	free(chunk);
}

/* -- slabs */

void slab_init(struct slab *slab, size_t size)
{
	*slab = (struct slab){.size = size, .apart = sanitize_watches_memory()};
}

void slab_finish(struct slab *slab)
{
	struct slab_chunk *next;
	for (void *object = slab->free; object; object = *(void **)object)
		slab_chunk_of(object)->used--;
	for (struct slab_chunk *chunk = slab->chunks; chunk; chunk = next) {
		next = chunk->next;
		chunk->slab = NULL;
		if (chunk->used == 0)
			free(chunk);
	}
	slab_init(slab, slab->size);
}

static int add_chunk(struct slab *slab)
{
	void *memory;
	if (memory_fails() || posix_memalign(&memory, SLAB_CHUNK_ALIGN, SLAB_CHUNK) != 0)
		return -1;
	struct slab_chunk *chunk = memory;
	*chunk = (struct slab_chunk){.slab = slab, .next = slab->chunks};
	slab->chunks = chunk;
	slab->fresh = (char *)(chunk + 1);
	slab->end = slab->fresh + (SLAB_CHUNK - sizeof(*chunk)) / slab->size * slab->size;
	return 0;
}

void *slab_alloc_fresh(struct slab *slab)
{
	if (slab->apart && __atomic_load_n(&apart_count, __ATOMIC_RELAXED) < APART_MOST)
		return alloc_apart(slab->size);
	if (slab->fresh == slab->end && add_chunk(slab) < 0)
		return NULL;
	void *object = slab->fresh;
	slab->fresh += slab->size;
	slab_chunk_of(object)->used++;
	return object;
}
