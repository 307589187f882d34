/* SPDX-License-Identifier: MIT */
/* What is deferred is done however the task ends, the last first. */
#include <coro.h>
#include <stdio.h>

static void close_door(void *door)
{
	printf("closing the %s door\n", (char *)door);
}

static int enter(void *arg)
{
	int r = coro_defer(close_door, "outer");
	if (r == 0)
		r = coro_defer(close_door, "inner");
	if (r < 0)
		return r;
	return coro_sleep(3600 * CORO_SEC);
}

static int program(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(enter, NULL, &task);
	if (r < 0)
		return r;
	r = coro_wait_for(task, 10 * CORO_MSEC, NULL);
	printf("%s\n", coro_strerror(r));
	coro_future_unref(task);
	return 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
