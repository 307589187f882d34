/* SPDX-License-Identifier: MIT */
/*
 * Iterators: one protocol for arrays, ranges, strings, generators and types of your own, and the
 * functions of Python's itertools over it.
 *
 *   source               adaptors                                     end
 *   coro_iter_range  ->  coro_iter_filter  ->  coro_iter_islice  ->  coro_iter_collect
 *
 *   struct coro_array evens;
 *   r = coro_iter_collect(coro_iter_islice(coro_iter_filter(even, NULL, coro_iter_count(0, 1)),
 *                                          0, 5, 1), &evens);
 *
 * Ownership. An adaptor owns the iterators that it is given, and closes them when it is closed. An
 * end, which returns an int, closes the pipeline whether it succeeds or fails. To use an iterator
 * after that, lend it with coro_iter_borrow. An iterator is used by one caller at a time.
 *
 * Errors. A function that makes an iterator never returns NULL. If it fails with -ENOMEM or -EINVAL
 * (NULL for an iterator or a function, or an argument that is not valid), it closes the iterators
 * that it was given. The iterator that it returns gives the error in place of its first item, and
 * so do the adaptors over it. So a pipeline can be one expression, and its end returns the error.
 * After its end or an error, an adaptor gives no more items.
 *
 * Items are pointers. An item is valid until its iterator's next call or its close. Adaptors are
 * lazy and allocate nothing per item. Functions that keep an item for longer copy it: item_size
 * bytes, or the pointer itself where item_size is 0, since such pointers outlive the iterator. Room
 * for an item, such as ret of coro_iter_find, is item_size bytes too, or one void *.
 *
 * The items of coro_iter_zip, coro_iter_enumerate and coro_iter_pairwise point to other items. They
 * can be copied if those outlive their iterator, as an array's do, or are plain pointers. Otherwise
 * copying them is -EINVAL: make items of your own of them with coro_iter_map.
 *
 * Where a function argument may be NULL, items must be int64_t (item_size other than 8 is -EINVAL).
 * NULL then means Python's default: truth, order or sum.
 *
 * Nothing here suspends its caller, except for a generator that waits, in a task.
 */
#ifndef CORO_ITERATOR_H
#define CORO_ITERATOR_H

#include <coro/coroutine.h>

CORO_BEGIN_DECLS

/* ---- the protocol ---- */

/*
 * An iterator. A type of your own is one if its first member is this struct. It may live anywhere.
 *
 *   static int lines_next(struct coro_iterator *it, void **ret);
 *   struct lines { struct coro_iterator iterator; FILE *file; char line[80]; };
 *   struct lines lines = { .iterator = { .next = lines_next, .item_size = 80 }, .file = file };
 */
struct coro_iterator {
	/* 1 and the next item in *ret; 0 at the end and at every later call; or an error. */
	int (*next)(struct coro_iterator *it, void **ret);
	/* Frees what the iterator holds; called once, last. 0 or an error. NULL if not needed. */
	int (*close)(struct coro_iterator *it);
	/* Bytes of an item; 0 for plain pointers, which outlive the iterator; or CORO_NOCOPY. */
	size_t item_size;
	/* Whether items outlive the next call and the close, unchanged, as an array's do. */
	bool lasting;
};

/*
 * The item_size of items that must not be copied, since they point to what the next call changes.
 */
#define CORO_NOCOPY SIZE_MAX

/* Returns whether it is an iterator: neither it nor its next is NULL. Like PyIter_Check. */
CORO_API bool coro_iter_check(const struct coro_iterator *it);

/*
 * Gets the next item. ret may be NULL, to skip the item. Returns 1 and the item in *ret, 0 at the
 * end, or an error; -EINVAL if it is no iterator. Like PyIter_Next.
 */
CORO_MUST_CHECK CORO_API int coro_iter_next(struct coro_iterator *it, void **ret);

/*
 * Closes the iterator and all that it owns, and frees it. NULL is allowed. Returns 0, or the first
 * error met in closing: a generator's (see coro_destroy), or that of a type of yours.
 */
CORO_API int coro_iter_close(struct coro_iterator *it);

/* ---- sources ---- */

/*
 * Makes an iterator over the count items of an array, which must outlive it. If item_size is 0,
 * base is an array of pointers, and these are the items. Do not pass a const array to functions
 * that write to items. Like iter.
 */
CORO_API struct coro_iterator *coro_iter_array(const void *base, size_t count, size_t item_size);

/*
 * Makes an iterator over the int64_t from start to before stop. A step of 0 is -EINVAL. Like range.
 */
CORO_API struct coro_iterator *coro_iter_range(int64_t start, int64_t stop, int64_t step);

/* Makes an iterator over the bytes of a string, which must outlive it. Items are const char *. */
CORO_API struct coro_iterator *coro_iter_string(const char *string);

/*
 * Makes an iterator over what a generator yields, items of item_size bytes. It owns the generator:
 * closing the iterator destroys the generator and returns the errors of that. A generator that
 * yields instead of returning (-EPROTO) is not freed, and is the caller's again. The generator's
 * value is dropped.
 */
CORO_API struct coro_iterator *coro_iter_generator(struct coro *generator, size_t item_size);

/*
 * Makes an iterator over what fn(arg) yields as a generator of its own, items of item_size bytes.
 *
 * If the generator yields instead of returning when the iterator is closed, it is asked again, and
 * after several times discarded: only its deferred calls run, and the close is -EPROTO. The
 * iterator cannot be closed inside the generator itself (-EBUSY), nor in another thread than the
 * generator's (-EPERM). It stays open then.
 */
#define coro_iter_generate(...) /* (coro_fn *fn, void *arg, size_t item_size) */ \
	coro_iter_generate_at(CORO_HERE, __VA_ARGS__)
/* The function behind coro_iter_generate. */
CORO_API struct coro_iterator *coro_iter_generate_at(const char *site, coro_fn *fn, void *arg,
						     size_t item_size);

/*
 * Makes an iterator over the int64_t start, start + step and so on. After the last number that
 * int64_t holds it gives -EOVERFLOW. Like itertools.count.
 */
CORO_API struct coro_iterator *coro_iter_count(int64_t start, int64_t step);

/*
 * Makes an iterator that gives a copy of one item, `times` times, or endlessly if that is negative.
 * Like itertools.repeat.
 */
CORO_API struct coro_iterator *coro_iter_repeat(const void *item, size_t item_size, int64_t times);

/* ---- adaptors ---- */

/* A function that makes one item of another. 0 and the result in *ret, room for it; or an error. */
typedef int coro_transform(void *item, void *arg, void *ret);

/* A question about an item: > 0 for yes, 0 for no, or an error. */
typedef int coro_predicate(const void *item, void *arg);

/* A function that adds an item to *total, which holds an item: 0 or an error. */
typedef int coro_reducer(void *total, void *item, void *arg);

/*
 * Lends an iterator: gives its items, but leaves it open when closed. The lent one stays the
 * caller's, to be read on and closed later.
 */
CORO_API struct coro_iterator *coro_iter_borrow(struct coro_iterator *it);

/*
 * Gives all items, and then the same again, endlessly. It keeps copies, for which it allocates
 * memory as items come: without memory it gives -ENOMEM. Like itertools.cycle.
 */
CORO_API struct coro_iterator *coro_iter_cycle(struct coro_iterator *it);

/*
 * Gives the items of n iterators (struct coro_iterator *), one iterator after another. They must
 * have the same item_size, else -EINVAL. Like itertools.chain.
 */
CORO_API struct coro_iterator *coro_iter_chain(size_t n, ...);

/* Does what coro_iter_chain does, with the iterators in an array. */
CORO_API struct coro_iterator *coro_iter_chainv(size_t n, struct coro_iterator *const *its);

/*
 * Gives every step-th item, from number start to before number stop, or to the end if stop is
 * negative. Of a borrowed iterator it takes as many items as Python's: up to stop, also if stop
 * lies between two steps. start < 0 or step < 1 is -EINVAL. Like itertools.islice.
 */
CORO_API struct coro_iterator *coro_iter_islice(struct coro_iterator *it, int64_t start,
						int64_t stop, int64_t step);

/*
 * Gives what fn makes of each item: items of item_size bytes, or, if that is 0, pointers that
 * outlive the iterator. Like map.
 */
CORO_API struct coro_iterator *coro_iter_map(coro_transform *fn, void *arg, size_t item_size,
					     struct coro_iterator *it);

/*
 * Gives the items for which the predicate is true, or those that are not 0 for NULL. Like filter.
 */
CORO_API struct coro_iterator *coro_iter_filter(coro_predicate *predicate, void *arg,
						struct coro_iterator *it);

/*
 * Gives the items before the first for which the predicate is false. That one is read and dropped.
 * Like itertools.takewhile.
 */
CORO_API struct coro_iterator *coro_iter_takewhile(coro_predicate *predicate, void *arg,
						   struct coro_iterator *it);

/*
 * Gives all items from the first for which the predicate is false. Like itertools.dropwhile.
 */
CORO_API struct coro_iterator *coro_iter_dropwhile(coro_predicate *predicate, void *arg,
						   struct coro_iterator *it);

/*
 * Gives arrays of pointers, void *[n], to one item of each of n iterators, until one of them ends.
 * The iterators are read in the order given. When one ends, the items read before it in that round
 * are lost. Like zip.
 */
CORO_API struct coro_iterator *coro_iter_zip(size_t n, ...);

/* Does what coro_iter_zip does, with the iterators in an array. */
CORO_API struct coro_iterator *coro_iter_zipv(size_t n, struct coro_iterator *const *its);

/* An item of coro_iter_enumerate. */
struct coro_enumerated {
	int64_t index;
	void *item;
};

/*
 * Gives the items with their numbers, counted from start, as struct coro_enumerated. A number past
 * INT64_MAX is -EOVERFLOW. Like enumerate.
 */
CORO_API struct coro_iterator *coro_iter_enumerate(struct coro_iterator *it, int64_t start);

/*
 * Gives running totals: the first item, then what the reducer makes of the total and each further
 * item. NULL means the sum, which may be -EOVERFLOW. For an initial total, chain a repeat of it in
 * front. Like itertools.accumulate.
 */
CORO_API struct coro_iterator *coro_iter_accumulate(coro_reducer *fn, void *arg,
						    struct coro_iterator *it);

/* Items side by side, as coro_iter_array takes them. */
struct coro_array {
	void *items; /* of item_size bytes each; if that is 0, the pointers */
	size_t count;
};

/*
 * Gives the items in batches of n, as struct coro_array. The last batch may be shorter. All batches
 * use the same memory, which grows while the first one fills and may be -ENOMEM. n of 0 is -EINVAL.
 * Like itertools.batched.
 */
CORO_API struct coro_iterator *coro_iter_batched(struct coro_iterator *it, size_t n);

/* An item of coro_iter_pairwise. */
struct coro_pair {
	void *first, *second;
};

/*
 * Gives each item together with the next, as struct coro_pair; nothing for fewer than two items.
 * Like itertools.pairwise.
 */
CORO_API struct coro_iterator *coro_iter_pairwise(struct coro_iterator *it);

/* ---- ends ---- */

/* A function that is called for an item: 0 goes on, > 0 stops, < 0 is an error. */
typedef int coro_visitor(void *item, void *arg);

/* The order of two items: < 0, 0 or > 0. Like qsort's. */
typedef int coro_compare(const void *a, const void *b, void *arg);

/*
 * Calls fn for each item. Returns 0 after the last item, the result with which fn stopped, or an
 * error. Like for.
 */
CORO_MUST_CHECK CORO_API int coro_iter_for_each(coro_visitor *fn, void *arg,
						struct coro_iterator *it);

/*
 * Copies all items into an array, ret->items, which the caller frees with free(). Returns 0,
 * -ENOMEM, or -EINVAL if items cannot be copied. Like list.
 */
CORO_MUST_CHECK CORO_API int coro_iter_collect(struct coro_iterator *it, struct coro_array *ret);

/* Adds up int64_t items. Returns 0, -EOVERFLOW, or -EINVAL if item_size is not 8. Like sum. */
CORO_MUST_CHECK CORO_API int coro_iter_sum(struct coro_iterator *it, int64_t *ret);

/*
 * Reads items up to the first for which the predicate is true, or that is not 0 for NULL. Returns 1
 * if there is one, else 0. Like any.
 */
CORO_MUST_CHECK CORO_API int coro_iter_any(coro_predicate *predicate, void *arg,
					   struct coro_iterator *it);

/*
 * Reads items up to the first for which the predicate is false, or that is 0 for NULL. Returns 0 if
 * there is one, else 1. Like all.
 */
CORO_MUST_CHECK CORO_API int coro_iter_all(coro_predicate *predicate, void *arg,
					   struct coro_iterator *it);

/*
 * Finds the first item for which the predicate is true, or that is not 0 for NULL, and copies it to
 * ret, room for an item. Returns 1, 0 if there is none, -ENOMEM, or -EINVAL if items cannot be
 * copied. Like `next(filter(...))`.
 */
CORO_MUST_CHECK CORO_API int coro_iter_find(coro_predicate *predicate, void *arg,
					    struct coro_iterator *it, void *ret);

/*
 * Combines all items into one: the last total that coro_iter_accumulate would give, at ret, room
 * for an item. Returns 1, 0 if there are no items, -ENOMEM, or -EINVAL if items cannot be copied.
 * Like functools.reduce.
 */
CORO_MUST_CHECK CORO_API int coro_iter_reduce(coro_reducer *fn, void *arg, struct coro_iterator *it,
					      void *ret);

/*
 * Copies the smallest item to ret, room for an item; of equal ones the first. NULL compares
 * numbers. Returns what coro_iter_reduce does. Like min.
 */
CORO_MUST_CHECK CORO_API int coro_iter_min(coro_compare *compare, void *arg,
					   struct coro_iterator *it, void *ret);

/*
 * Copies the largest item to ret, room for an item; of equal ones the first. NULL compares numbers.
 * Returns what coro_iter_reduce does. Like max.
 */
CORO_MUST_CHECK CORO_API int coro_iter_max(coro_compare *compare, void *arg,
					   struct coro_iterator *it, void *ret);

/*
 * Declares typed functions for iterators of one type of item. They cost nothing.
 * `CORO_ITERATOR(pages, struct page);` declares
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
