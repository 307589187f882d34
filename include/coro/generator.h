/* SPDX-License-Identifier: MIT */
/*
 * Generators: coroutines that yield a sequence of values. All of Python's generator protocol:
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
 * A generator may yield from any depth of calls, and may be used inside tasks: there it may also
 * wait, which makes it what Python calls an async generator. A loop knows those that have waited in
 * it, and coro_run closes those still open at its end (see coro_loop_shutdown_asyncgens): you may
 * leave one in the middle, but it stays yours to destroy.
 */
#ifndef CORO_GENERATOR_H
#define CORO_GENERATOR_H

#include <coro/coroutine.h>

CORO_BEGIN_DECLS

/*
 * The generator's next item (Python's next).
 *
 *   1     *ret is the item, valid until the generator runs again
 *   0     the end; *ret is the value returned, NULL for none and at every later call
 *   < 0   the body failed with this code, or the call was wrong: -EBUSY, -EPERM, -ENOMEM as
 *         coro_resume
 *
 * ret may be NULL.
 */
CORO_MUST_CHECK CORO_API int coro_next(struct coro *generator, void **ret);

/*
 * The same, with value as what the pending yield gives back (Python's generator.send). -EINVAL if
 * it has not started and value is not NULL.
 */
CORO_MUST_CHECK CORO_API int coro_send(struct coro *generator, void *value, void **ret);

/*
 * Called in a generator: yields all that another one yields, in its place (Python's yield from).
 * Until that ends, items, values sent and errors thrown pass between the caller's consumer and the
 * innermost generator directly: an item costs the same however long the chain of delegations.
 *
 *   0     the other ended; *ret is the value it returned. ret may be NULL.
 *   < 0   it failed with this code, or the caller is being closed: CORO_EXIT, and it has been
 *         closed too
 *   -EPERM  the caller is no generator; -EBUSY: the other runs, or is delegated to already
 *
 * The other stays the caller's, who destroys it. While delegated to, it may still be driven by
 * itself, as in Python.
 */
CORO_MUST_CHECK CORO_API int coro_yield_from(struct coro *generator, void **ret);

/*
 * A typed view over all this, free of cost: CORO_GENERATOR(pages, struct page); declares
 *
 *   int pages_create(coro_fn *fn, void *arg, struct coro **ret);
 *   int pages_next(struct coro *generator, struct page **ret);
 *   int pages_yield(struct page *item);
 *   int pages_destroy(struct coro *generator);
 *
 * A report names such a generator by the place of this line. ret of pages_next may be NULL.
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
