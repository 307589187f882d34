/* SPDX-License-Identifier: MIT */
/*
 * The memory of a process or of a core file. What was read once is kept, page by page: small reads
 * that lie near each other cost one system call, and later reads see what earlier ones saw.
 *
 * Nothing that is read is trusted. A read fails or gives bytes; it never does more.
 */
#ifndef PS_MEMORY_H
#define PS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of memory to be read. */
struct piece {
	uint64_t start;
	size_t size;
	unsigned char *bytes; /* the reader's */
	bool read;
};

struct memory;

/* Where the bytes come from. */
struct source {
	/* Reads each piece, and sets its `read`. */
	void (*read)(struct source *source, struct piece *pieces, size_t count);
};

struct page;

struct memory {
	struct source *source;
	struct page *pages; /* a hash table of `slots` places, a power of two */
	size_t slots, count;
	const unsigned char *last; /* the bytes of the page that was read last; NULL for none */
	uint64_t last_start;
};

void memory_init(struct memory *memory, struct source *source);
void memory_finish(struct memory *memory);

/* Returns false, and zeroes, if not all of it can be read. */
bool memory_read(struct memory *memory, uint64_t at, void *ret, size_t size);

/* Reads many pieces at once, which are not kept. */
void memory_read_pieces(struct memory *memory, struct piece *pieces, size_t count);

/* Reads a word of that many bytes, 1, 2, 4 or 8. 0 if it cannot be read. */
uint64_t memory_word(struct memory *memory, uint64_t at, size_t bytes);

/* A pointer, or a size_t. */
static inline uint64_t memory_pointer(struct memory *memory, uint64_t at)
{
	return memory_word(memory, at, sizeof(void *));
}

static inline uint32_t memory_u32(struct memory *memory, uint64_t at)
{
	return (uint32_t)memory_word(memory, at, 4);
}

/*
 * Reads a text, cut at its NUL or to size - 1 bytes. What is not printable UTF-8 becomes '?'.
 * Returns false, and "", if its first byte cannot be read.
 */
bool memory_text(struct memory *memory, uint64_t at, char *ret, size_t size);

#endif
