/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

enum { SMALLEST = 64 };

void ring_init(struct ring *ring)
{
	*ring = (struct ring){.mask = (size_t)-1};
}

void ring_finish(struct ring *ring)
{
	free(ring->slots);
	ring_init(ring);
}

static int grow(struct ring *ring, size_t capacity)
{
	void **slots = malloc(capacity * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	/* Positions stay what they are; only the slot that a position falls on changes. */
	for (size_t at = ring->head; at != ring->tail; at++)
		slots[at & (capacity - 1)] = *ring_at(ring, at);
	free(ring->slots);
	ring->slots = slots;
	ring->mask = capacity - 1;
	return 0;
}

int ring_reserve(struct ring *ring, size_t count)
{
	if (count > SIZE_MAX / 2 / sizeof(void *) - ring->reserved)
		return -ENOMEM;
	size_t wanted = ring->reserved + count;
	size_t capacity = ring->mask + 1;
	if (wanted > capacity) {
		if (capacity == 0)
			capacity = SMALLEST;
		while (capacity < wanted)
			capacity *= 2;
		int r = grow(ring, capacity);
		if (r < 0)
			return r;
	}
	ring->reserved = wanted;
	return 0;
}
