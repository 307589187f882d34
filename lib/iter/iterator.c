/* SPDX-License-Identifier: MIT */
/* The iterator protocol, and the sources: iterators that read no other iterator. */
#include "core/fail.h"
#include "core/generator.h"
#include "iter/adaptor.h"

#include <coro/generator.h>

#include <errno.h>

/* ---- the protocol ---- */

bool coro_iter_check(const struct coro_iterator *it)
{
	return it && it->next;
}

int coro_iter_next(struct coro_iterator *it, void **ret)
{
	void *skipped;
	if (!coro_iter_check(it))
		return fail_with(-EINVAL, "coro_iter_next: it is no iterator");
	return it->next(it, ret ? ret : &skipped);
}

int coro_iter_close(struct coro_iterator *it)
{
	return it && it->close ? it->close(it) : 0;
}

/* ---- arrays and strings ---- */

struct array {
	struct adaptor adaptor;
	char *place; /* of the next item */
	size_t left;
};

static int array_next(struct coro_iterator *it, void **ret)
{
	struct array *array = (struct array *)it;
	if (array->left == 0)
		return 0;
	*ret = place_item(array->place, it->item_size);
	array->place += place_size(it->item_size);
	array->left--;
	return 1;
}

struct coro_iterator *coro_iter_array(const void *base, size_t count, size_t item_size)
{
	size_t bytes;
	if ((!base && count > 0) || item_size == CORO_NOCOPY ||
	    __builtin_mul_overflow(count, item_size, &bytes))
		return adaptor_failed(-EINVAL);
	struct array array = {
		.adaptor = adaptor_making(item_size, array_next, NULL),
		.place = (char *)base,
		.left = count,
	};
	array.adaptor.iterator.lasting = true;
	return adaptor_create(&array.adaptor, sizeof(array), 0);
}

struct coro_iterator *coro_iter_string(const char *string)
{
	return string ? coro_iter_array(string, strlen(string), 1) : adaptor_failed(-EINVAL);
}

/* ---- numbers ---- */

/* The item is a copy of the state, so that the caller may write to it. */
struct range {
	struct adaptor adaptor;
	int64_t item, next, step;
	uint64_t left;
};

static int range_next(struct coro_iterator *it, void **ret)
{
	struct range *range = (struct range *)it;
	if (range->left == 0)
		return 0;
	range->item = range->next;
	/* The value after the last one may overflow. */
	if (--range->left > 0)
		range->next += range->step;
	*ret = &range->item;
	return 1;
}

/* The number of steps from start to stop. Unsigned, since the distance may exceed INT64_MAX. */
static uint64_t range_count(int64_t start, int64_t stop, int64_t step)
{
	if (step > 0 ? start >= stop : start <= stop)
		return 0;
	uint64_t distance =
		step > 0 ? (uint64_t)stop - (uint64_t)start : (uint64_t)start - (uint64_t)stop;
	uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step;
	return (distance - 1) / stride + 1;
}

struct coro_iterator *coro_iter_range(int64_t start, int64_t stop, int64_t step)
{
	if (step == 0)
		return adaptor_failed(-EINVAL);
	struct range range = {
		.adaptor = adaptor_making(sizeof(int64_t), range_next, NULL),
		.next = start,
		.step = step,
		.left = range_count(start, stop, step),
	};
	return adaptor_create(&range.adaptor, sizeof(range), 0);
}

struct count {
	struct adaptor adaptor;
	int64_t item, next, step;
	bool past; /* next could not be computed */
};

static int count_next(struct coro_iterator *it, void **ret)
{
	struct count *count = (struct count *)it;
	if (count->past)
		return adaptor_end(it, fail_with(-EOVERFLOW,
						 "coro_iter_count: past the end of int64_t"));
	count->item = count->next;
	count->past = __builtin_add_overflow(count->next, count->step, &count->next);
	*ret = &count->item;
	return 1;
}

struct coro_iterator *coro_iter_count(int64_t start, int64_t step)
{
	struct count count = {
		.adaptor = adaptor_making(sizeof(int64_t), count_next, NULL),
		.next = start,
		.step = step,
	};
	return adaptor_create(&count.adaptor, sizeof(count), 0);
}

/* ---- one item, many times ---- */

struct repeat {
	struct adaptor adaptor;
	int64_t left; /* negative for ever */
	_Alignas(max_align_t) char place[];
};

static int repeat_next(struct coro_iterator *it, void **ret)
{
	struct repeat *repeat = (struct repeat *)it;
	if (repeat->left == 0)
		return 0;
	if (repeat->left > 0)
		repeat->left--;
	*ret = place_item(repeat->place, it->item_size);
	return 1;
}

struct coro_iterator *coro_iter_repeat(const void *item, size_t item_size, int64_t times)
{
	if ((!item && item_size > 0) || item_size == CORO_NOCOPY)
		return adaptor_failed(-EINVAL);
	struct repeat repeat = {
		.adaptor = adaptor_making(item_size, repeat_next, NULL),
		.left = times,
	};
	struct coro_iterator *it =
		adaptor_create(&repeat.adaptor, sizeof(repeat), place_size(item_size));
	if (!adaptor_error(it))
		place_put(((struct repeat *)it)->place, (void *)item, item_size);
	return it;
}

/* ---- generators ---- */

struct generated {
	struct adaptor adaptor;
	struct coro *generator;
	bool own; /* made with the iterator: nobody else has it */
};

static int generated_next(struct coro_iterator *it, void **ret)
{
	struct generated *generated = (struct generated *)it;
	void *item;
	int r = coro_next(generated->generator, &item);
	if (r <= 0)
		return adaptor_end(it, r);
	*ret = item; /* only now: at the end, item is the generator's return value */
	return 1;
}

static int generated_close(struct coro_iterator *it)
{
	struct generated *generated = (struct generated *)it;
	int r = coro_destroy(generated->generator);
	/* A generator that is owned is destroyed too. */
	if (generated->own && (r == -EBUSY || r == -EPERM))
		return r;
	if (generated->own && r == -EPROTO)
		generator_discard(generated->generator);
	adaptor_close(it);
	return r;
}

struct coro_iterator *coro_iter_generator(struct coro *generator, size_t item_size)
{
	if (!generator)
		return adaptor_failed(-EINVAL);
	struct generated generated = {
		.adaptor = adaptor_making(item_size, generated_next, NULL),
		.generator = generator,
	};
	generated.adaptor.iterator.close = generated_close;
	struct coro_iterator *it = adaptor_create(&generated.adaptor, sizeof(generated), 0);
	if (adaptor_error(it))
		coro_destroy(generator);
	return it;
}

struct coro_iterator *coro_iter_generate_at(const char *site, coro_fn *fn, void *arg,
					    size_t item_size)
{
	struct coro *generator;
	int r = coro_create_at(site, fn, arg, &generator);
	if (r < 0)
		return adaptor_failed(r);
	struct coro_iterator *it = coro_iter_generator(generator, item_size);
	if (!adaptor_error(it))
		((struct generated *)it)->own = true;
	return it;
}

/* ---- borrowed iterators ---- */

struct borrowed {
	struct adaptor adaptor; /* without a source, since that would be closed */
	struct coro_iterator *lender;
};

static int borrowed_next(struct coro_iterator *it, void **ret)
{
	struct borrowed *borrowed = (struct borrowed *)it;
	return borrowed->lender->next(borrowed->lender, ret);
}

struct coro_iterator *coro_iter_borrow(struct coro_iterator *it)
{
	int error = adaptor_error(it);
	if (error)
		return adaptor_failed(error);
	struct borrowed borrowed = {
		.adaptor = adaptor_passing(borrowed_next, it),
		.lender = it,
	};
	borrowed.adaptor.source = NULL;
	return adaptor_create(&borrowed.adaptor, sizeof(borrowed), 0);
}
