/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>

enum { ARITY = 4, SMALLEST = 64 };

void heap_init(struct heap *heap)
{
	*heap = (struct heap){0};
}

void heap_finish(struct heap *heap)
{
	free(heap->entries);
	heap_init(heap);
}

int heap_grow(struct heap *heap, size_t nodes)
{
	size_t capacity = heap->capacity ? heap->capacity : SMALLEST;
	if (nodes > SIZE_MAX / 2 / sizeof(struct heap_entry))
		return -ENOMEM;
	while (capacity < nodes)
		capacity *= 2;
	struct heap_entry *entries = memory_resize(heap->entries, capacity * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	heap->entries = entries;
	heap->capacity = capacity;
	return 0;
}

static bool before(struct heap_entry a, struct heap_entry b)
{
	return a.key != b.key ? a.key < b.key : a.node->order < b.node->order;
}

static void put(struct heap *heap, size_t place, struct heap_entry entry)
{
	heap->entries[place] = entry;
	entry.node->place = place;
}

/* Moves the hole at place towards the root until entry fits in. */
static void sift_up(struct heap *heap, size_t place, struct heap_entry entry)
{
	while (place > 0) {
		size_t parent = (place - 1) / ARITY;
		if (!before(entry, heap->entries[parent]))
			break;
		put(heap, place, heap->entries[parent]);
		place = parent;
	}
	put(heap, place, entry);
}

static size_t smallest_child(const struct heap *heap, size_t place)
{
	size_t first = place * ARITY + 1;
	size_t end = first + ARITY < heap->count ? first + ARITY : heap->count;
	size_t smallest = first;
	for (size_t child = first + 1; child < end; child++)
		if (before(heap->entries[child], heap->entries[smallest]))
			smallest = child;
	return smallest;
}

/* Moves the hole at place towards the leaves until entry fits in. */
static void sift_down(struct heap *heap, size_t place, struct heap_entry entry)
{
	while (place * ARITY + 1 < heap->count) {
		size_t child = smallest_child(heap, place);
		if (!before(heap->entries[child], entry))
			break;
		put(heap, place, heap->entries[child]);
		place = child;
	}
	put(heap, place, entry);
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
	node->order = heap->inserted++;
	sift_up(heap, heap->count++, (struct heap_entry){key, node});
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t place = node->place;
	struct heap_entry last = heap->entries[--heap->count];
	node->place = HEAP_NONE;
	if (last.node == node)
		return;
	/* The last entry fills the hole, and moves up or down from there. */
	if (place > 0 && before(last, heap->entries[(place - 1) / ARITY]))
		sift_up(heap, place, last);
	else
		sift_down(heap, place, last);
}

void heap_discard(struct heap *heap, const void *low, const void *high)
{
	size_t kept = 0;
	for (size_t place = 0; place < heap->count; place++) {
		const char *node = (const char *)heap->entries[place].node;
		if (node < (const char *)low || node >= (const char *)high)
			heap->entries[kept++] = heap->entries[place];
	}
	heap->count = kept;
	/* Makes a heap of the entries that are left, from the leaves upwards. */
	for (size_t place = kept; place-- > 0;)
		sift_down(heap, place, heap->entries[place]);
}
