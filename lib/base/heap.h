/* SPDX-License-Identifier: MIT */
/*
 * A heap of nodes by key, with four children to a parent. The smallest key comes first; equal keys
 * come in the order inserted. The key lies beside the pointer, so that sifting reads no node. A node
 * knows its place, so that removing it is O(log n). Room is reserved beforehand, so that an insertion
 * cannot fail.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	size_t place;   /* index in the heap, or HEAP_NONE */
	uint64_t order; /* the number of its insertion, which orders equal keys */
};

#define HEAP_NONE ((size_t)-1)

struct heap_entry {
	int64_t key;
	struct heap_node *node;
};

struct heap {
	struct heap_entry *entries;
	size_t count, capacity, reserved;
	uint64_t inserted;
};

void heap_init(struct heap *heap);
void heap_finish(struct heap *heap);

/* Makes room for at least that number of nodes in all. Returns 0 or -ENOMEM. */
int heap_grow(struct heap *heap, size_t nodes);

/* Reserves room for count more nodes. Returns 0 or -ENOMEM. */
static inline int heap_reserve(struct heap *heap, size_t count)
{
	size_t wanted;
	if (__builtin_add_overflow(heap->reserved, count, &wanted))
		return -ENOMEM;
	if (wanted > heap->capacity) {
		int r = heap_grow(heap, wanted);
		if (r < 0)
			return r;
	}
	heap->reserved = wanted;
	return 0;
}

static inline void heap_release(struct heap *heap, size_t count)
{
	heap->reserved -= count;
}

static inline bool heap_empty(const struct heap *heap)
{
	return heap->count == 0;
}

/* Returns the smallest key. The heap must not be empty. */
static inline int64_t heap_first_key(const struct heap *heap)
{
	return heap->entries[0].key;
}

static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->entries[0].node;
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key);
void heap_remove(struct heap *heap, struct heap_node *node);

/*
 * Removes all nodes whose addresses are in [low, high). It does not touch them, since their memory
 * may be in use for something else. O(n).
 */
void heap_discard(struct heap *heap, const void *low, const void *high);

#endif
