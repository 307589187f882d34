/* SPDX-License-Identifier: MIT */
/*
 * coro_task_yield with 2, 1,000 and 100,000 runnable tasks, by stack size; and spawn with await. Beside each a bare
 * register switch from stack to stack, in a circle, over as many stacks placed alike: what the memory costs alone.
 */
#include "bare.h"
#include "bench.h"

#include <coro.h>
#include <sys/mman.h>

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

/* ns of a yield with n tasks on stacks of that size */
static double yield_ns(long tasks, size_t stack_size)
{
	rounds_left = (tasks < 10000 ? 4000000 : 8000000) / tasks;
	struct coro_loop_options options = {.stack_size = stack_size};
	if (coro_run_with(&options, measure, (void *)tasks) < 0)
		exit(1);
	return (end_time - start_time) / ((double)rounds_left * (double)tasks);
}

/* -- the floor */

#if HAVE_BARE
static void **circle;
static long circle_length, circle_at;

static void circle_body(void)
{
	for (;;) {
		long from = circle_at;
		circle_at = from + 1 < circle_length ? from + 1 : 0;
		bare_switch(&circle[from], circle[circle_at]);
	}
}

static double circle_ns(long stacks, size_t stride)
{
	size_t size = (size_t)stacks * stride;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	circle = malloc((size_t)stacks * sizeof(*circle));
	if (memory == MAP_FAILED || !circle)
		exit(1);
	madvise(memory, size, MADV_NOHUGEPAGE);
	for (long i = 1; i < stacks; i++)
		circle[i] = bare_make(memory + (size_t)(i + 1) * stride - (size_t)(i * 7 % 40) * 64,
				      circle_body);
	circle_length = stacks;
	circle_at = 0;
	long rounds = (stacks < 10000 ? 4000000 : 8000000) / stacks;
	double start = 0;
	for (long i = -1; i < rounds; i++) {
		if (i == 0)
			start = bench_now(); /* all have been touched */
		circle_at = 1;
		bare_switch(&circle[0], circle[1]);
	}
	double ns = (bench_now() - start) / ((double)rounds * (double)stacks);
	munmap(memory, size);
	free(circle);
	return ns;
}
#else
static double circle_ns(long stacks, size_t stride)
{
	(void)stacks, (void)stride;
	return 1;
}
#endif

static double floor_two(void)
{
	return circle_ns(2, 262144);
}

static double floor_thousand(void)
{
	return circle_ns(1000, 262144);
}

static double floor_many(void)
{
	return circle_ns(100000, 262144);
}

static double floor_many_small(void)
{
	return circle_ns(100000, 65536);
}

/* -- the library */

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
	static struct bench rows[][2] = {
		{{.name = "bare switch, 2 stacks", .run = floor_two},
		 {.name = "yield, 2 tasks", .run = two}},
		{{.name = "bare switch, 1,000 stacks", .run = floor_thousand},
		 {.name = "yield, 1,000 tasks", .run = thousand}},
		{{.name = "bare switch, 100,000 stacks of 256 KiB", .run = floor_many},
		 {.name = "yield, 100,000 tasks, 256 KiB stacks", .run = many}},
		{{.name = "bare switch, 100,000 stacks of 64 KiB", .run = floor_many_small},
		 {.name = "yield, 100,000 tasks, 64 KiB stacks", .run = many_small}},
		{{.name = "yield, 2 tasks", .run = two},
		 {.name = "spawn and await an empty task", .run = spawn_await}},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bench_table(rows[i], 2, 7);
	return 0;
}
