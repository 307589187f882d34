/* SPDX-License-Identifier: MIT */
/* The adaptors that read one iterator, by itertools' names. combine.c has those that read several. */
#include "core/fail.h"
#include "iter/adaptor.h"

#include <errno.h>
#include <stdlib.h>

/* ---- by a predicate: filter, takewhile, dropwhile ---- */

struct selector {
	struct adaptor adaptor;
	coro_predicate *predicate;
	void *arg;
};

static struct coro_iterator *selector_create(adaptor_next_fn *next, coro_predicate *predicate,
					     void *arg, struct coro_iterator *it)
{
	if (!predicate || adaptor_error(it))
		return adaptor_refuse(-EINVAL, it);
	struct selector selector = {
		.adaptor = adaptor_passing(next, it),
		.predicate = predicate,
		.arg = arg,
	};
	return adaptor_create(&selector.adaptor, sizeof(selector), 0);
}

/* Reads the source's next item. *holds is the predicate's result. */
static int selector_pull(struct selector *selector, bool *holds, void **ret)
{
	void *item;
	int r = adaptor_pull(&selector->adaptor, &item);
	if (r <= 0)
		return r;
	int answer = selector->predicate(item, selector->arg);
	if (answer < 0)
		return adaptor_end(&selector->adaptor.iterator, answer);
	*holds = answer > 0;
	*ret = item;
	return 1;
}

/* Reads up to the next item for which the predicate's result is `wanted`. */
static int selector_pull_where(struct selector *selector, bool wanted, void **ret)
{
	bool holds;
	void *item;
	int r;
	do
		r = selector_pull(selector, &holds, &item);
	while (r > 0 && holds != wanted);
	if (r > 0)
		*ret = item;
	return r;
}

static int filter_next(struct coro_iterator *it, void **ret)
{
	return selector_pull_where((struct selector *)it, true, ret);
}

struct coro_iterator *coro_iter_filter(coro_predicate *predicate, void *arg,
				       struct coro_iterator *it)
{
	return selector_create(filter_next, predicate ? predicate : items_truth(it), arg, it);
}

static int takewhile_next(struct coro_iterator *it, void **ret)
{
	bool holds;
	void *item;
	int r = selector_pull((struct selector *)it, &holds, &item);
	if (r <= 0)
		return r;
	if (!holds)
		return adaptor_end(it, 0);
	*ret = item;
	return 1;
}

struct coro_iterator *coro_iter_takewhile(coro_predicate *predicate, void *arg,
					  struct coro_iterator *it)
{
	return selector_create(takewhile_next, predicate, arg, it);
}

static int pass_next(struct coro_iterator *it, void **ret)
{
	return adaptor_pull((struct adaptor *)it, ret);
}

static int dropwhile_next(struct coro_iterator *it, void **ret)
{
	int r = selector_pull_where((struct selector *)it, false, ret);
	if (r > 0)
		it->next = pass_next;
	return r;
}

struct coro_iterator *coro_iter_dropwhile(coro_predicate *predicate, void *arg,
					  struct coro_iterator *it)
{
	return selector_create(dropwhile_next, predicate, arg, it);
}

/* ---- by number: islice, enumerate ---- */

struct islice {
	struct adaptor adaptor;
	int64_t taken;  /* items of the source so far, also those skipped */
	int64_t wanted; /* the number of the next item to give */
	int64_t stop;   /* INT64_MAX for no bound */
	int64_t step;
};

static int islice_next(struct coro_iterator *it, void **ret)
{
	struct islice *islice = (struct islice *)it;
	void *item;
	for (; islice->taken < islice->wanted; islice->taken++) {
		int r = adaptor_pull(&islice->adaptor, &item);
		if (r <= 0)
			return r;
	}
	if (islice->taken >= islice->stop)
		return adaptor_end(it, 0);
	int r = adaptor_pull(&islice->adaptor, ret);
	if (r <= 0)
		return r;
	islice->taken++;
	/* At most stop, so that the last call skips the items before that, as Python's does. */
	if (islice->step < islice->stop - islice->wanted)
		islice->wanted += islice->step;
	else
		islice->wanted = islice->stop;
	return 1;
}

struct coro_iterator *coro_iter_islice(struct coro_iterator *it, int64_t start, int64_t stop,
				       int64_t step)
{
	if (start < 0 || step < 1 || adaptor_error(it))
		return adaptor_refuse(-EINVAL, it);
	struct islice islice = {
		.adaptor = adaptor_passing(islice_next, it),
		.wanted = start,
		.stop = stop < 0 ? INT64_MAX : stop,
		.step = step,
	};
	return adaptor_create(&islice.adaptor, sizeof(islice), 0);
}

struct enumerate {
	struct adaptor adaptor;
	struct coro_enumerated item;
	int64_t number; /* the next item's */
	bool past;      /* it has none */
};

static int enumerate_next(struct coro_iterator *it, void **ret)
{
	struct enumerate *enumerate = (struct enumerate *)it;
	void *item;
	int r = adaptor_pull(&enumerate->adaptor, &item);
	if (r <= 0)
		return r;
	if (enumerate->past)
		return adaptor_end(it, fail_with(-EOVERFLOW,
						 "coro_iter_enumerate: past the end of int64_t"));
	enumerate->item = (struct coro_enumerated){enumerate->number, item};
	enumerate->past = __builtin_add_overflow(enumerate->number, 1, &enumerate->number);
	*ret = &enumerate->item;
	return 1;
}

struct coro_iterator *coro_iter_enumerate(struct coro_iterator *it, int64_t start)
{
	if (adaptor_error(it))
		return adaptor_refuse(-EINVAL, it);
	size_t item_size = items_over(it, sizeof(struct coro_enumerated));
	struct enumerate enumerate = {
		.adaptor = adaptor_making(item_size, enumerate_next, it),
		.number = start,
	};
	return adaptor_create(&enumerate.adaptor, sizeof(enumerate), 0);
}

/* ---- items made of items: map, accumulate, pairwise ---- */

struct map {
	struct adaptor adaptor;
	coro_transform *fn;
	void *arg;
	_Alignas(max_align_t) char place[]; /* of the result */
};

static int map_next(struct coro_iterator *it, void **ret)
{
	struct map *map = (struct map *)it;
	void *item;
	int r = adaptor_pull(&map->adaptor, &item);
	if (r <= 0)
		return r;
	r = map->fn(item, map->arg, map->place);
	if (r < 0)
		return adaptor_end(it, r);
	*ret = place_item(map->place, it->item_size);
	return 1;
}

struct coro_iterator *coro_iter_map(coro_transform *fn, void *arg, size_t item_size,
				    struct coro_iterator *it)
{
	if (!fn || item_size == CORO_NOCOPY || adaptor_error(it))
		return adaptor_refuse(-EINVAL, it);
	struct map map = {
		.adaptor = adaptor_making(item_size, map_next, it),
		.fn = fn,
		.arg = arg,
	};
	return adaptor_create(&map.adaptor, sizeof(map), place_size(item_size));
}

struct accumulate {
	struct adaptor adaptor;
	coro_reducer *fn;
	void *arg;
	_Alignas(max_align_t) char total[];
};

static int accumulate_next(struct coro_iterator *it, void **ret)
{
	struct accumulate *accumulate = (struct accumulate *)it;
	void *item;
	int r = adaptor_pull(&accumulate->adaptor, &item);
	if (r <= 0)
		return r;
	r = accumulate->fn(accumulate->total, item, accumulate->arg);
	if (r < 0)
		return adaptor_end(it, r);
	*ret = place_item(accumulate->total, it->item_size);
	return 1;
}

static int accumulate_first(struct coro_iterator *it, void **ret)
{
	struct accumulate *accumulate = (struct accumulate *)it;
	void *item;
	int r = adaptor_pull(&accumulate->adaptor, &item);
	if (r <= 0)
		return r;
	place_put(accumulate->total, item, it->item_size);
	it->next = accumulate_next;
	*ret = place_item(accumulate->total, it->item_size);
	return 1;
}

static int add(void *total, void *item, void *arg)
{
	(void)arg;
	int64_t *sum = total;
	return __builtin_add_overflow(*sum, *(const int64_t *)item, sum)
		       ? fail_with(-EOVERFLOW,
				   "coro_iter_accumulate: the sum is past the end of int64_t")
		       : 0;
}

struct coro_iterator *coro_iter_accumulate(coro_reducer *fn, void *arg, struct coro_iterator *it)
{
	if (!fn && items_are_int64(it))
		fn = add;
	if (!fn || !items_copyable(it))
		return adaptor_refuse(-EINVAL, it);
	struct accumulate accumulate = {
		.adaptor = adaptor_making(it->item_size, accumulate_first, it),
		.fn = fn,
		.arg = arg,
	};
	return adaptor_create(&accumulate.adaptor, sizeof(accumulate), place_size(it->item_size));
}

struct pairwise {
	struct adaptor adaptor;
	struct coro_pair pair;
	size_t held_size; /* the item_size of what is held */
	_Alignas(max_align_t) char held
		[]; /* what was the second item, while the next one is fetched */
};

static int pairwise_next(struct coro_iterator *it, void **ret)
{
	struct pairwise *pairwise = (struct pairwise *)it;
	void *item;
	place_put(pairwise->held, pairwise->pair.second, pairwise->held_size);
	int r = adaptor_pull(&pairwise->adaptor, &item);
	if (r <= 0)
		return r;
	pairwise->pair.first = place_item(pairwise->held, pairwise->held_size);
	pairwise->pair.second = item;
	*ret = &pairwise->pair;
	return 1;
}

static int pairwise_first(struct coro_iterator *it, void **ret)
{
	struct pairwise *pairwise = (struct pairwise *)it;
	int r = adaptor_pull(&pairwise->adaptor, &pairwise->pair.second);
	if (r <= 0)
		return r;
	it->next = pairwise_next;
	return pairwise_next(it, ret);
}

struct coro_iterator *coro_iter_pairwise(struct coro_iterator *it)
{
	if (!items_copyable(it))
		return adaptor_refuse(-EINVAL, it);
	size_t item_size = items_over(it, sizeof(struct coro_pair));
	struct pairwise pairwise = {
		.adaptor = adaptor_making(item_size, pairwise_first, it),
		.held_size = items_hold_size(it),
	};
	return adaptor_create(&pairwise.adaptor, sizeof(pairwise), place_size(pairwise.held_size));
}

/* ---- adaptors that keep many items: cycle, batched ---- */

struct buffer {
	struct adaptor adaptor;
	struct places places;
};

static int buffer_close(struct coro_iterator *it)
{
	free(((struct buffer *)it)->places.items);
	return adaptor_close(it);
}

static struct coro_iterator *buffer_create(struct buffer *buffer, size_t size)
{
	buffer->adaptor.iterator.close = buffer_close;
	return adaptor_create(&buffer->adaptor, size, 0);
}

struct cycle {
	struct buffer buffer;
	size_t at; /* the place of the next item, once the source has ended */
};

static int cycle_again(struct coro_iterator *it, void **ret)
{
	struct cycle *cycle = (struct cycle *)it;
	struct places *places = &cycle->buffer.places;
	*ret = places_item(places, cycle->at);
	cycle->at = cycle->at + 1 < places->count ? cycle->at + 1 : 0;
	return 1;
}

static int cycle_next(struct coro_iterator *it, void **ret)
{
	struct cycle *cycle = (struct cycle *)it;
	void *item;
	int r = adaptor_pull(&cycle->buffer.adaptor, &item);
	if (r == 0 && cycle->buffer.places.count > 0) {
		it->next = cycle_again;
		return cycle_again(it, ret);
	}
	if (r <= 0)
		return r;
	r = places_add(&cycle->buffer.places, item);
	if (r < 0)
		return adaptor_end(it, r);
	*ret = item;
	return 1;
}

struct coro_iterator *coro_iter_cycle(struct coro_iterator *it)
{
	if (!items_copyable(it))
		return adaptor_refuse(-EINVAL, it);
	struct cycle cycle = {
		.buffer.adaptor = adaptor_passing(cycle_next, it),
		.buffer.places.item_size = items_hold_size(it),
	};
	return buffer_create(&cycle.buffer, sizeof(cycle));
}

struct batched {
	struct buffer buffer;
	size_t n;
	struct coro_array batch;
};

static int batched_next(struct coro_iterator *it, void **ret)
{
	struct batched *batched = (struct batched *)it;
	struct places *places = &batched->buffer.places;
	places->count = 0;
	int r = places_fill(places, batched->n, batched->buffer.adaptor.source);
	if (r <= 0)
		adaptor_end(it, r);
	if (r < 0 || places->count == 0)
		return r;
	batched->batch = (struct coro_array){places->items, places->count};
	*ret = &batched->batch;
	return 1;
}

struct coro_iterator *coro_iter_batched(struct coro_iterator *it, size_t n)
{
	if (n == 0 || !items_copyable(it))
		return adaptor_refuse(-EINVAL, it);
	struct batched batched = {
		.buffer.adaptor = adaptor_making(CORO_NOCOPY, batched_next, it),
		.buffer.places.item_size = it->item_size,
		.n = n,
	};
	return buffer_create(&batched.buffer, sizeof(batched));
}
