/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/signal.h. */
#include "example.h"

static int waits(void *arg)
{
#include "signal.1.inc"
	return signum == SIGTERM ? 0 : -EPROTO;
}

static int program(void *arg)
{
	struct coro_future *task;
#include "signal.2.inc"
	must(coro_spawn(waits, NULL, &task));
	must(coro_task_yield());
	must(raise(SIGTERM) == 0 ? 0 : -EPROTO);
	int r = coro_await(task, NULL);
	coro_future_unref(task);
	return r;
}

MAIN(program)
