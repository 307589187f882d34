/* SPDX-License-Identifier: MIT */
/* An error with a message goes up from the task where it was raised. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>

static int find(const char *name)
{
	return coro_raise(-ENOENT, "there is no %s in the house", name);
}

static int cook(void *dish)
{
	int r = find("flour");
	if (r < 0)
		return r;
	printf("%s is ready\n", (char *)dish);
	return 0;
}

static int program(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(cook, "pancake", &task);
	if (r < 0)
		return r;
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

int main(void)
{
	int r = coro_run(program, NULL);
	if (r < 0)
		printf("%s (%s, raised at %s)\n", coro_message(r), coro_strerror(r),
		       coro_origin(r));
	return 0;
}
