/* SPDX-License-Identifier: MIT */
#include "stream/block.h"

#include "base/memory.h"
#include "base/sanitize.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE = 16 };

void blocks_finish(struct blocks *blocks)
{
	struct block *block;
	while ((block = blocks->spare)) {
		blocks->spare = block->next;
		free(block);
	}
	blocks->count = 0;
}

struct block *block_create(struct blocks *blocks, size_t size)
{
	struct block *block = blocks->spare;
	if (block && size == BLOCK_SIZE) {
		blocks->spare = block->next;
		blocks->count--;
	} else {
		bool fits = size < SIZE_MAX - sizeof(*block);
		block = fits ? memory_alloc(sizeof(*block) + size + 1) : NULL;
		if (!block)
			return NULL;
	}
	block->next = NULL;
	block->size = size;
	block->begin = block->end = 0;
	return block;
}

void block_destroy(struct blocks *blocks, struct block *block)
{
	if (!block)
		return;
	if (block->size == BLOCK_SIZE && blocks->count < SPARE && !SANITIZED) {
		block->next = blocks->spare;
		blocks->spare = block;
		blocks->count++;
	} else {
		free(block);
	}
}

struct block *block_move(struct blocks *blocks, struct block *block, size_t size)
{
	struct block *moved = block_create(blocks, size);
	if (!moved)
		return NULL;
	moved->end = block_length(block);
	memcpy(moved->bytes, block->bytes + block->begin, moved->end);
	block_destroy(blocks, block);
	return moved;
}
