/* SPDX-License-Identifier: MIT */
/* Two tasks that take turns. */
#include <coro.h>
#include <stdio.h>

static int count(void *name)
{
	for (int i = 1; i <= 3; i++) {
		printf("%s %d\n", (char *)name, i);
		int r = coro_sleep(10 * CORO_MSEC);
		if (r < 0)
			return r;
	}
	return 0;
}

static int program(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(count, "red", &task);
	if (r < 0)
		return r;
	r = count("blue");
	int red = coro_await(task, NULL);
	coro_future_unref(task);
	return r < 0 ? r : red;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
