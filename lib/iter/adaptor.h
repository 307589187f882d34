/* SPDX-License-Identifier: MIT */
/*
 * The base of the library's iterators: an adaptor, which owns the iterator that it reads, and
 * places, which keep items beyond the next call of next.
 *
 * The next function is an adaptor's state. At its end, or when it does something else for all
 * further items, an adaptor sets another one.
 */
#ifndef ITER_ADAPTOR_H
#define ITER_ADAPTOR_H

#include <coro/iterator.h>

#include <string.h>

/* ---- adaptors ---- */

struct adaptor {
	struct coro_iterator iterator;
	struct coro_iterator *source; /* owned; NULL for none */
};

typedef int adaptor_next_fn(struct coro_iterator *it, void **ret);

/*
 * Copies an adaptor to the heap. It is the beginning of an object of size bytes, and `extra` bytes
 * are allocated behind that. Never NULL: without memory the source is closed, and the iterator
 * returned fails with -ENOMEM.
 */
struct coro_iterator *adaptor_create(const struct adaptor *adaptor, size_t size, size_t extra);

/* Closes the source and frees the adaptor. */
int adaptor_close(struct coro_iterator *it);

/* The next function of an adaptor at its end. */
int adaptor_at_end(struct coro_iterator *it, void **ret);

/* Ends the iterator. Returns r; from now on next returns 0. */
static inline int adaptor_end(struct coro_iterator *it, int r)
{
	it->next = adaptor_at_end;
	return r;
}

/* Returns 0 if it can be read, else the error that it failed with, or -EINVAL for NULL. */
int adaptor_error(const struct coro_iterator *it);

/* As adaptor_error, and fails with the message of that error. */
int adaptor_fail(struct coro_iterator *it);

/* An iterator that fails with -ENOMEM or -EINVAL. */
struct coro_iterator *adaptor_failed(int error);

/* Closes an iterator and returns one that fails: with the error of the first, else with `error`. */
struct coro_iterator *adaptor_refuse(int error, struct coro_iterator *it);

/* Reads the source's next item. If there is none, ends the adaptor. */
static inline int adaptor_pull(struct adaptor *adaptor, void **ret)
{
	int r = adaptor->source->next(adaptor->source, ret);
	return r > 0 ? r : adaptor_end(&adaptor->iterator, r);
}

/* An adaptor with items of its own. it may be NULL if it reads nothing. */
static inline struct adaptor adaptor_making(size_t item_size, adaptor_next_fn *next,
					    struct coro_iterator *it)
{
	return (struct adaptor){{next, adaptor_close, item_size, false}, it};
}

/* An adaptor that passes on the items of its source. */
static inline struct adaptor adaptor_passing(adaptor_next_fn *next, struct coro_iterator *it)
{
	return (struct adaptor){{next, adaptor_close, it->item_size, it->lasting}, it};
}

/* ---- items ---- */

/* Whether the iterator can be read and its items may be copied. */
static inline bool items_copyable(const struct coro_iterator *it)
{
	return !adaptor_error(it) && it->item_size != CORO_NOCOPY;
}

/* Whether a pointer to an item may be kept instead of a copy. */
static inline bool items_last(const struct coro_iterator *it)
{
	return it->lasting || it->item_size == 0;
}

/* The bytes to copy to keep an item. 0 if the pointer may be kept. */
static inline size_t items_hold_size(const struct coro_iterator *it)
{
	return items_last(it) ? 0 : it->item_size;
}

/* The item_size of items that point to those of `it`. some_size is their own size. */
static inline size_t items_over(const struct coro_iterator *it, size_t some_size)
{
	return items_last(it) ? some_size : CORO_NOCOPY;
}

static inline bool items_are_int64(const struct coro_iterator *it)
{
	return it && it->item_size == sizeof(int64_t);
}

/* The predicate that a NULL one stands for, by the items' type. NULL if there is none. */
coro_predicate *items_truth(const struct coro_iterator *it);

/* ---- places for items ---- */

/* The bytes of a place: an item's, or a pointer's if item_size is 0. */
static inline size_t place_size(size_t item_size)
{
	return item_size ? item_size : sizeof(void *);
}

static inline void place_put(void *place, void *item, size_t item_size)
{
	if (item_size)
		memcpy(place, item, item_size);
	else
		memcpy(place, &item, sizeof(item));
}

static inline void *place_item(void *place, size_t item_size)
{
	return item_size ? place : *(void **)place;
}

/* An array of places that grows. Begins as zeroes but for item_size. Freed by free(items). */
struct places {
	char *items;
	size_t count, room;
	size_t item_size;
};

static inline void *places_item(const struct places *places, size_t i)
{
	return place_item(places->items + i * place_size(places->item_size), places->item_size);
}

/* Returns 0 or -ENOMEM. */
int places_add(struct places *places, void *item);

/* Adds items until there are count. Returns 1, 0 if the iterator ended before, or an error. */
int places_fill(struct places *places, size_t count, struct coro_iterator *it);

#endif
