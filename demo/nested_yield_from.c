/* SPDX-License-Identifier: MIT */
/*
 * Two endless tasks on the slides' scheduler, for 60 steps.
 *
 * async_sleep yields, several calls deep. Its callers are plain functions that call it plainly; in
 * Python each of them needs a `yield from`.
 */
#include "talk.h"

static int async_sleep(int64_t interval)
{
	int64_t expiry = coro_clock() + interval;
	int r;
	do
		r = coro_yield(NULL, NULL);
	while (r == 0 && coro_clock() < expiry);
	return r;
}

static int async_is_prime(int64_t x)
{
	for (int64_t i = 2; i <= x / i; i++) {
		if (x % i == 0)
			return 0;
		int r = async_sleep(0);
		if (r < 0)
			return r;
	}
	return x >= 2;
}

static int async_print_matches(void *iterable)
{
	int64_t *item;
	int r;
	while ((r = numbers_iter_next(iterable, &item)) > 0) {
		r = async_is_prime(*item);
		if (r > 0)
			printf("Found: %" PRId64 ", ", *item);
		if (r >= 0)
			r = coro_yield(NULL, NULL);
		if (r < 0)
			break;
	}
	return r;
}

static int async_repetitive_msg(void *msg)
{
	int r;
	do
		puts(msg);
	while ((r = async_sleep(2 * CORO_SEC)) == 0);
	return r;
}

int main(void)
{
	struct coro_iterator *iterable = fibonacci();
	char msg[] = "Interval message";
	struct scheduler s = {0};
	scheduler_add(&s, async_print_matches, iterable);
	scheduler_add(&s, async_repetitive_msg, msg);

	for (int step = 0; step < 60; step++) {
		struct task *task = popleft(&s.executable_tasks);
		printf("Running task %d ... ", task->id);
		must(coro_next(task->routine, NULL));
		puts("now yielded");
		append(&s.executable_tasks, task);
	}
	for (int i = 0; i < s.count; i++)
		must(coro_destroy(s.tasks[i].routine));
	return must(coro_iter_close(iterable));
}
