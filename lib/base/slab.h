/* SPDX-License-Identifier: MIT */
/*
 * Objects of one size, packed into chunks: no header per object, and last freed, first reused. An object may
 * outlive its slab: its chunk goes when its last object does.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>

struct slab_chunk;

struct slab {
	size_t size;
	void *free;                /* the first free object, which holds a pointer to the next */
	struct slab_chunk *chunks; /* the newest first; objects are cut from it alone */
	char *fresh, *end;         /* what of it was never handed out */
};

/* size: a multiple of 8, at most 1,024. */
void slab_init(struct slab *slab, size_t size);

/* Gives all memory back but that of objects still in use, which goes when they are freed. */
void slab_finish(struct slab *slab);

/* An object, not cleared; NULL without memory. */
void *slab_alloc(struct slab *slab);

/* Gives an object back to the slab that it came from, which may be finished. NULL is not fine. */
void slab_free(void *object);

#endif
