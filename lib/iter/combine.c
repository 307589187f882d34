/* SPDX-License-Identifier: MIT */
/* The adaptors that read several iterators: chain and zip. */
#include "base/memory.h"
#include "iter/adaptor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

struct many {
	struct adaptor adaptor; /* with no source of its own */
	size_t n;
	size_t at;    /* chain: the source that is read */
	void **items; /* zip: its item, which lies behind the sources */
	struct coro_iterator *sources[];
};

/* Returns the first error. */
static int close_all(size_t n, struct coro_iterator *const *its)
{
	int error = 0;
	for (size_t i = 0; i < n; i++) {
		int r = coro_iter_close(its[i]);
		if (error == 0)
			error = r;
	}
	return error;
}

static int many_close(struct coro_iterator *it)
{
	struct many *many = (struct many *)it;
	int r = close_all(many->n, many->sources);
	adaptor_close(it);
	return r;
}

static struct coro_iterator *many_create(struct adaptor adaptor, size_t n,
					 struct coro_iterator *const *its)
{
	struct many prototype = {.adaptor = adaptor, .n = n};
	prototype.adaptor.iterator.close = many_close;
	size_t pointers = n * sizeof(*its) + n * sizeof(void *);
	struct coro_iterator *it = adaptor_create(&prototype.adaptor, sizeof(prototype), pointers);
	if (adaptor_error(it)) {
		close_all(n, its);
		return it;
	}
	struct many *many = (struct many *)it;
	for (size_t i = 0; i < n; i++)
		many->sources[i] = its[i];
	many->items = (void **)(many->sources + n);
	return it;
}

/* Whether an iterator is in the array twice. Among many, only near ones are compared. */
static bool has_twins(size_t n, struct coro_iterator *const *its)
{
	enum { NEAR = 64 };
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && k <= i + NEAR; k++)
			if (its[i] && its[i] == its[k])
				return true;
	return false;
}

/* With a duplicate, ownership is unclear: none of them is closed. */
static bool many_misused(size_t n, struct coro_iterator *const *its)
{
	return (!its && n > 0) || has_twins(n, its);
}

/* Returns 0 if all can be read, or an error. */
static int many_error(size_t n, struct coro_iterator *const *its)
{
	if (many_misused(n, its))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int error = adaptor_error(its[i]);
		if (error)
			return error;
	}
	return 0;
}

static struct coro_iterator *many_refuse(int error, size_t n, struct coro_iterator *const *its)
{
	if (!many_misused(n, its))
		close_all(n, its);
	return adaptor_failed(error);
}

/* Collects the variable arguments in an array. */
static struct coro_iterator *many_of_arguments(
	struct coro_iterator *(*create)(size_t n, struct coro_iterator *const *its), size_t n,
	va_list arguments)
{
	struct coro_iterator **its = n ? memory_alloc(n * sizeof(*its)) : NULL;
	for (size_t i = 0; i < n; i++) {
		struct coro_iterator *it = va_arg(arguments, struct coro_iterator *);
		if (its)
			its[i] = it;
		else
			coro_iter_close(it);
	}
	struct coro_iterator *many = its || n == 0 ? create(n, its) : adaptor_failed(-ENOMEM);
	free(its);
	return many;
}

static int chain_next(struct coro_iterator *it, void **ret)
{
	struct many *chain = (struct many *)it;
	for (; chain->at < chain->n; chain->at++) {
		struct coro_iterator *source = chain->sources[chain->at];
		int r = source->next(source, ret);
		if (r > 0)
			return r;
		if (r < 0)
			return adaptor_end(it, r);
	}
	return 0;
}

/* Merges the item sizes of two iterators. Returns 0, or -EINVAL if the items cannot be of one type. */
static int merge(struct coro_iterator *it, const struct coro_iterator *other)
{
	bool fleeting = it->item_size == CORO_NOCOPY || other->item_size == CORO_NOCOPY;
	if (fleeting)
		it->item_size = CORO_NOCOPY;
	else if (it->item_size != other->item_size)
		return -EINVAL;
	it->lasting = it->lasting && other->lasting;
	return 0;
}

struct coro_iterator *coro_iter_chainv(size_t n, struct coro_iterator *const *its)
{
	int error = many_error(n, its);
	if (error)
		return many_refuse(error, n, its);
	struct adaptor adaptor = adaptor_making(0, chain_next, NULL);
	if (n > 0)
		adaptor = adaptor_passing(chain_next, its[0]);
	adaptor.source = NULL;
	for (size_t i = 1; i < n; i++) {
		error = merge(&adaptor.iterator, its[i]);
		if (error)
			return many_refuse(error, n, its);
	}
	return many_create(adaptor, n, its);
}

struct coro_iterator *coro_iter_chain(size_t n, ...)
{
	va_list its;
	va_start(its, n);
	struct coro_iterator *chain = many_of_arguments(coro_iter_chainv, n, its);
	va_end(its);
	return chain;
}

static int zip_next(struct coro_iterator *it, void **ret)
{
	struct many *zip = (struct many *)it;
	if (zip->n == 0)
		return 0;
	for (size_t i = 0; i < zip->n; i++) {
		struct coro_iterator *source = zip->sources[i];
		int r = source->next(source, &zip->items[i]);
		if (r <= 0)
			return adaptor_end(it, r);
	}
	*ret = zip->items;
	return 1;
}

struct coro_iterator *coro_iter_zipv(size_t n, struct coro_iterator *const *its)
{
	int error = many_error(n, its);
	if (error)
		return many_refuse(error, n, its);
	size_t item_size = n * sizeof(void *);
	for (size_t i = 0; i < n; i++)
		item_size = items_over(its[i], item_size);
	return many_create(adaptor_making(item_size, zip_next, NULL), n, its);
}

struct coro_iterator *coro_iter_zip(size_t n, ...)
{
	va_list its;
	va_start(its, n);
	struct coro_iterator *zip = many_of_arguments(coro_iter_zipv, n, its);
	va_end(its);
	return zip;
}
