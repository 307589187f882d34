/* SPDX-License-Identifier: MIT */
/*
 * A queue of pointers in a ring that grows. Room is reserved beforehand, or made by ring_fit just
 * before a push, so that a push cannot fail. An entry keeps its position for as long as it is in the
 * ring.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

struct ring {
	void **slots;
	size_t mask; /* the number of slots, a power of two, less one; all ones without slots */
	size_t head; /* position of the oldest entry */
	size_t tail; /* position of the next push */
	size_t reserved;
};

void ring_init(struct ring *ring);
void ring_finish(struct ring *ring);

/* Makes room for at least that number of entries in all. Returns 0 or -ENOMEM. */
int ring_grow(struct ring *ring, size_t entries);

/*
 * Reserves room for count more entries. Returns 0 or -ENOMEM. The entries in the ring count too,
 * since their reservations may have been given back. So a push with a reservation always has room.
 */
static inline int ring_reserve(struct ring *ring, size_t count)
{
	size_t wanted;
	if (__builtin_add_overflow(ring->reserved, count, &wanted))
		return -ENOMEM;
	size_t used = ring->tail - ring->head;
	if (wanted + used > ring->mask + 1) {
		int r = ring_grow(ring, wanted + used);
		if (r < 0)
			return r;
	}
	ring->reserved = wanted;
	return 0;
}

/* Gives back the reservation of count entries. */
static inline void ring_release(struct ring *ring, size_t count)
{
	ring->reserved -= count;
}

/* Makes room for one push without a reservation. Returns 0 or -ENOMEM. */
static inline int ring_fit(struct ring *ring)
{
	size_t used = ring->tail - ring->head;
	return used < ring->mask + 1 ? 0 : ring_grow(ring, used + 1);
}

static inline bool ring_empty(const struct ring *ring)
{
	return ring->head == ring->tail;
}

static inline size_t ring_count(const struct ring *ring)
{
	return ring->tail - ring->head;
}

static inline size_t ring_push(struct ring *ring, void *entry)
{
	ring->slots[ring->tail & ring->mask] = entry;
	return ring->tail++;
}

/* Puts an entry before the oldest. Like a push, it needs room made beforehand. */
static inline void ring_push_front(struct ring *ring, void *entry)
{
	ring->slots[--ring->head & ring->mask] = entry;
}

static inline void **ring_at(const struct ring *ring, size_t position)
{
	return &ring->slots[position & ring->mask];
}

static inline void *ring_pop(struct ring *ring)
{
	return ring->slots[ring->head++ & ring->mask];
}

/* Removes the newest entry and returns it. */
static inline void *ring_pop_back(struct ring *ring)
{
	return ring->slots[--ring->tail & ring->mask];
}

#endif
