/* SPDX-License-Identifier: MIT */
/* Functions that read an iterator to its end, close it and return one result. */
#include "core/fail.h"
#include "iter/adaptor.h"

#include <errno.h>
#include <stdlib.h>

/* Closes the iterator. Returns r if that is an error, else an error of closing, else r. */
static int finish(struct coro_iterator *it, int r)
{
	int closed = coro_iter_close(it);
	return r >= 0 && closed < 0 ? closed : r;
}

/* Closes an iterator that cannot be read, or not by this function. */
static int refuse(struct coro_iterator *it)
{
	int error = adaptor_fail(it);
	coro_iter_close(it);
	return error ? error
		     : fail_with(-EINVAL, "an iterator's end: NULL, or items it is not for");
}

int coro_iter_for_each(coro_visitor *fn, void *arg, struct coro_iterator *it)
{
	if (!fn || adaptor_error(it))
		return refuse(it);
	void *item;
	int r;
	while ((r = it->next(it, &item)) > 0) {
		r = fn(item, arg);
		if (r != 0)
			break;
	}
	return finish(it, r);
}

int coro_iter_collect(struct coro_iterator *it, struct coro_array *ret)
{
	if (!ret || !items_copyable(it))
		return refuse(it);
	struct places places = {.item_size = it->item_size};
	int r = finish(it, places_fill(&places, SIZE_MAX, it));
	if (r < 0) {
		free(places.items);
		return r;
	}
	*ret = (struct coro_array){places.items, places.count};
	return 0;
}

int coro_iter_sum(struct coro_iterator *it, int64_t *ret)
{
	if (!ret || adaptor_error(it) || !items_are_int64(it))
		return refuse(it);
	int64_t sum = 0;
	void *item;
	int r;
	while ((r = it->next(it, &item)) > 0)
		if (__builtin_add_overflow(sum, *(const int64_t *)item, &sum)) {
			r = fail_with(-EOVERFLOW,
				      "coro_iter_sum: the sum is past the end of int64_t");
			break;
		}
	r = finish(it, r);
	if (r == 0)
		*ret = sum;
	return r;
}

/* ---- any, all, find ---- */

/* Reads up to the first item for which the predicate's result is `wanted`. Returns 1, or 0 for none. */
static int search(struct coro_iterator *it, coro_predicate *predicate, void *arg, bool wanted,
		  void **ret)
{
	int r;
	while ((r = it->next(it, ret)) > 0) {
		int answer = predicate(*ret, arg);
		if (answer < 0)
			return answer;
		if ((answer > 0) == wanted)
			return 1;
	}
	return r;
}

int coro_iter_any(coro_predicate *predicate, void *arg, struct coro_iterator *it)
{
	predicate = predicate ? predicate : items_truth(it);
	if (!predicate || adaptor_error(it))
		return refuse(it);
	void *item;
	return finish(it, search(it, predicate, arg, true, &item));
}

int coro_iter_all(coro_predicate *predicate, void *arg, struct coro_iterator *it)
{
	predicate = predicate ? predicate : items_truth(it);
	if (!predicate || adaptor_error(it))
		return refuse(it);
	void *item;
	int r = finish(it, search(it, predicate, arg, false, &item));
	return r < 0 ? r : !r;
}

/*
 * Copies the item that was kept to ret, if r > 0. Only after closing succeeded, since a call that
 * fails leaves ret untouched.
 */
static int deliver(struct places *places, int r, void *ret)
{
	if (r > 0)
		memcpy(ret, places->items, place_size(places->item_size));
	free(places->items);
	return r;
}

int coro_iter_find(coro_predicate *predicate, void *arg, struct coro_iterator *it, void *ret)
{
	predicate = predicate ? predicate : items_truth(it);
	if (!predicate || !ret || !items_copyable(it))
		return refuse(it);
	struct places found = {.item_size = it->item_size};
	void *item;
	int r = search(it, predicate, arg, true, &item);
	if (r > 0 && places_add(&found, item) < 0)
		r = fail_code(-ENOMEM);
	return deliver(&found, finish(it, r), ret);
}

/* ---- reduce, min, max ---- */

/* Combines all further items with the total. Returns 0 or an error. */
static int fold(void *total, coro_reducer *fn, void *arg, struct coro_iterator *it)
{
	void *item;
	int r;
	while ((r = it->next(it, &item)) > 0) {
		r = fn(total, item, arg);
		if (r < 0)
			break;
	}
	return r;
}

int coro_iter_reduce(coro_reducer *fn, void *arg, struct coro_iterator *it, void *ret)
{
	if (!fn || !ret || !items_copyable(it))
		return refuse(it);
	struct places total = {.item_size = it->item_size};
	int found = places_fill(&total, 1, it);
	int r = found > 0 ? fold(total.items, fn, arg, it) : found;
	return deliver(&total, finish(it, r < 0 ? r : found), ret);
}

struct choice {
	coro_compare *compare;
	void *arg;
	size_t item_size;
	bool largest;
};

/* Keeps the item if it is better than the best so far. Of equal items the first stays. */
static int choose(void *best, void *item, void *arg)
{
	const struct choice *choice = arg;
	int order = choice->compare(item, place_item(best, choice->item_size), choice->arg);
	if (choice->largest ? order > 0 : order < 0)
		place_put(best, item, choice->item_size);
	return 0;
}

static int compare_int64(const void *a, const void *b, void *arg)
{
	(void)arg;
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int best(bool largest, coro_compare *compare, void *arg, struct coro_iterator *it, void *ret)
{
	if (!compare && items_are_int64(it))
		compare = compare_int64;
	if (!compare || adaptor_error(it))
		return refuse(it);
	struct choice choice = {
		.compare = compare,
		.arg = arg,
		.item_size = it->item_size,
		.largest = largest,
	};
	return coro_iter_reduce(choose, &choice, it, ret);
}

int coro_iter_min(coro_compare *compare, void *arg, struct coro_iterator *it, void *ret)
{
	return best(false, compare, arg, it, ret);
}

int coro_iter_max(coro_compare *compare, void *arg, struct coro_iterator *it, void *ret)
{
	return best(true, compare, arg, it, ret);
}
