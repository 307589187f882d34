/* SPDX-License-Identifier: MIT */
/*
 * Iterators: one protocol for arrays, ranges, strings, generators and types of your own, and
 * Python's itertools over it.
 *
 *   source               stages                                       end
 *   coro_iter_range  ->  coro_iter_filter  ->  coro_iter_islice  ->  coro_iter_collect
 *
 *   struct coro_array evens;
 *   r = coro_iter_collect(coro_iter_islice(coro_iter_filter(even, NULL, coro_iter_count(0, 1)),
 *                                          0, 5, 1), &evens);
 *
 * Ownership. A stage owns the iterators that it is given and closes them when it is closed; an end,
 * which returns an int, closes the pipeline whatever it returns. To read on afterwards, lend the
 * iterator: coro_iter_borrow. One iterator is used by one caller at a time.
 *
 * Errors. A function that makes an iterator never returns NULL. If it fails, -ENOMEM or -EINVAL
 * (NULL for an iterator or a function, or an argument that cannot be), it closes what it was given,
 * and the result, and whatever is made over that, gives the error in place of items. So a pipeline
 * is one expression, and its error comes out at its end. After its end, or an error that it met, a
 * stage is at its end.
 *
 * Items are pointers, valid until their iterator's next call or its close. Stages are lazy and
 * allocate nothing per item. What holds an item for longer copies it: item_size bytes, or where
 * that is 0 the pointer itself, as it outlives the iterator. A place to put an item, such as find's
 * ret, is that large too: item_size bytes, or one void *. The items of zip, enumerate and pairwise
 * point to others, and can be copied if those outlive their iterator, as an array's do, or are
 * plain pointers. Otherwise copying them is -EINVAL: coro_iter_map makes items of your own of them.
 *
 * Where a function argument may be NULL, items must be int64_t (-EINVAL unless item_size is 8), and
 * NULL stands for what Python does without one: truth, order or sum.
 *
 * Nothing here suspends its caller, except that a generator may, used in a task.
 */
#ifndef CORO_ITERATOR_H
#define CORO_ITERATOR_H

#include <coro/coroutine.h>

CORO_BEGIN_DECLS

/* ---- the protocol ---- */

/*
 * A type of your own is an iterator by having one of these as its first member. It may live
 * anywhere.
 *
 *   static int lines_next(struct coro_iterator *it, void **ret);
 *   struct lines { struct coro_iterator iterator; FILE *file; char line[80]; };
 *   struct lines lines = { .iterator = { .next = lines_next, .item_size = 80 }, .file = file };
 */
struct coro_iterator {
	/* 1: *ret is the next item; 0: the end, and at every later call; < 0: an error. */
	int (*next)(struct coro_iterator *it, void **ret);
	/* Gives back what it holds: 0 or an error. Called once, last. NULL for nothing to do. */
	int (*close)(struct coro_iterator *it);
	/* Bytes of an item; 0 for plain pointers, which outlive the iterator; or CORO_NOCOPY. */
	size_t item_size;
	/* Items stay valid and unchanged after the next call and the close, as an array's do. */
	bool lasting;
};

/* The item_size of items that must not be copied, since they point to what does not last. */
#define CORO_NOCOPY SIZE_MAX

/* Whether it is an iterator: neither it nor its next is NULL (PyIter_Check). */
CORO_API bool coro_iter_check(const struct coro_iterator *it);

/*
 * The next item (PyIter_Next): 1 and the item in *ret, 0 at the end, < 0 an error. -EINVAL if it is
 * no iterator. ret may be NULL, to skip the item.
 */
CORO_MUST_CHECK CORO_API int coro_iter_next(struct coro_iterator *it, void **ret);

/*
 * Closes the iterator and all that it owns; it is gone then. NULL is fine. 0, or the first error
 * met in closing: a generator's, see coro_destroy, or one of a type of yours.
 */
CORO_API int coro_iter_close(struct coro_iterator *it);

/* ---- sources ---- */

/*
 * The items of an array of count items, which must outlive the iterator (iter(list)). item_size 0:
 * base is an array of pointers, and they are the items. Pass no const array to what writes to
 * items.
 */
CORO_API struct coro_iterator *coro_iter_array(const void *base, size_t count, size_t item_size);

/* int64_t from start until before stop (range). -EINVAL for step 0. */
CORO_API struct coro_iterator *coro_iter_range(int64_t start, int64_t stop, int64_t step);

/* The bytes of a string, which must outlive the iterator: items are const char * (iter(bytes)). */
CORO_API struct coro_iterator *coro_iter_string(const char *string);

/*
 * What a generator yields, items of item_size bytes. Owns the generator: closing destroys it, and
 * gives its errors; one that yields instead of leaving (-EPROTO) is not freed, and is the caller's
 * again. Its return value is not passed on.
 */
CORO_API struct coro_iterator *coro_iter_generator(struct coro *generator, size_t item_size);

/*
 * The same of a generator made for it: what fn(arg) yields. If the generator yields instead of
 * leaving when it is closed, it is asked once more, and then discarded: only its deferred calls
 * run, and the close gives -EPROTO. Inside the generator itself, or in another thread than its own,
 * it cannot be closed: -EBUSY, -EPERM, and the iterator stays.
 */
#define coro_iter_generate(...) \
	coro_iter_generate_at(CORO_HERE, __VA_ARGS__) /* (fn, arg, item_size) */
CORO_API struct coro_iterator *coro_iter_generate_at(const char *site, coro_fn *fn, void *arg,
						     size_t item_size);

/* int64_t start, start + step, ... (itertools.count). Past the last that there is: -EOVERFLOW. */
CORO_API struct coro_iterator *coro_iter_count(int64_t start, int64_t step);

/* A copy of an item, this many times; endlessly if that is negative (itertools.repeat). */
CORO_API struct coro_iterator *coro_iter_repeat(const void *item, size_t item_size, int64_t times);

/* ---- stages ---- */

/* A function of an item: 0, and its result in *ret, a place for an item of map's; < 0 an error. */
typedef int coro_transform(void *item, void *arg, void *ret);

/* A question about an item: > 0 yes, 0 no, < 0 an error. */
typedef int coro_predicate(const void *item, void *arg);

/* Takes an item into *total, a place for an item: 0, or < 0 an error. */
typedef int coro_reducer(void *total, void *item, void *arg);

/*
 * The items of another, which stays the caller's: closing this leaves it open, to be read on and to
 * be closed later.
 */
CORO_API struct coro_iterator *coro_iter_borrow(struct coro_iterator *it);

/*
 * All items, then the same again, endlessly, from copies, for which it allocates as they come:
 * -ENOMEM (itertools.cycle).
 */
CORO_API struct coro_iterator *coro_iter_cycle(struct coro_iterator *it);

/*
 * The items of n iterators (struct coro_iterator *), one after another (itertools.chain). -EINVAL
 * unless they agree in item_size.
 */
CORO_API struct coro_iterator *coro_iter_chain(size_t n, ...);
CORO_API struct coro_iterator *coro_iter_chainv(size_t n, struct coro_iterator *const *its);

/*
 * Every step-th item, from number start until before number stop; no bound if stop is negative
 * (itertools.islice). Of a borrowed iterator it takes as much as Python's: up to stop, also where
 * that lies between two steps. -EINVAL for start < 0 or step < 1.
 */
CORO_API struct coro_iterator *coro_iter_islice(struct coro_iterator *it, int64_t start,
						int64_t stop, int64_t step);

/*
 * What fn makes of each item (map): items of item_size bytes, or, for 0, pointers that outlive the
 * iterator.
 */
CORO_API struct coro_iterator *coro_iter_map(coro_transform *fn, void *arg, size_t item_size,
					     struct coro_iterator *it);

/* The items of which the predicate is true; NULL: that are not 0 (filter). */
CORO_API struct coro_iterator *coro_iter_filter(coro_predicate *predicate, void *arg,
						struct coro_iterator *it);

/*
 * The items before the first of which the predicate is false (itertools.takewhile). That one is
 * lost.
 */
CORO_API struct coro_iterator *coro_iter_takewhile(coro_predicate *predicate, void *arg,
						   struct coro_iterator *it);

/* The items from the first of which the predicate is false (itertools.dropwhile). */
CORO_API struct coro_iterator *coro_iter_dropwhile(coro_predicate *predicate, void *arg,
						   struct coro_iterator *it);

/*
 * Arrays of pointers, void *[n], to an item of each of n iterators, until the first of them ends
 * (zip). They are asked in the order given, and what those before that one gave is lost.
 */
CORO_API struct coro_iterator *coro_iter_zip(size_t n, ...);
CORO_API struct coro_iterator *coro_iter_zipv(size_t n, struct coro_iterator *const *its);

struct coro_enumerated {
	int64_t index;
	void *item;
};

/* struct coro_enumerated: the items, numbered from start (enumerate). -EOVERFLOW past INT64_MAX. */
CORO_API struct coro_iterator *coro_iter_enumerate(struct coro_iterator *it, int64_t start);

/*
 * Running totals: the first item, then what the reducer makes of it and each further item
 * (itertools.accumulate). NULL: the sum, or -EOVERFLOW. For an initial total, chain a repeat of it
 * in front.
 */
CORO_API struct coro_iterator *coro_iter_accumulate(coro_reducer *fn, void *arg,
						    struct coro_iterator *it);

/* Items copied side by side: what coro_iter_array takes. */
struct coro_array {
	void *items; /* of item_size bytes each, or, for 0, the pointers */
	size_t count;
};

/*
 * struct coro_array: the items in batches of n; the last may be shorter (itertools.batched). Its
 * memory is used anew for each batch, and grows as the first one fills: -ENOMEM. -EINVAL for n 0.
 */
CORO_API struct coro_iterator *coro_iter_batched(struct coro_iterator *it, size_t n);

struct coro_pair {
	void *first, *second;
};

/* struct coro_pair: each item and the next; nothing for fewer than two (itertools.pairwise). */
CORO_API struct coro_iterator *coro_iter_pairwise(struct coro_iterator *it);

/* ---- ends ---- */

/* What is done with an item: 0 go on, > 0 enough, < 0 an error. */
typedef int coro_visitor(void *item, void *arg);

/* The order of two items: < 0, 0 or > 0, as qsort's. */
typedef int coro_compare(const void *a, const void *b, void *arg);

/*
 * Calls fn for each item (a for statement): 0 after the last, else what fn returned to end it, or
 * an error.
 */
CORO_MUST_CHECK CORO_API int coro_iter_for_each(coro_visitor *fn, void *arg,
						struct coro_iterator *it);

/*
 * Copies of all items, in ret->items, which the caller frees with free() (list): 0. -EINVAL if they
 * cannot be copied; -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_iter_collect(struct coro_iterator *it, struct coro_array *ret);

/* The sum of int64_t items: 0 (sum). -EINVAL if item_size is another; -EOVERFLOW. */
CORO_MUST_CHECK CORO_API int coro_iter_sum(struct coro_iterator *it, int64_t *ret);

/* 1 at the first item of which the predicate is true, else 0; NULL: that is not 0 (any). */
CORO_MUST_CHECK CORO_API int coro_iter_any(coro_predicate *predicate, void *arg,
					   struct coro_iterator *it);

/* 0 at the first item of which the predicate is false, else 1; NULL: that is 0 (all). */
CORO_MUST_CHECK CORO_API int coro_iter_all(coro_predicate *predicate, void *arg,
					   struct coro_iterator *it);

/*
 * Finds the first item of which the predicate is true, NULL: that is not 0: 1, and a copy of it at
 * ret, a place for an item; 0 if there is none (next(filter())). -EINVAL if it cannot be copied;
 * -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_iter_find(coro_predicate *predicate, void *arg,
					    struct coro_iterator *it, void *ret);

/*
 * The last of the running totals that coro_iter_accumulate gives (functools.reduce): 1, and it is
 * at ret, a place for an item; 0 if there are no items. -EINVAL if they cannot be copied; -ENOMEM.
 */
CORO_MUST_CHECK CORO_API int coro_iter_reduce(coro_reducer *fn, void *arg, struct coro_iterator *it,
					      void *ret);

/*
 * The smallest item, of equals the first (min); NULL: by number. A copy of it at ret; results as
 * coro_iter_reduce's.
 */
CORO_MUST_CHECK CORO_API int coro_iter_min(coro_compare *compare, void *arg,
					   struct coro_iterator *it, void *ret);

/* The largest item, of equals the first (max), likewise. */
CORO_MUST_CHECK CORO_API int coro_iter_max(coro_compare *compare, void *arg,
					   struct coro_iterator *it, void *ret);

/*
 * A typed view, free of cost: CORO_ITERATOR(pages, struct page) declares
 *
 *   struct coro_iterator *pages_iter_array(struct page *base, size_t count);
 *   struct coro_iterator *pages_iter_generator(struct coro *generator);
 *   int pages_iter_next(struct coro_iterator *it, struct page **ret);
 */
#define CORO_ITERATOR(name, type)                                                             \
	CORO_UNUSED static inline struct coro_iterator *name##_iter_array(type *coro_base_,   \
									  size_t coro_count_) \
	{                                                                                     \
		return coro_iter_array(coro_base_, coro_count_, sizeof(type));                \
	}                                                                                     \
	CORO_UNUSED static inline struct coro_iterator *name##_iter_generator(                \
		struct coro *coro_generator_)                                                 \
	{                                                                                     \
		return coro_iter_generator(coro_generator_, sizeof(type));                    \
	}                                                                                     \
	CORO_UNUSED static inline int name##_iter_next(struct coro_iterator *coro_it_,        \
						       type **coro_ret_)                      \
	{                                                                                     \
		void *coro_item_;                                                             \
		int coro_r_ = coro_iter_next(coro_it_, &coro_item_);                          \
		if (coro_r_ > 0 && coro_ret_)                                                 \
			*coro_ret_ = CORO_FROM_VOID_(type *, coro_item_);                     \
		return coro_r_;                                                               \
	}                                                                                     \
	CORO_TAKES_SEMICOLON_

CORO_END_DECLS

#endif
