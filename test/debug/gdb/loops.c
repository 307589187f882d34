/* SPDX-License-Identifier: MIT */
/*
 * Two loops in two threads, for test/check-gdb. In each a task waits that is called after its thread. The
 * main thread is in stop when both wait.
 */
#include <coro.h>

#include <pthread.h>
#include <semaphore.h>

#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

static sem_t waiting;

static int wait_first(void *arg)
{
	int r = coro_sleep(1000 * CORO_SEC);
	(void)arg;
	KEEP_FRAME();
	return r;
}

static int wait_second(void *arg)
{
	int r = coro_sleep(1000 * CORO_SEC);
	(void)arg;
	KEEP_FRAME();
	return r;
}

__attribute__((noinline)) void stop(void)
{
	KEEP_FRAME();
}

static int second(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(wait_second, arg, &task);
	if (r == 0)
		r = coro_task_yield();
	sem_post(&waiting);
	return r < 0 ? r : coro_await(task, NULL);
}

static int first(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(wait_first, arg, &task);
	if (r == 0)
		r = coro_task_yield();
	sem_wait(&waiting);
	stop();
	return r < 0 ? r : coro_await(task, NULL);
}

static void *run_second(void *arg)
{
	return coro_run(second, NULL) < 0 ? arg : NULL;
}

int main(void)
{
	pthread_t thread;
	if (sem_init(&waiting, 0, 0) < 0 || pthread_create(&thread, NULL, run_second, NULL) != 0)
		return 1;
	return coro_run(first, NULL) < 0;
}
