/* SPDX-License-Identifier: MIT */
/* Bodies of tasks. */
#ifndef TEST_TASK_BODIES_H
#define TEST_TASK_BODIES_H

#include "core/coroutine.h"
#include "task/task.h"
#include "tasks.h"

static int value;

static inline int nothing(void *arg)
{
	return 0;
}

static inline int returns_value(void *arg)
{
	coro_return(&loop);
	coro_sleep(1);
	coro_return(arg);
	coro_sleep(1);
	return 5;
}

static inline int sets(void *arg)
{
	coro_sleep(10);
	*(int *)arg = 1;
	return 0;
}

static inline int counts_slowly(void *arg)
{
	static int items[] = {1, 2, 3};
	for (int i = 0; i < 3; i++) {
		int r = coro_sleep(10);
		if (r < 0)
			return r;
		r = coro_yield(&items[i], NULL);
		if (r < 0)
			return r;
	}
	return coro_return(arg);
}

static inline int reads_slowly(void *arg)
{
	struct coro *generator;
	void *item;
	int sum = 0;
	ck_assert_int_eq(coro_create(counts_slowly, &value, &generator), 0);
	while (coro_next(generator, &item) == 1) {
		sum += *(int *)item;
		trace("item");
	}
	ck_assert_ptr_eq(item, &value);
	ck_assert_int_eq(coro_destroy(generator), 0);
	return sum;
}

static inline int ticks(void *arg)
{
	coro_sleep(5);
	for (int i = 0; i < 3; i++) {
		trace("tick");
		coro_sleep(10);
	}
	return 0;
}

#endif
