/* SPDX-License-Identifier: MIT */
/* coro_task_yield with 2, 1,000 and 100,000 runnable tasks, by stack size; and spawn with await. */
#include "bench.h"

#include <coro.h>

static long rounds_left;

static int yielder(void *arg)
{
	(void)arg;
	for (long i = rounds_left; i > 0; i--)
		coro_task_yield();
	return 0;
}

static double start_time, end_time;

static int measure(void *arg)
{
	long tasks = (long)arg;
	for (long i = 1; i < tasks; i++)
		if (coro_spawn(yielder, NULL, NULL) < 0)
			exit(1);
	coro_task_yield(); /* all have started */
	start_time = bench_now();
	yielder(NULL);
	end_time = bench_now();
	return 0;
}

/* ns of a yield with so many tasks on stacks of that size */
static double yield_ns(long tasks, size_t stack_size)
{
	rounds_left = (tasks < 10000 ? 4000000 : 8000000) / tasks;
	struct coro_loop_options options = {.stack_size = stack_size};
	if (coro_run_with(&options, measure, (void *)tasks) < 0)
		exit(1);
	return (end_time - start_time) / ((double)rounds_left * (double)tasks);
}

static double two(void)
{
	return yield_ns(2, 0);
}

static double thousand(void)
{
	return yield_ns(1000, 0);
}

static double many(void)
{
	return yield_ns(100000, 0);
}

static double many_small(void)
{
	return yield_ns(100000, 65536);
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int spawn_and_await(void *arg)
{
	double *ns = arg;
	enum { COUNT = 500000 };
	double start = bench_now();
	for (int i = 0; i < COUNT; i++) {
		struct coro_future *task;
		coro_spawn(nothing, NULL, &task);
		coro_await(task, NULL);
		coro_future_unref(task);
	}
	*ns = (bench_now() - start) / COUNT;
	return 0;
}

static double spawn_await(void)
{
	double ns;
	coro_run(spawn_and_await, &ns);
	return ns;
}

int main(void)
{
	static struct bench table[] = {
		{.name = "yield, 2 tasks", .run = two},
		{.name = "yield, 1,000 tasks", .run = thousand},
		{.name = "yield, 100,000 tasks, 256 KiB stacks", .run = many},
		{.name = "yield, 100,000 tasks, 64 KiB stacks", .run = many_small},
		{.name = "spawn and await an empty task", .run = spawn_await},
	};
	bench_table(table, sizeof(table) / sizeof(table[0]), 5);
	return 0;
}
