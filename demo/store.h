/* SPDX-License-Identifier: MIT */
/* What resp_server keeps: values by name, some of which expire. A hash table with chaining. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct text {
	const char *bytes;
	size_t length;
};

struct entry {
	struct entry *next; /* in its bucket */
	uint64_t hash;
	int64_t expires; /* in coro_clock's time; INT64_MAX: never */
	struct text name, value;
	char *value_bytes;
	char name_bytes[];
};

enum { STORE_MAX = 1 << 30 }; /* bytes of names, values and entries together */

struct store {
	struct entry **buckets;
	size_t mask; /* number of buckets - 1; that number is a power of 2 */
	size_t count;
	size_t bytes;  /* see STORE_MAX */
	uint64_t seed; /* of the hash: random, so that nobody can fill one bucket on purpose */
};

static inline bool text_equal(struct text a, struct text b)
{
	return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static inline bool store_init(struct store *store, uint64_t seed)
{
	enum { FIRST = 1024 };
	*store = (struct store){.mask = FIRST - 1, .seed = seed};
	store->buckets = calloc(FIRST, sizeof(*store->buckets));
	return store->buckets;
}

/* FNV-1a that starts at the seed, with a final mix. */
static inline uint64_t store_hash(const struct store *store, struct text name)
{
	uint64_t hash = store->seed ^ UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < name.length; i++)
		hash = (hash ^ (unsigned char)name.bytes[i]) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	hash *= UINT64_C(0xd6e8feb86659fd93) ^ store->seed << 1;
	return hash ^ hash >> 32;
}

static inline size_t entry_size(const struct entry *entry)
{
	return sizeof(*entry) + entry->name.length + entry->value.length;
}

/* Unlinks and frees *at. */
static inline void store_remove(struct store *store, struct entry **at)
{
	struct entry *entry = *at;
	*at = entry->next;
	store->count--;
	store->bytes -= entry_size(entry);
	free(entry->value_bytes);
	free(entry);
}

/*
 * Returns the place of the pointer to the entry with this name, or of the NULL at the end of its
 * bucket. Removes the expired entries on the way.
 */
static inline struct entry **store_place(struct store *store, struct text name, int64_t now)
{
	uint64_t hash = store_hash(store, name);
	struct entry **at = &store->buckets[hash & store->mask], *entry;
	while ((entry = *at)) {
		if (entry->expires <= now) {
			store_remove(store, at);
		} else if (entry->hash == hash && text_equal(entry->name, name)) {
			break;
		} else {
			at = &entry->next;
		}
	}
	return at;
}

static inline struct entry *store_get(struct store *store, struct text name, int64_t now)
{
	return *store_place(store, name, now);
}

/* Calls fn, unless NULL, for each entry. Removes the expired ones first. */
static inline void store_each(struct store *store, int64_t now,
			      void (*fn)(struct entry *entry, void *arg), void *arg)
{
	for (size_t i = 0; i <= store->mask; i++) {
		struct entry **at = &store->buckets[i], *entry;
		while ((entry = *at)) {
			if (entry->expires <= now) {
				store_remove(store, at);
				continue;
			}
			if (fn)
				fn(entry, arg);
			at = &entry->next;
		}
	}
}

/* Doubles the number of buckets. Without memory the old ones stay: slower, and still right. */
static inline void store_grow(struct store *store, int64_t now)
{
	store_each(store, now, NULL, NULL);
	if (store->count <= store->mask)
		return;
	struct entry **old = store->buckets, *entry;
	size_t count = store->mask + 1;
	struct entry **buckets = calloc(2 * count, sizeof(*buckets));
	if (!buckets)
		return;
	store->buckets = buckets;
	store->mask = 2 * count - 1;
	for (size_t i = 0; i < count; i++)
		while ((entry = old[i])) {
			old[i] = entry->next;
			entry->next = buckets[entry->hash & store->mask];
			buckets[entry->hash & store->mask] = entry;
		}
	free(old);
}

static inline struct entry *store_add(struct store *store, struct text name, int64_t now)
{
	if (store->count > store->mask)
		store_grow(store, now);
	struct entry *entry = malloc(sizeof(*entry) + name.length);
	if (!entry)
		return NULL;
	uint64_t hash = store_hash(store, name);
	struct entry **bucket = &store->buckets[hash & store->mask];
	*entry = (struct entry){.next = *bucket, .hash = hash, .expires = INT64_MAX};
	memcpy(entry->name_bytes, name.bytes, name.length);
	entry->name = (struct text){entry->name_bytes, name.length};
	*bucket = entry;
	store->count++;
	store->bytes += entry_size(entry);
	return entry;
}

/*
 * Copies a value into the store. Returns its entry; NULL without memory, or if the store is full.
 */
static inline struct entry *store_set(struct store *store, struct text name, struct text value,
				      int64_t now)
{
	size_t size = sizeof(struct entry) + name.length + value.length;
	char *bytes = store->bytes + size <= STORE_MAX ? malloc(value.length + 1) : NULL;
	struct entry *entry = bytes ? store_get(store, name, now) : NULL;
	if (bytes && !entry)
		entry = store_add(store, name, now);
	if (!entry) {
		free(bytes);
		return NULL;
	}
	memcpy(bytes, value.bytes, value.length);
	store->bytes += value.length - entry->value.length;
	free(entry->value_bytes);
	entry->value_bytes = bytes;
	entry->value = (struct text){bytes, value.length};
	return entry;
}

static inline bool store_delete(struct store *store, struct text name, int64_t now)
{
	struct entry **at = store_place(store, name, now);
	if (!*at)
		return false;
	store_remove(store, at);
	return true;
}

static inline void store_clear(struct store *store)
{
	store_each(store, INT64_MAX, NULL, NULL); /* all have expired by then */
}

#endif
