/* SPDX-License-Identifier: MIT */
/*
 * What waiting costs: a line "NAME NS" for each row, as waits.py prints for asyncio and uvloop. To be compared, all
 * three in the same run, by test/bench/beside.
 */
#include "bench.h"

#include <coro.h>

enum { TIMES = 300000, MANY = 1000 };

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void must(int r)
{
	if (r < 0) {
		fprintf(stderr, "waits: %s\n", coro_strerror(r));
		exit(1);
	}
}

/* A task is spawned, awaited and unreferenced. */
static void spawn_await(void)
{
	for (int i = 0; i < TIMES; i++) {
		struct coro_future *task;
		must(coro_spawn(nothing, NULL, &task));
		must(coro_await(task, NULL));
		coro_future_unref(task);
	}
}

/* An item goes from one task to another, and back by another queue. */
static struct coro_queue *there, *back;

static int echo(void *arg)
{
	void *item;
	for (int i = 0; i < TIMES / 2; i++) {
		must(coro_queue_get(there, &item));
		must(coro_queue_put(back, item));
	}
	return 0;
}

static void queue_hop(void)
{
	void *item = NULL;
	must(coro_queue_create(0, &there));
	must(coro_queue_create(0, &back));
	must(coro_spawn(echo, NULL, NULL));
	for (int i = 0; i < TIMES / 2; i++) {
		must(coro_queue_put(there, item));
		must(coro_queue_get(back, &item));
	}
	must(coro_queue_destroy(there));
	must(coro_queue_destroy(back));
}

/* The task that releases the lock waits for it again, behind the other one. */
static struct coro_lock lock;

static int take_turns(void *arg)
{
	for (int i = 0; i < TIMES / 2; i++) {
		must(coro_lock_acquire(&lock));
		must(coro_lock_release(&lock));
	}
	return 0;
}

static void lock_hand_over(void)
{
	struct coro_future *other;
	coro_lock_init(&lock);
	must(coro_lock_acquire(&lock));
	must(coro_spawn(take_turns, NULL, &other));
	must(coro_task_yield());
	must(coro_lock_release(&lock));
	take_turns(NULL);
	must(coro_await(other, NULL));
	coro_future_unref(other);
}

/* A thousand tasks are spawned and gathered, counted one by one. */
static void gather(void)
{
	static struct coro_future *tasks[MANY];
	for (int i = 0; i < TIMES / MANY; i++) {
		for (int k = 0; k < MANY; k++)
			must(coro_spawn(nothing, NULL, &tasks[k]));
		must(coro_gather(tasks, MANY, NULL));
		for (int k = 0; k < MANY; k++)
			coro_future_unref(tasks[k]);
	}
}

static void give_way(void)
{
	for (int i = 0; i < TIMES; i++)
		must(coro_task_yield());
}

static int program(void *arg)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} rows[] = {
		{"sleep(0)", give_way},       {"create_task+await", spawn_await},
		{"queue-hop", queue_hop},     {"lock-hand-over", lock_hand_over},
		{"gather-1000,each", gather},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double start = bench_now();
		rows[i].run();
		printf("%s %.1f\n", rows[i].name, (bench_now() - start) / TIMES);
	}
	return 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
