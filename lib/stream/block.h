/* SPDX-License-Identifier: MIT */
/* A block of buffered bytes, written at its end and read from its beginning. */
#ifndef STREAM_BLOCK_H
#define STREAM_BLOCK_H

#include <stddef.h>

struct block {
	struct block *next;
	size_t size;
	size_t begin, end; /* of the bytes in it */
	char bytes[];      /* size, and one for a NUL behind them */
};

/* The usual size, with and without the header. */
enum { BLOCK_ALL = 65536, BLOCK_SIZE = BLOCK_ALL - sizeof(struct block) - 1 };

/* A few blocks that were given back are kept for the next block_create. */
struct blocks {
	struct block *spare;
	unsigned count;
};

void blocks_finish(struct blocks *blocks);

/* Makes an empty block for at least size bytes. NULL without memory. */
struct block *block_create(struct blocks *blocks, size_t size);

/* Gives a block back. NULL is fine. */
void block_destroy(struct blocks *blocks, struct block *block);

/*
 * Moves the bytes to a new block for at least size bytes, which must hold them, and gives the old
 * one back. NULL without memory, with the old block as it was.
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
