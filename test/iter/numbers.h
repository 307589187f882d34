/* SPDX-License-Identifier: MIT */
/*
 * What the tests of iterators read: the numbers 1 .. n, int64_t, from an array, from a type of the
 * test's own that records how it is used, and from a generator. The latter two have one place for
 * all items, and spoil it before the next.
 */
#ifndef TEST_CORE_NUMBERS_H
#define TEST_CORE_NUMBERS_H

#include <coro/generator.h>
#include <coro/iterator.h>

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPOILT = -99 };

struct probe {
	struct coro_iterator iterator;
	int64_t count;   /* how many it gives */
	int error;       /* what comes after them; 0 for the end */
	int close_error; /* what its close returns */
	int64_t item;
	int64_t given;
	bool over;
	int calls_when_over;
	int closed;
};

static inline int probe_next(struct coro_iterator *it, void **ret)
{
	struct probe *probe = (struct probe *)it;
	probe->item = SPOILT;
	probe->calls_when_over += probe->over || probe->closed;
	if (probe->over)
		return 0;
	if (probe->given == probe->count) {
		probe->over = true;
		return probe->error;
	}
	probe->item = ++probe->given;
	*ret = &probe->item;
	return 1;
}

static inline int probe_close(struct coro_iterator *it)
{
	struct probe *probe = (struct probe *)it;
	probe->item = SPOILT;
	probe->closed++;
	return probe->close_error;
}

static inline struct probe probe_of(int64_t count)
{
	return (struct probe){
		.iterator = {.next = probe_next,
			     .close = probe_close,
			     .item_size = sizeof(int64_t)},
		.count = count,
	};
}

/* arg: a probe, of which the generator does what it says. */
static inline int yield_numbers(void *arg)
{
	struct probe *probe = (struct probe *)arg;
	int64_t item;
	int r = 0;
	while (r == 0 && probe->given < probe->count) {
		item = ++probe->given;
		r = coro_yield(&item, NULL);
		item = SPOILT;
	}
	probe->closed++;
	coro_return(&item);
	return r < 0 ? r : probe->error;
}

static inline struct coro_iterator *generated(struct probe *probe)
{
	return coro_iter_generate(yield_numbers, probe, sizeof(int64_t));
}

enum source { FROM_ARRAY, FROM_PROBE, FROM_GENERATOR, SOURCES };

/* The numbers 1 .. count, at most 10; probe records what is asked of them, but of an array's. */
static inline struct coro_iterator *numbers(enum source source, int64_t count, struct probe *probe)
{
	static const int64_t array[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	*probe = probe_of(count);
	switch (source) {
	case FROM_ARRAY:
		return coro_iter_array(array, (size_t)count, sizeof(*array));
	case FROM_GENERATOR:
		return generated(probe);
	default:
		return &probe->iterator;
	}
}

/* Stacks that generators hold: none once all are closed. */
static inline size_t stacks_in_use(void)
{
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	return stats.in_use;
}

/* ---- items as text ---- */

typedef void show_fn(FILE *out, void *item);

static inline void show_number(FILE *out, void *item)
{
	fprintf(out, "%lld", (long long)*(int64_t *)item);
}

static inline void show_enumerated(FILE *out, void *item)
{
	struct coro_enumerated *enumerated = item;
	fprintf(out, "(%lld ", (long long)enumerated->index);
	show_number(out, enumerated->item);
	fputc(')', out);
}

static inline void show_two(FILE *out, void *first, void *second)
{
	fputc('(', out);
	show_number(out, first);
	fputc(' ', out);
	show_number(out, second);
	fputc(')', out);
}

static inline void show_pair(FILE *out, void *item)
{
	struct coro_pair *pair = item;
	show_two(out, pair->first, pair->second);
}

static inline void show_zipped(FILE *out, void *item)
{
	void **items = item;
	show_two(out, items[0], items[1]);
}

static inline void show_batch(FILE *out, void *item)
{
	struct coro_array *batch = item;
	for (size_t i = 0; i < batch->count; i++) {
		fputc(i ? ' ' : '[', out);
		show_number(out, (int64_t *)batch->items + i);
	}
	fputc(']', out);
}

static inline void show_letter(FILE *out, void *item)
{
	fputc(*(const char *)item, out);
}

/*
 * Up to most items as text, "1 2 3." where the end followed, "1 2 3 error -5" where an error did.
 * Does not close the iterator. The text lives until the next call.
 */
static inline const char *text_of(struct coro_iterator *it, show_fn *show, int most)
{
	static char text[1000];
	FILE *out = fmemopen(text, sizeof(text), "w");
	void *const untouched = text;
	for (int i = 0; i < most; i++) {
		void *item = untouched;
		int r = coro_iter_next(it, &item);
		if (r <= 0) {
			ck_assert_ptr_eq(item, untouched);
			if (r < 0)
				fprintf(out, "%serror %d", i ? " " : "", r);
			else
				fputc('.', out);
			break;
		}
		if (i > 0)
			fputc(' ', out);
		show(out, item);
	}
	fclose(out);
	return text;
}

/* The same of an iterator that is closed afterwards, without an error. */
static inline const char *text_and_close(struct coro_iterator *it, show_fn *show, int most)
{
	const char *text = text_of(it, show, most);
	ck_assert_int_eq(coro_iter_close(it), 0);
	return text;
}

/* What an iterator returns first if that is no item; closes it. */
static inline int error_of(struct coro_iterator *it)
{
	int r = coro_iter_next(it, NULL);
	coro_iter_close(it);
	return r;
}

/* Functions of items. */

static inline int is_even(const void *item, void *arg)
{
	(void)arg;
	return *(const int64_t *)item % 2 == 0;
}

/* Its argument: the number to be below. */
static inline int is_below(const void *item, void *arg)
{
	return *(const int64_t *)item < *(const int64_t *)arg;
}

/* An error at the number 3, else yes. */
static inline int fails_at_three(const void *item, void *arg)
{
	(void)arg;
	return *(const int64_t *)item == 3 ? -ERANGE : 1;
}

static inline int product(void *total, void *item, void *arg)
{
	(void)arg;
	*(int64_t *)total *= *(int64_t *)item;
	return 0;
}

static inline int product_fails_at_three(void *total, void *item, void *arg)
{
	return *(int64_t *)item == 3 ? -ERANGE : product(total, item, arg);
}

/* Iterators that could not be made. */

static inline struct coro_iterator *invalid(void)
{
	return coro_iter_range(0, 1, 0);
}

static inline struct coro_iterator *no_memory(void)
{
	return coro_iter_repeat("a", CORO_NOCOPY - 1, 1); /* more than there is */
}

#endif
