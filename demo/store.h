/* SPDX-License-Identifier: MIT */
/* A table of texts by name, some of which expire: what resp_server keeps. */
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
	int64_t expires; /* coro_clock's time; INT64_MAX: never */
	struct text name, value;
	char *bytes; /* of the value */
	char own[];  /* bytes of the name */
};

struct store {
	struct entry **buckets;
	size_t mask; /* buckets - 1 */
	size_t count;
	uint64_t seed; /* so that nobody can choose names that fall into one bucket */
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

/* FNV-1a from the seed, mixed at its end. */
static inline uint64_t store_hash(const struct store *store, struct text name)
{
	uint64_t hash = store->seed ^ UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < name.length; i++)
		hash = (hash ^ (unsigned char)name.bytes[i]) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	hash *= UINT64_C(0xd6e8feb86659fd93) ^ store->seed << 1;
	return hash ^ hash >> 32;
}

static inline void entry_free(struct entry *entry)
{
	free(entry->bytes);
	free(entry);
}

/* Where the entry of that name is linked, or would be. Those that it meets expired go. */
static inline struct entry **store_place(struct store *store, struct text name, int64_t now)
{
	uint64_t hash = store_hash(store, name);
	struct entry **at = &store->buckets[hash & store->mask], *entry;
	while ((entry = *at)) {
		if (entry->expires <= now) {
			*at = entry->next;
			entry_free(entry);
			store->count--;
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

/* Calls fn for each entry that has not expired; those that have go. */
static inline void store_each(struct store *store, int64_t now,
			      void (*fn)(struct entry *entry, void *arg), void *arg)
{
	for (size_t i = 0; i <= store->mask; i++) {
		struct entry **at = &store->buckets[i], *entry;
		while ((entry = *at)) {
			if (entry->expires <= now) {
				*at = entry->next;
				entry_free(entry);
				store->count--;
				continue;
			}
			if (fn)
				fn(entry, arg);
			at = &entry->next;
		}
	}
}

/* Twice as many buckets; without memory it goes on as it is. */
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
	memcpy(entry->own, name.bytes, name.length);
	entry->name = (struct text){entry->own, name.length};
	*bucket = entry;
	store->count++;
	return entry;
}

/* Sets a value, which is copied; the entry, NULL without memory. */
static inline struct entry *store_set(struct store *store, struct text name, struct text value,
				      int64_t now)
{
	char *bytes = malloc(value.length + 1);
	struct entry *entry = bytes ? store_get(store, name, now) : NULL;
	if (bytes && !entry)
		entry = store_add(store, name, now);
	if (!entry) {
		free(bytes);
		return NULL;
	}
	memcpy(bytes, value.bytes, value.length);
	free(entry->bytes);
	entry->bytes = bytes;
	entry->value = (struct text){bytes, value.length};
	return entry;
}

static inline bool store_delete(struct store *store, struct text name, int64_t now)
{
	struct entry **at = store_place(store, name, now), *entry = *at;
	if (!entry)
		return false;
	*at = entry->next;
	entry_free(entry);
	store->count--;
	return true;
}

static inline void store_clear(struct store *store)
{
	store_each(store, INT64_MAX, NULL, NULL); /* by then all have expired */
}

#endif
