/* SPDX-License-Identifier: MIT */
/*
 * Generators: coroutines that yield a sequence of values.
 *
 *	static int countdown(void *from)
 *	{
 *		int r = 0;
 *		for (int i = *(int *)from; r == 0 && i > 0; i--)
 *			r = coro_yield(&i, NULL);
 *		return r;
 *	}
 *
 *	r = coro_create(countdown, &from, &numbers);
 *	if (r < 0)
 *		return r;
 *	while ((r = coro_next(numbers, &item)) > 0)
 *		printf("%d\n", *(int *)item);
 *	coro_destroy(numbers);
 *
 * The protocol is Python's:
 *
 *   next(g)          coro_next(g, &item)          1 an item, 0 the end, < 0 an error
 *   g.send(v)        coro_send(g, v, &item)
 *   g.throw(e)       coro_throw(g, e, &item)
 *   g.close()        coro_close(g)
 *   yield v          coro_yield(v, &sent)
 *   yield from h     coro_yield_from(h, &result)
 *   return v         return coro_return(v);
 *   raise e          return e;
 *
 * A generator is created by coro_create, or by a function that CORO_GENERATOR declares, and
 * destroyed by coro_destroy. It may yield in any function that its body calls.
 *
 * A generator that runs in a task may also wait: it is then what Python calls an async generator.
 * The loop knows the generators that have waited in it, and coro_run closes those that are still
 * open at its end (see coro_loop_shutdown_asyncgens). You may stop using one in the middle, but you
 * still have to destroy it.
 */
#ifndef CORO_GENERATOR_H
#define CORO_GENERATOR_H

#include <coro/coroutine.h>

CORO_BEGIN_DECLS

/*
 * Gets the generator's next item. ret may be NULL.
 *
 * Returns the error of the body, or
 *
 *   1        *ret is the item, valid until the generator runs again
 *   0        the end; *ret is the value of coro_return, and NULL at every later call
 *   -EBUSY, -EPERM, -EINVAL, -ENOMEM  as coro_resume
 *
 * Like next.
 */
CORO_MUST_CHECK CORO_API int coro_next(struct coro *generator, void **ret);

/*
 * Gets the next item, as coro_next. value is what the yield at which the generator stopped gives
 * back. If it has not started there is no such yield, and a value that is not NULL is -EINVAL. Like
 * generator.send.
 */
CORO_MUST_CHECK CORO_API int coro_send(struct coro *generator, void *value, void **ret);

/*
 * Yields all items of another generator, from inside the calling one. Until the other ends, items,
 * values sent and errors thrown pass directly between the caller's consumer and the innermost
 * generator: an item costs the same in a chain of delegations of any length.
 *
 * The other stays the caller's to destroy. Meanwhile it may also be resumed on its own, as in
 * Python. ret may be NULL.
 *
 * Returns the error of the other, -EINVAL, -ENOMEM, or
 *
 *   0          the other ended; *ret is the value of its coro_return, or NULL
 *   CORO_EXIT  the caller is being closed, and so was the other
 *   -EPERM     the caller is not in a generator, or the other belongs to another thread
 *   -EBUSY     the other runs, or another generator delegates to it
 *
 * Like `yield from`.
 */
CORO_MUST_CHECK CORO_API int coro_yield_from(struct coro *generator, void **ret);

/*
 * Declares typed functions for generators of one type of item. They cost nothing.
 * `CORO_GENERATOR(pages, struct page);` declares
 *
 *   int pages_create(coro_fn *fn, void *arg, struct coro **ret);
 *   int pages_next(struct coro *generator, struct page **ret);
 *   int pages_yield(struct page *item);
 *   int pages_destroy(struct coro *generator);
 *
 * Reports name such a generator by the place of this line. ret of pages_next may be NULL.
 */
#define CORO_GENERATOR(name, type)                                                                \
	CORO_UNUSED static inline int name##_create(coro_fn *coro_fn_, void *coro_arg_,           \
						    struct coro **coro_ret_)                      \
	{                                                                                         \
		return coro_create_at(CORO_HERE, coro_fn_, coro_arg_, coro_ret_);                 \
	}                                                                                         \
	CORO_UNUSED static inline int name##_next(struct coro *coro_generator_, type **coro_ret_) \
	{                                                                                         \
		void *coro_item_;                                                                 \
		int coro_r_ = coro_next(coro_generator_, &coro_item_);                            \
		if (coro_r_ > 0 && coro_ret_)                                                     \
			*coro_ret_ = CORO_FROM_VOID_(type *, coro_item_);                         \
		return coro_r_;                                                                   \
	}                                                                                         \
	CORO_UNUSED static inline int name##_yield(type *coro_item_)                              \
	{                                                                                         \
		return coro_yield(CORO_TO_VOID_(coro_item_), NULL);                               \
	}                                                                                         \
	CORO_UNUSED static inline int name##_destroy(struct coro *coro_generator_)                \
	{                                                                                         \
		return coro_destroy(coro_generator_);                                             \
	}                                                                                         \
	CORO_TAKES_SEMICOLON_

CORO_END_DECLS

#endif
