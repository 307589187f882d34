/* SPDX-License-Identifier: MIT */
/* A piece of memory that bytes are buffered in: written at its end, read from its beginning. */
#ifndef STREAM_BLOCK_H
#define STREAM_BLOCK_H

#include <stddef.h>

struct block {
	struct block *next;
	size_t size;
	size_t begin, end; /* what is in it */
	char bytes[];      /* and room for a NUL behind them */
};

/* The usual one, all in all. */
enum { BLOCK_ALL = 65536, BLOCK_SIZE = BLOCK_ALL - sizeof(struct block) - 1 };

/* The last few that were given back are kept, and their memory is warm. */
struct blocks {
	struct block *spare;
	unsigned count;
};

void blocks_finish(struct blocks *blocks);

/* An empty one for at least so many bytes: NULL without memory. */
struct block *block_create(struct blocks *blocks, size_t size);

/* NULL is fine. */
void block_destroy(struct blocks *blocks, struct block *block);

/*
 * Moves what is in it to another for so many bytes, no fewer than there are: NULL without memory,
 * and then it is as it was.
 */
struct block *block_move(struct blocks *blocks, struct block *block, size_t size);

static inline size_t block_length(const struct block *block)
{
	return block->end - block->begin;
}

static inline size_t block_room(const struct block *block)
{
	return block->size - block->end;
}

#endif
