/* SPDX-License-Identifier: MIT */
/* A task that is cancelled says goodbye, which takes time, before it ends. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>

static int say_goodbye(void)
{
	int r = coro_sleep(10 * CORO_MSEC);
	puts(r < 0 ? "goodbye was cut short" : "goodbye");
	return r;
}

static int talk(void *arg)
{
	int r = coro_sleep(3600 * CORO_SEC);
	struct coro_shield_scope shield;
	if (coro_shield_begin(&shield, 2 * CORO_SEC) == 0)
		coro_shield_end(&shield, say_goodbye());
	return r;
}

static int program(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(talk, NULL, &task);
	if (r < 0)
		return r;
	coro_task_yield();
	coro_cancel(task);
	coro_task_yield();
	coro_cancel(task); /* while it says goodbye */
	r = coro_await(task, NULL);
	printf("%s\n", coro_strerror(r));
	coro_future_unref(task);
	return 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
