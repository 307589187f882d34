/* SPDX-License-Identifier: MIT */
#include "base/slab.h"

#include "base/sanitize.h"

#include <stdint.h>
#include <stdlib.h>

/* A chunk leaves the malloc header of the next one room, so that chunks can lie one after another. */
enum { CHUNK_ALIGN = 64 * 1024, CHUNK = CHUNK_ALIGN - 64 };

/* At the start of its memory, which is aligned so that an object finds its own. */
struct slab_chunk {
	struct slab *slab; /* NULL: the slab is finished */
	struct slab_chunk *next;
	size_t used;
};

void slab_init(struct slab *slab, size_t size)
{
	*slab = (struct slab){.size = size};
}

void slab_finish(struct slab *slab)
{
	struct slab_chunk *next;
	for (struct slab_chunk *chunk = slab->chunks; chunk; chunk = next) {
		next = chunk->next;
		chunk->slab = NULL;
		if (chunk->used == 0)
			free(chunk);
	}
	slab_init(slab, slab->size);
}

static struct slab_chunk *chunk_of(const void *object)
{
	return (struct slab_chunk *)((uintptr_t)object & ~(uintptr_t)(CHUNK_ALIGN - 1));
}

static void *alloc_fresh(struct slab *slab)
{
	if (slab->fresh == slab->end) {
		void *memory;
		if (posix_memalign(&memory, CHUNK_ALIGN, CHUNK) != 0)
			return NULL;
		struct slab_chunk *chunk = memory;
		*chunk = (struct slab_chunk){.slab = slab, .next = slab->chunks};
		slab->chunks = chunk;
		slab->fresh = (char *)(chunk + 1);
		slab->end = slab->fresh + (CHUNK - sizeof(*chunk)) / slab->size * slab->size;
	}
	void *object = slab->fresh;
	slab->fresh += slab->size;
	return object;
}

void *slab_alloc(struct slab *slab)
{
	if (SANITIZED)
		return malloc(slab->size);
	void *object = slab->free;
	if (object)
		slab->free = *(void **)object;
	else
		object = alloc_fresh(slab);
	if (object)
		chunk_of(object)->used++;
	return object;
}

void slab_free(void *object)
{
	if (SANITIZED) {
		free(object);
		return;
	}
	struct slab_chunk *chunk = chunk_of(object);
	chunk->used--;
	if (chunk->slab) {
		*(void **)object = chunk->slab->free;
		chunk->slab->free = object;
	} else if (chunk->used == 0) {
		free(chunk);
	}
}
