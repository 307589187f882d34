/* SPDX-License-Identifier: MIT */
#include "debug/ps/table.h"

#include "debug/ps/complain.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, MAGIC = 16, CHUNK = 1 << 16, PAGE = 4096 };

struct search {
	struct image *image;
	struct debug_offsets *tables;
	int count;
	bool other; /* there is a table that cannot be used: */
	struct debug_offsets unusable;
	/* Bytes that may still be looked at. Parts of a damaged core file may be the same bytes. */
	uint64_t left;
};

static void look_at(struct search *search, uint64_t address)
{
	struct debug_offsets table;
	struct memory *memory = &search->image->memory;
	const size_t head = offsetof(struct debug_offsets, context);
	memset(&table, 0, sizeof(table));
	if (!memory_read(memory, address, &table, head) || table.self != address)
		return;
	if (table.version != DEBUG_VERSION || table.bytes < sizeof(table) ||
	    table.pointer_bytes != sizeof(void *) ||
	    !memory_read(memory, address, &table, sizeof(table))) {
		search->other = true;
		search->unusable = table;
	} else if (search->count < TABLES) {
		search->tables[search->count++] = table;
	}
}

/* A chunk begins and ends at a multiple of the alignment, so that no magic lies in two. */
static void look_in(struct search *search, const unsigned char *bytes, size_t size,
		    uint64_t address)
{
	for (size_t at = 0; at + MAGIC <= size; at += ALIGNMENT)
		if (memcmp(bytes + at, DEBUG_MAGIC, MAGIC) == 0)
			look_at(search, address + at);
}

static bool look_in_chunk(struct search *search, unsigned char *room, uint64_t from, size_t size)
{
	struct piece piece = {.start = from, .size = size, .bytes = room};
	memory_read_pieces(&search->image->memory, &piece, 1);
	if (piece.read)
		look_in(search, room, size, from);
	return piece.read;
}

/* Page by page where a chunk cannot be read as a whole. */
static void look_in_region(struct search *search, unsigned char *room, const struct region *region)
{
	uint64_t at = region->start, end = region->start + region->held;
	while (at < end && search->left > 0) {
		uint64_t left = end - at < search->left ? end - at : search->left;
		size_t size = left < CHUNK ? (size_t)left : CHUNK;
		search->left -= size;
		if (look_in_chunk(search, room, at, size)) {
			at += size;
			continue;
		}
		for (size_t page = 0; page < size; page += PAGE)
			look_in_chunk(search, room, at + page,
				      size - page < PAGE ? size - page : PAGE);
		at += size;
	}
}

static bool has_paths(const struct image *image)
{
	for (size_t i = 0; i < image->region_count; i++)
		if (image->regions[i].path)
			return true;
	return false;
}

static int say_none(const struct search *search, const char *what)
{
	const struct debug_offsets *table = &search->unusable;
	unsigned version = table->library_version;
	if (!search->other && search->image->truncated)
		return complain("%s is truncated: what is left has no libcoro", what);
	if (!search->other)
		return complain("%s has no libcoro, or one without a table for coro-ps", what);
	if (table->pointer_bytes != sizeof(void *))
		return complain("%s has %u bits: this coro-ps reads those with %u", what,
				table->pointer_bytes * 8, (unsigned)sizeof(void *) * 8);
	return complain("%s has libcoro %u.%u.%u, whose table has version %u, %u bytes: this "
			"coro-ps reads version %u, %u bytes",
			what, version >> 16, version >> 8 & 0xff, version & 0xff, table->version,
			table->bytes, DEBUG_VERSION, (unsigned)sizeof(*table));
}

int tables_find(struct image *image, const char *what, struct debug_offsets ret[TABLES])
{
	struct search search = {.image = image, .tables = ret, .left = UINT64_C(1) << 36};
	if (image->core)
		search.left = image->core_bytes;
	bool files_only = has_paths(image);
	unsigned char *room = malloc(CHUNK);
	if (!room)
		return complain("out of memory");
	for (size_t i = 0; i < image->region_count; i++) {
		const struct region *region = &image->regions[i];
		if (region->writable && (region->path || !files_only))
			look_in_region(&search, room, region);
	}
	free(room);
	return search.count ? search.count : say_none(&search, what);
}
