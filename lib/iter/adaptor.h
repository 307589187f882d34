/* SPDX-License-Identifier: MIT */
/*
 * What the library's iterators are made of: a stage of a pipeline, which owns the iterator that it
 * reads, and places where items are kept beyond their time.
 *
 * A stage's state is its next function: at its end, or once it does something else for all further
 * items, it exchanges that.
 */
#ifndef ITER_ADAPTOR_H
#define ITER_ADAPTOR_H

#include <coro/iterator.h>

#include <string.h>

/* ---- stages ---- */

struct stage {
	struct coro_iterator iterator;
	struct coro_iterator *source; /* owned; NULL if it reads none */
};

typedef int stage_next_fn(struct coro_iterator *it, void **ret);

/*
 * A copy of a stage, which begins a larger object of size bytes, on the heap, with room for extra
 * bytes behind it. Never NULL: without memory its source is closed, and what comes back gives
 * -ENOMEM.
 */
struct coro_iterator *stage_create(const struct stage *stage, size_t size, size_t extra);

/* Closes the source and frees the stage. */
int stage_close(struct coro_iterator *it);

/* The next function of a stage at its end. */
int stage_at_end(struct coro_iterator *it, void **ret);

/* Ends it: r now, and 0 from now on. */
static inline int stage_end(struct coro_iterator *it, int r)
{
	it->next = stage_at_end;
	return r;
}

/* 0 if it can be read; else why not: what made it fail, or -EINVAL for what is no iterator. */
int stage_error(const struct coro_iterator *it);

/* The same, failing with its message. */
int stage_fail(struct coro_iterator *it);

/* An iterator that gives an error, -ENOMEM or -EINVAL. */
struct coro_iterator *stage_failed(int error);

/*
 * Closes it and gives back one that fails: with the error that it has already, else with this one.
 */
struct coro_iterator *stage_refuse(int error, struct coro_iterator *it);

/* The source's next item, without which the stage is at its end. */
static inline int stage_pull(struct stage *stage, void **ret)
{
	int r = stage->source->next(stage->source, ret);
	return r > 0 ? r : stage_end(&stage->iterator, r);
}

/* The start of a stage with items of its own; it may be NULL for one that reads nothing. */
static inline struct stage stage_making(size_t item_size, stage_next_fn *next,
					struct coro_iterator *it)
{
	return (struct stage){{next, stage_close, item_size, false}, it};
}

/* The start of a stage that hands on items as they come. */
static inline struct stage stage_passing(stage_next_fn *next, struct coro_iterator *it)
{
	return (struct stage){{next, stage_close, it->item_size, it->lasting}, it};
}

/* ---- what is known of items ---- */

/* Whether their iterator can be read, and they may be copied. */
static inline bool items_copyable(const struct coro_iterator *it)
{
	return !stage_error(it) && it->item_size != CORO_NOCOPY;
}

/* Whether a pointer to one may be held instead of a copy. */
static inline bool items_last(const struct coro_iterator *it)
{
	return it->lasting || it->item_size == 0;
}

/* What holding one beyond its time takes: its item_size, 0 if the pointer will do. */
static inline size_t items_hold_size(const struct coro_iterator *it)
{
	return items_last(it) ? 0 : it->item_size;
}

/* The item_size of items that point to this one's; some_size is their own. */
static inline size_t items_over(const struct coro_iterator *it, size_t some_size)
{
	return items_last(it) ? some_size : CORO_NOCOPY;
}

static inline bool items_are_int64(const struct coro_iterator *it)
{
	return it && it->item_size == sizeof(int64_t);
}

/* What stands for a predicate that is not given; NULL if nothing can. */
coro_predicate *items_truth(const struct coro_iterator *it);

/* ---- places for items ---- */

/* Bytes of a place: an item's, or a plain pointer's. */
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

/*
 * Places side by side, as many as needed; all zeroes but item_size to begin with, and freed by
 * free(items).
 */
struct places {
	char *items;
	size_t count, room;
	size_t item_size;
};

static inline void *places_item(const struct places *places, size_t i)
{
	return place_item(places->items + i * place_size(places->item_size), places->item_size);
}

/* 0 or -ENOMEM. */
int places_add(struct places *places, void *item);

/* Adds the iterator's items until there are count: 1; 0 if it ended before; < 0 an error. */
int places_fill(struct places *places, size_t count, struct coro_iterator *it);

#endif
