/* SPDX-License-Identifier: MIT */
/* Generators that tests drive: bodies, and the result of a step. */
#ifndef TEST_CORE_GENERATORS_H
#define TEST_CORE_GENERATORS_H

#include "coro/generator.h"

#include "fail_alloc.h"
#include "support.h"

#include <errno.h>
#include <stdint.h>

static inline struct coro *make(coro_fn *fn, void *arg)
{
	struct coro *co;
	ck_assert_int_eq(coro_create(fn, arg, &co), 0);
	return co;
}

static inline void *number(int n)
{
	return (void *)(intptr_t)n;
}

static inline int number_of(void *value)
{
	return (int)(intptr_t)value;
}

static inline size_t stacks_in_use(void)
{
	struct coro_pool_stats stats;
	coro_pool_stats(&stats);
	return stats.in_use;
}

/* Traces the result of a call: an item, the end and its value, or an error. */
static inline void trace_result(int r, void *item)
{
	if (r > 0)
		trace("%d", number_of(item));
	else if (r == 0)
		trace("end(%d)", number_of(item));
	else if (r == CORO_EXIT)
		trace("EXIT");
	else
		trace("error(%d)", -r);
}

static inline void trace_next(struct coro *generator)
{
	void *item = number(-99);
	int r = coro_next(generator, &item);
	trace_result(r, item);
}

static inline void trace_send(struct coro *generator, int n)
{
	void *item = number(-99);
	int r = coro_send(generator, number(n), &item);
	trace_result(r, item);
}

static inline void trace_throw(struct coro *generator, int error)
{
	void *item = number(-99);
	int r = coro_throw(generator, error, &item);
	trace_result(r, item);
}

/* 1 .. n, then the value 100. */
static inline int count(void *arg)
{
	for (int i = 1; i <= number_of(arg); i++) {
		int r = coro_yield(number(i), NULL);
		if (r < 0)
			return r;
	}
	return coro_return(number(100));
}

/* Yields 10 times what it is sent. */
static inline int tenfold(void *arg)
{
	void *sent = NULL;
	int r;
	while ((r = coro_yield(number(number_of(sent) * 10), &sent)) == 0)
		;
	return r;
}

/* An error becomes an item; only CORO_EXIT ends it. */
static inline int swallow(void *arg)
{
	int r = 0;
	while (r != CORO_EXIT)
		r = coro_yield(number(-r), NULL);
	return r;
}

static inline int fail_after_one(void *arg)
{
	int r = coro_yield(number(1), NULL);
	return r < 0 ? r : coro_raise(-EIO, "after %d", 1);
}

static inline int return_when_closed(void *arg)
{
	int r = coro_yield(number(1), NULL);
	return r == CORO_EXIT ? coro_return(number(5)) : 0;
}

/*
 * Yields its number times 1000, then all items of the inner one, traces how that ended, then yields
 * its number.
 */
struct link {
	struct coro *inner;
	int id;
	bool handles; /* errors of the inner one, but not CORO_EXIT */
	int left;     /* how often yield_from came back */
};

static inline int delegate(void *arg)
{
	struct link *link = arg;
	void *value = number(-1);
	int r = coro_yield(number(link->id * 1000), NULL);
	if (r < 0)
		return r;
	r = coro_yield_from(link->inner, &value);
	link->left++;
	if (r < 0) {
		trace("%d:%s", link->id, r == CORO_EXIT ? "exit" : "error");
		if (r == CORO_EXIT || !link->handles)
			return r;
	} else {
		trace("%d:got(%d)", link->id, number_of(value));
	}
	r = coro_yield(number(link->id), NULL);
	return r < 0 ? r : coro_return(number(link->id * 100));
}

static inline int just_delegate(void *arg)
{
	struct link *link = arg;
	void *value = NULL;
	int r = coro_yield_from(link->inner, &value);
	link->left++;
	return r < 0 ? r : coro_return(number(number_of(value) + 1));
}

/* A chain of three over an inner one, gone through up to that one's first item. */
static inline struct coro *start_chain(struct link links[3], struct coro *inner)
{
	for (int i = 0; i < 3; i++) {
		links[i] = (struct link){inner, i + 1, .handles = links[i].handles};
		inner = make(delegate, &links[i]);
	}
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(coro_next(inner, NULL), 1);
	return inner;
}

static inline void destroy_chain(struct coro *outermost, struct link links[3])
{
	ck_assert_int_eq(coro_destroy(outermost), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(coro_destroy(links[i].inner), 0);
	ck_assert_uint_eq(stacks_in_use(), 0);
	trace_take();
}

#endif
