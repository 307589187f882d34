/* SPDX-License-Identifier: MIT */
/*
 * A task keeps a pointer to a variable of a function that has returned, and waits. Another task reads
 * what it points to.
 */
#include <coro.h>

static int *volatile kept;

/* Deep enough to lie below all that the task still has on its stack. */
__attribute__((noinline)) static int keep_local(int depth)
{
	int local = 7;
	if (depth > 0)
		return keep_local(depth - 1) + local;
	kept = &local;
	return *kept;
}

static int owner(void *arg)
{
	(void)arg;
	keep_local(40);
	return coro_sleep(CORO_MSEC);
}

__attribute__((noinline)) static int read_kept(void)
{
	return *kept;
}

static int reader(void *arg)
{
	(void)arg;
	return read_kept();
}

static int body(void *arg)
{
	struct coro_future *first, *second;
	int r = coro_spawn(owner, arg, &first);
	if (r == 0)
		r = coro_spawn(reader, arg, &second);
	if (r < 0)
		return r;
	r = coro_await(first, NULL);
	if (r == 0)
		r = coro_await(second, NULL);
	coro_future_unref(first);
	coro_future_unref(second);
	return r;
}

int main(void)
{
	return coro_run(body, NULL) < 0;
}
