/* SPDX-License-Identifier: MIT */
/* What the programs of the talk "Iterators, generators and asyncio" share. */
#ifndef TALK_H
#define TALK_H

#include <coro.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

CORO_GENERATOR(numbers, int64_t);
CORO_ITERATOR(numbers, int64_t);

/* Python's ValueError: the first of the codes that are the program's own. */
#define VALUE_ERROR CORO_USER_ERROR

/* Ends the program on an error, with its message, like an exception that nobody catches. */
static inline int must(int r)
{
	if (r < 0) {
		fprintf(stderr, "%s\n", coro_message(r));
		exit(EXIT_FAILURE);
	}
	return r;
}

/* print(list(it)) */
static inline void print_list(struct coro_iterator *it)
{
	struct coro_array list;
	must(coro_iter_collect(it, &list));
	for (size_t i = 0; i < list.count; i++)
		printf("%s%" PRId64, i == 0 ? "[" : ", ", ((int64_t *)list.items)[i]);
	puts(list.count == 0 ? "[]" : "]");
	free(list.items);
}

/* ---- numbers and searches ---- */

/* Endless in Python; here it ends when a number is too large for int64_t. */
static inline int fibonacci_gen(void *arg)
{
	int64_t a = 2, b = 1, next;
	int r = numbers_yield(&a);
	while (r == 0 && (r = numbers_yield(&b)) == 0) {
		if (__builtin_add_overflow(a, b, &next))
			return -EOVERFLOW;
		a = b;
		b = next;
	}
	return r;
}

static inline struct coro_iterator *fibonacci(void)
{
	return coro_iter_generate(fibonacci_gen, NULL, sizeof(int64_t));
}

/*
 * Python needs two of these, search_gen and aio_search. Here one is enough: if the predicate waits,
 * so do coro_iter_find and this function, which know nothing of it.
 */
static inline int search(struct coro_iterator *it, coro_predicate *predicate, int64_t *ret)
{
	int r = coro_iter_find(predicate, NULL, it, ret);
	return r == 0 ? coro_raise(VALUE_ERROR, "Not found") : r;
}

/* For tasks: lets others run now and then. */
static inline coro_async int aio_is_prime(const void *item, void *arg)
{
	int64_t x = *(const int64_t *)item;
	for (int64_t i = 2; i <= x / i; i++) {
		if (x % i == 0)
			return 0;
		int r = i % 10000 == 0 ? coro_sleep(0) : 0;
		if (r < 0)
			return r;
	}
	return x >= 2;
}

static inline coro_async int twelve_digit_prime(const void *item, void *arg)
{
	int64_t x = *(const int64_t *)item;
	return x / 100000000000 >= 1 && x / 100000000000 <= 9 ? aio_is_prime(item, arg) : 0;
}

/* A task. Checks a future once a second. */
static inline coro_async int monitor_future(void *future)
{
	while (!coro_future_done(future)) {
		puts("Waiting ...");
		int r = coro_sleep(1 * CORO_SEC);
		if (r < 0)
			return r;
	}
	puts("Done!");
	return 0;
}

/* ---- tasks made of generators ---- */

struct async_search {
	struct coro_iterator *in;
	coro_predicate *predicate;
	int64_t found;
};

/* Yields after each item that does not match. Its value is a pointer to the one that does. */
static inline int async_search(void *arg)
{
	struct async_search *search = arg;
	int64_t *item;
	int r;
	while ((r = numbers_iter_next(search->in, &item)) > 0) {
		if (search->predicate(item, NULL)) {
			search->found = *item;
			return coro_return(&search->found);
		}
		r = coro_yield(NULL, NULL);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : coro_raise(VALUE_ERROR, "Not found");
}

/* A deque, as much as the slides need. */
struct deque {
	void *items[8];
	size_t head, tail;
};

static inline void append(struct deque *deque, void *item)
{
	deque->items[deque->tail++ % 8] = item;
}

static inline void *popleft(struct deque *deque)
{
	return deque->head < deque->tail ? deque->items[deque->head++ % 8] : NULL;
}

/* The slides' Task and Scheduler. The code that runs the tasks is in the demos. */
struct task {
	int id;
	struct coro *routine;
	int64_t *result; /* if it has completed */
	char error[32];  /* if it has failed */
};

struct scheduler {
	struct deque executable_tasks;
	struct task tasks[8];
	int count;
};

static inline int scheduler_add(struct scheduler *s, coro_fn *fn, void *arg)
{
	struct task *task = &s->tasks[s->count];
	must(coro_create(fn, arg, &task->routine));
	task->id = s->count++;
	append(&s->executable_tasks, task);
	return task->id;
}

#endif
