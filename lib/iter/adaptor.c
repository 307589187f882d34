/* SPDX-License-Identifier: MIT */
#include "iter/adaptor.h"

#include "base/memory.h"
#include "core/fail.h"

#include <errno.h>
#include <stdlib.h>

/* ---- adaptors ---- */

struct coro_iterator *adaptor_create(const struct adaptor *adaptor, size_t size, size_t extra)
{
	char *copy = extra <= SIZE_MAX - size ? memory_alloc(size + extra) : NULL;
	if (!copy)
		return adaptor_refuse(-ENOMEM, adaptor->source);
	memcpy(copy, adaptor, size);
	return (struct coro_iterator *)(void *)copy;
}

int adaptor_close(struct coro_iterator *it)
{
	struct adaptor *adaptor = (struct adaptor *)it;
	int r = coro_iter_close(adaptor->source);
	free(adaptor);
	return r;
}

int adaptor_at_end(struct coro_iterator *it, void **ret)
{
	(void)it;
	(void)ret;
	return 0;
}

static int no_memory_next(struct coro_iterator *it, void **ret)
{
	(void)it;
	(void)ret;
	return fail_code(-ENOMEM);
}

static int invalid_next(struct coro_iterator *it, void **ret)
{
	(void)it;
	(void)ret;
	return fail_with(-EINVAL, "an iterator was made with a wrong argument");
}

/* Iterators that fail, shared by all pipelines, since allocating one could fail too. */
static const struct coro_iterator no_memory = {.next = no_memory_next};
static const struct coro_iterator invalid = {.next = invalid_next};

int adaptor_error(const struct coro_iterator *it)
{
	if (it == &no_memory)
		return -ENOMEM;
	return it == &invalid || !coro_iter_check(it) ? -EINVAL : 0;
}

int adaptor_fail(struct coro_iterator *it)
{
	if (adaptor_error(it) == 0)
		return 0;
	return coro_iter_check(it) ? it->next(it, NULL)
				   : fail_with(-EINVAL, "an iterator's end: it is no iterator");
}

struct coro_iterator *adaptor_failed(int error)
{
	/* Nothing writes to them: they have no state. */
	return (struct coro_iterator *)(error == -ENOMEM ? &no_memory : &invalid);
}

struct coro_iterator *adaptor_refuse(int error, struct coro_iterator *it)
{
	int earlier = it ? adaptor_error(it) : 0;
	coro_iter_close(it);
	return adaptor_failed(earlier ? earlier : error);
}

/* ---- items ---- */

static int is_true(const void *item, void *arg)
{
	(void)arg;
	return *(const int64_t *)item != 0;
}

coro_predicate *items_truth(const struct coro_iterator *it)
{
	return items_are_int64(it) ? is_true : NULL;
}

/* ---- places for items ---- */

static int grow(struct places *places, size_t size)
{
	size_t room = places->room ? places->room * 2 : 1;
	if (room > SIZE_MAX / 2 / size)
		return fail_code(-ENOMEM);
	char *items = memory_resize(places->items, room * size);
	if (!items)
		return fail_code(-ENOMEM);
	places->items = items;
	places->room = room;
	return 0;
}

int places_add(struct places *places, void *item)
{
	size_t size = place_size(places->item_size);
	if (places->count == places->room) {
		int r = grow(places, size);
		if (r < 0)
			return r;
	}
	place_put(places->items + places->count++ * size, item, places->item_size);
	return 0;
}

int places_fill(struct places *places, size_t count, struct coro_iterator *it)
{
	while (places->count < count) {
		void *item;
		int r = it->next(it, &item);
		if (r <= 0)
			return r;
		r = places_add(places, item);
		if (r < 0)
			return r;
	}
	return 1;
}
