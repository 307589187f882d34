/* SPDX-License-Identifier: MIT */
/*
 * Tasks of two loops, in two threads, count in one variable without a lock. Both are there before
 * either begins, by a counter that orders nothing.
 */
#include <coro.h>

#include <pthread.h>
#include <stdatomic.h>

static int count;
static atomic_int there;

__attribute__((noinline)) static void count_up(void)
{
	count++;
}

static int counter(void *arg)
{
	(void)arg;
	atomic_fetch_add_explicit(&there, 1, memory_order_relaxed);
	while (atomic_load_explicit(&there, memory_order_relaxed) < 2)
		if (coro_task_yield() < 0)
			return -1;
	for (int i = 0; i < 100; i++) {
		int r = coro_task_yield();
		if (r < 0)
			return r;
		count_up();
	}
	return 0;
}

static int body(void *arg)
{
	struct coro_future *future;
	int r = coro_spawn(counter, arg, &future);
	if (r < 0)
		return r;
	r = coro_await(future, NULL);
	coro_future_unref(future);
	return r;
}

static void *run(void *arg)
{
	return coro_run(body, arg) < 0 ? arg : NULL;
}

int main(void)
{
	pthread_t other;
	if (pthread_create(&other, NULL, run, NULL) != 0)
		return 1;
	run(NULL);
	return pthread_join(other, NULL);
}
