/* SPDX-License-Identifier: MIT */
/* Writes to a variable whose block has ended; the writer is another task, while the first waits. */
#include <coro.h>

static int *volatile kept;

__attribute__((noinline)) static void write_kept(void)
{
	*kept = 1;
}

static int writer(void *arg)
{
	(void)arg;
	write_kept();
	return 0;
}

static int owner(void *arg)
{
	(void)arg;
	{
		int local = 0;
		kept = &local;
		*kept = 2;
	}
	return coro_sleep(CORO_MSEC);
}

static int body(void *arg)
{
	struct coro_future *first, *second;
	int r = coro_spawn(owner, arg, &first);
	if (r == 0)
		r = coro_spawn(writer, arg, &second);
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
