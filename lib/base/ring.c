/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include "base/memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

enum { SMALLEST = 16 };

void ring_init(struct ring *ring)
{
	*ring = (struct ring){.mask = (size_t)-1};
}

void ring_finish(struct ring *ring)
{
	free(ring->slots);
	ring_init(ring);
}

static int set_capacity(struct ring *ring, size_t capacity)
{
	void **slots = memory_alloc(capacity * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	/* Entries keep their positions; only the slot of a position changes. */
	for (size_t at = ring->head; at != ring->tail; at++)
		slots[at & (capacity - 1)] = *ring_at(ring, at);
	free(ring->slots);
	ring->slots = slots;
	ring->mask = capacity - 1;
	return 0;
}

int ring_grow(struct ring *ring, size_t entries)
{
	size_t capacity = ring->slots ? ring->mask + 1 : SMALLEST;
	if (entries > SIZE_MAX / 2 / sizeof(void *))
		return -ENOMEM;
	while (capacity < entries)
		capacity *= 2;
	return set_capacity(ring, capacity);
}
