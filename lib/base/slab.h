/* SPDX-License-Identifier: MIT */
/*
 * Objects of one size, packed into chunks: no header per object, and last freed, first reused. An
 * object may outlive its slab: its chunk goes when its last object does.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/sanitize.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct slab {
	size_t size;
	void *free;                /* the first free object, which holds a pointer to the next */
	struct slab_chunk *chunks; /* the newest first; objects are cut from it alone */
	char *fresh, *end;         /* what of it was never handed out */
};

/* At the start of a chunk, whose memory is aligned so that an object finds it. */
struct slab_chunk {
	struct slab *slab; /* NULL: the slab is finished */
	struct slab_chunk *next;
	size_t used; /* objects cut from it, free or not; once the slab is finished, those in use */
};

/*
 * A chunk leaves the malloc header of the next one room, so that chunks can lie one after another.
 */
enum { SLAB_CHUNK_ALIGN = 64 * 1024, SLAB_CHUNK = SLAB_CHUNK_ALIGN - 64 };

/* size: a multiple of 8, at most 1,024. */
void slab_init(struct slab *slab, size_t size);

/* Gives all memory back but that of objects still in use, which goes when they are freed. */
void slab_finish(struct slab *slab);

/* An object that was never in use. */
void *slab_alloc_fresh(struct slab *slab);

static inline struct slab_chunk *slab_chunk_of(const void *object)
{
	return (struct slab_chunk *)((uintptr_t)object & ~(uintptr_t)(SLAB_CHUNK_ALIGN - 1));
}

/* Whether there is none to be used again. */
static inline bool slab_exhausted(const struct slab *slab)
{
	return !slab->free;
}

/* The object freed last. */
static inline void *slab_reuse(struct slab *slab)
{
	void *object = slab->free;
	slab->free = *(void **)object;
	return object;
}

/* An object, not cleared; NULL without memory. */
static inline void *slab_alloc(struct slab *slab)
{
	if (SANITIZED)
		return malloc(slab->size);
	return slab_exhausted(slab) ? slab_alloc_fresh(slab) : slab_reuse(slab);
}

/* Gives an object back to the slab that it came from, which may be finished. NULL is not fine. */
static inline void slab_free(void *object)
{
	if (SANITIZED) {
		free(object);
		return;
	}
	struct slab_chunk *chunk = slab_chunk_of(object);
	struct slab *slab = chunk->slab;
	if (slab) {
		*(void **)object = slab->free;
		slab->free = object;
	} else if (--chunk->used == 0) {
		free(chunk);
	}
}

#endif
