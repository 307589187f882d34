/* SPDX-License-Identifier: MIT */
/*
 * Tasks in each state, for test/check-gdb: one that waits deep down, one that sleeps, one that waits in
 * a generator, one for a file descriptor, one for a group, one that has not started, and one that runs, in
 * a generator. That one is in stop; with an argument the process prints there what is mapped, and dies if
 * that is "die", or stays. And a generator that has yielded and is forgotten.
 */
#include <coro.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *end; /* NULL: it goes on */

/* Keeps calls from becoming jumps. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

static __attribute__((noinline)) int wait_deep(int depth, struct coro_future *future)
{
	int r = depth ? wait_deep(depth - 1, future) : coro_await(future, NULL);
	KEEP_FRAME();
	return r;
}

static int waiter(void *arg)
{
	int r = wait_deep(3, arg);
	KEEP_FRAME();
	return r;
}

static int sleeper(void *arg)
{
	int r = coro_sleep(1000 * CORO_SEC);
	(void)arg;
	KEEP_FRAME();
	return r;
}

static int inner(void *arg)
{
	int r = wait_deep(1, arg);
	KEEP_FRAME();
	return r;
}

static int outer(void *arg)
{
	struct coro *generator;
	int r = coro_create(inner, arg, &generator);
	if (r == 0)
		r = coro_next(generator, NULL);
	KEEP_FRAME();
	return r;
}

static int iterates(void *arg)
{
	struct coro *generator;
	int r = coro_create(outer, arg, &generator);
	if (r == 0)
		r = coro_next(generator, NULL);
	KEEP_FRAME();
	return r;
}

static int reader(void *arg)
{
	char byte;
	int ends[2];
	(void)arg;
	int r = pipe(ends);
	if (r == 0)
		r = (int)coro_read(ends[0], &byte, 1);
	KEEP_FRAME();
	return r;
}

static int grouper(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_spawn(group, sleeper, arg, NULL);
	r = coro_group_end(group, r);
	KEEP_FRAME();
	return r;
}

/* Which files are mapped: emulators leave that out of core files. */
static void print_maps(void)
{
	static char text[1 << 16];
	size_t size = 0;
	ssize_t n = 1;
	int maps = open("/proc/self/maps", O_RDONLY);
	while (n > 0 && size < sizeof(text)) {
		n = read(maps, text + size, sizeof(text) - size);
		size += n > 0 ? (size_t)n : 0;
	}
	if (write(STDOUT_FILENO, text, size) < 0)
		abort();
	close(maps);
}

__attribute__((noinline)) void stop(void)
{
	if (end)
		print_maps();
	if (end && strcmp(end, "die") == 0)
		abort();
	while (end)
		pause();
	KEEP_FRAME();
}

static int stopper(void *arg)
{
	(void)arg;
	stop();
	KEEP_FRAME();
	return 0;
}

static int runner(void *arg)
{
	struct coro_future *late;
	struct coro *generator;
	int r = coro_spawn(sleeper, arg, &late);
	if (r == 0)
		r = coro_create(stopper, arg, &generator);
	if (r == 0)
		r = coro_next(generator, NULL);
	KEEP_FRAME();
	return r;
}

static int forgotten(void *arg)
{
	int r = coro_yield(arg, NULL);
	KEEP_FRAME();
	return r;
}

static int body(void *arg)
{
	struct coro_future *future, *task;
	struct coro *generator;
	int r = coro_future_create(coro_running_loop(), &future);
	if (r == 0)
		r = coro_create(forgotten, arg, &generator);
	if (r == 0 && coro_next(generator, NULL) != 1)
		r = -1;
	coro_fn *bodies[] = {waiter, sleeper, iterates, reader, grouper};
	const char *names[] = {"waiter", "sleeper", "iterates", "reader", "grouper"};
	for (int i = 0; i < 5 && r == 0; i++) {
		r = coro_spawn(bodies[i], future, &task);
		if (r == 0)
			r = coro_task_set_name(task, names[i]);
	}
	if (r == 0)
		r = coro_sleep(CORO_MSEC);
	if (r == 0)
		r = coro_spawn(runner, arg, &task);
	if (r == 0)
		r = coro_await(task, NULL);
	_exit(r != 0);
}

int main(int argc, char **argv)
{
	end = argc > 1 ? argv[1] : NULL;
	return coro_run(body, NULL) < 0;
}
