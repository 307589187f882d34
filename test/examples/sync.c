/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/sync.h. */
#include "example.h"

#include "sync.1.inc"

static int updating, updates;

static int update(void)
{
	must(updating++ == 0 ? 0 : -EPROTO);
	must(coro_task_yield());
	updating--;
	updates++;
	return 0;
}

static int updater(void *arg)
{
#include "sync.2.inc"
	return r;
}

static int program(void *arg)
{
	struct coro_future *tasks[2];
	for (int i = 0; i < 2; i++)
		must(coro_spawn(updater, NULL, &tasks[i]));
	must(coro_gather(tasks, 2, NULL));
	for (int i = 0; i < 2; i++)
		coro_future_unref(tasks[i]);
	return updates == 2 ? 0 : -EPROTO;
}

MAIN(program)
