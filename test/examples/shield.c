/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/shield.h. */
#include "example.h"

static int server, said_goodbye;

static int talk_to(int server)
{
	return coro_sleep(CORO_SEC + server);
}

static int say_goodbye(int server)
{
	int r = coro_sleep(CORO_MSEC);
	said_goodbye = r == 0;
	return r;
}

static int talks(void *arg)
{
#include "shield.1.inc"
}

static int program(void *arg)
{
	struct coro_future *task;
	int r = coro_spawn(talks, NULL, &task);
	if (r < 0)
		return r;
	coro_task_yield();
	coro_cancel(task);
	coro_task_yield();
	coro_cancel(task); /* in the cleanup */
	r = coro_await(task, NULL);
	coro_future_unref(task);
	return r == -ECANCELED && said_goodbye ? 0 : -EPROTO;
}

MAIN(program)
