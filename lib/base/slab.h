/* SPDX-License-Identifier: MIT */
/*
 * Objects of one size, packed into chunks. An object has no header, and the object freed last is
 * reused first. An object may outlive its slab; its chunk is freed with the chunk's last object.
 *
 * Under valgrind and in programs with AddressSanitizer, an object has a chunk of its own, which
 * belongs to no slab. So these tools see each object that is lost or used after its end. That costs
 * address space, so beyond a number of such objects they are packed like all others.
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
	struct slab_chunk *chunks; /* the newest first; new objects are cut from that one */
	char *fresh, *end;         /* the part of the newest chunk that was never handed out */
	bool apart;                /* objects have chunks of their own */
};

/* The header of a chunk. Chunks are aligned, so that an object's address leads to it. */
struct slab_chunk {
	struct slab *slab; /* NULL when the slab is finished, and for an object apart */
	struct slab_chunk *next;
	size_t used;           /* objects cut from it; when the slab is finished, objects in use */
} __attribute__((aligned(8))); /* and so are the objects behind it */

/* A chunk leaves room for malloc's header of the next, so that chunks can lie side by side. */
enum { SLAB_CHUNK_ALIGN = 64 * 1024, SLAB_CHUNK = SLAB_CHUNK_ALIGN - 64 };

/* Initializes a slab. size is a multiple of 8, at most 1,024. */
void slab_init(struct slab *slab, size_t size);

/* Frees all chunks but those with objects in use, which are freed with their last object. */
void slab_finish(struct slab *slab);

/* Returns an object that was never in use, or NULL without memory. */
void *slab_alloc_fresh(struct slab *slab);

/* The last object of a chunk without slab was given back: frees the chunk. */
void slab_free_last(struct slab_chunk *chunk);

static inline struct slab_chunk *slab_chunk_of(const void *object)
{
	return (struct slab_chunk *)((uintptr_t)object & ~(uintptr_t)(SLAB_CHUNK_ALIGN - 1));
}

/* Whether there is no freed object to reuse. */
static inline bool slab_exhausted(const struct slab *slab)
{
	return !slab->free;
}

/* Returns the object freed last. The slab must not be exhausted. */
static inline void *slab_reuse(struct slab *slab)
{
	void *object = slab->free;
	slab->free = *(void **)object;
	return object;
}

/* Returns an object that is not cleared, or NULL without memory. */
static inline void *slab_alloc(struct slab *slab)
{
	if (SANITIZED)
		return malloc(slab->size);
	return slab_exhausted(slab) ? slab_alloc_fresh(slab) : slab_reuse(slab);
}

/* Gives an object back to its slab, which may be finished. The object must not be NULL. */
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
		slab_free_last(chunk);
	}
}

#endif
