/* SPDX-License-Identifier: MIT */
#include "debug/ps/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, MOST = 1 << 18 }; /* a GiB at most is kept */

struct page {
	uint64_t start;
	unsigned char *bytes; /* NULL: an empty place */
	bool there;
};

void memory_init(struct memory *memory, struct source *source)
{
	*memory = (struct memory){.source = source};
}

void memory_finish(struct memory *memory)
{
	for (size_t i = 0; i < memory->slots; i++)
		free(memory->pages[i].bytes);
	free(memory->pages);
	*memory = (struct memory){.source = memory->source};
}

/* -- pages */

static struct page *place_of(struct page *pages, size_t slots, uint64_t start)
{
	size_t at = (size_t)((start / PAGE) * UINT64_C(0x9e3779b97f4a7c15) >> 20);
	for (;; at++) {
		struct page *page = &pages[at & (slots - 1)];
		if (!page->bytes || page->start == start)
			return page;
	}
}

static bool grow(struct memory *memory)
{
	size_t slots = memory->slots ? memory->slots * 2 : 256;
	struct page *pages = calloc(slots, sizeof(*pages));
	if (!pages)
		return false;
	for (size_t i = 0; i < memory->slots; i++)
		if (memory->pages[i].bytes)
			*place_of(pages, slots, memory->pages[i].start) = memory->pages[i];
	free(memory->pages);
	memory->pages = pages;
	memory->slots = slots;
	return true;
}

/* The page at that address, read now or before. NULL without memory. */
static struct page *page_at(struct memory *memory, uint64_t start)
{
	if (memory->slots) {
		struct page *page = place_of(memory->pages, memory->slots, start);
		if (page->bytes)
			return page;
	}
	if (memory->count >= MOST || (memory->count * 2 >= memory->slots && !grow(memory)))
		return NULL;
	struct piece piece = {.start = start, .size = PAGE, .bytes = calloc(1, PAGE)};
	if (!piece.bytes)
		return NULL;
	memory->source->read(memory->source, &piece, 1);
	struct page *page = place_of(memory->pages, memory->slots, start);
	*page = (struct page){.start = start, .bytes = piece.bytes, .there = piece.read};
	memory->count++;
	return page;
}

/* -- reading */

static bool read_unkept(struct memory *memory, uint64_t at, void *ret, size_t size)
{
	struct piece piece = {.start = at, .size = size, .bytes = ret};
	memory->source->read(memory->source, &piece, 1);
	return piece.read;
}

/* Most reads lie in the page of the one before. */
static bool read_last(const struct memory *memory, uint64_t at, void *ret, size_t size)
{
	uint64_t offset = at - memory->last_start;
	if (!memory->last || offset >= PAGE || size > PAGE - offset)
		return false;
	memcpy(ret, memory->last + offset, size);
	return true;
}

bool memory_read(struct memory *memory, uint64_t at, void *ret, size_t size)
{
	unsigned char *to = ret;
	bool whole = at + size >= at;
	if (read_last(memory, at, ret, size))
		return true;
	memset(ret, 0, size);
	for (size_t done = 0; whole && done < size;) {
		uint64_t from = at + done;
		size_t offset = (size_t)(from % PAGE), n = PAGE - offset;
		if (n > size - done)
			n = size - done;
		const struct page *page = page_at(memory, from - offset);
		if (page && page->there) {
			memcpy(to + done, page->bytes + offset, n);
			memory->last = page->bytes;
			memory->last_start = page->start;
		} else {
			whole = read_unkept(memory, from, to + done, n); /* a part of a page */
		}
		done += n;
	}
	if (!whole)
		memset(ret, 0, size);
	return whole;
}

void memory_read_pieces(struct memory *memory, struct piece *pieces, size_t count)
{
	memory->source->read(memory->source, pieces, count);
}

uint64_t memory_word(struct memory *memory, uint64_t at, size_t bytes)
{
	uint8_t u8 = 0;
	uint16_t u16 = 0;
	uint32_t u32 = 0;
	uint64_t u64 = 0;
	switch (bytes) {
	case 1:
		memory_read(memory, at, &u8, 1);
		return u8;
	case 2:
		memory_read(memory, at, &u16, 2);
		return u16;
	case 4:
		memory_read(memory, at, &u32, 4);
		return u32;
	default:
		memory_read(memory, at, &u64, 8);
		return u64;
	}
}

/* The bytes of the UTF-8 character that the text begins with; 0 if it is none that can be shown. */
static size_t character(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t size = c[0] < 0x80       ? 1
		      : c[0] >> 5 == 6  ? 2
		      : c[0] >> 4 == 14 ? 3
		      : c[0] >> 3 == 30 ? 4
					: 0;
	if (size == 1)
		return isprint(c[0]) ? 1 : 0;
	uint32_t point = c[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if (c[i] >> 6 != 2)
			return 0;
		point = point << 6 | (c[i] & 0x3f);
	}
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
	bool surrogate = point >= 0xd800 && point < 0xe000;
	return point >= least[size] && point < 0x110000 && !surrogate ? size : 0;
}

static void clean(char *text)
{
	for (size_t size; *text; text += size) {
		size = character(text);
		if (size == 0) {
			*text = '?';
			size = 1;
		}
	}
}

bool memory_text(struct memory *memory, uint64_t at, char *ret, size_t size)
{
	size_t length = 0;
	for (; length + 1 < size; length++) {
		char c;
		if (!memory_read(memory, at + length, &c, 1) && length == 0) {
			*ret = '\0';
			return false;
		}
		if (!c)
			break;
		ret[length] = c;
	}
	ret[length] = '\0';
	clean(ret);
	return true;
}
