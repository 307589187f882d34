/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/wait.h. */
#include "example.h"

static int naps(void *msec)
{
	coro_sleep(*(int *)msec * CORO_MSEC);
	return *(int *)msec;
}

static int order;

static void use(struct coro_future *task, int status)
{
	order = 10 * order + status;
}

static int program(void *arg)
{
	static int msecs[] = {3, 1, 2};
	enum { count = 3 };
	struct coro_future *tasks[count];
	void *value;
	int r;
	for (int i = 0; i < count; i++)
		must(coro_spawn(naps, &msecs[i], &tasks[i]));
#include "wait.1.inc"
	for (int i = 0; i < count; i++)
		coro_future_unref(tasks[i]);
	return r == 0 && order == 123 ? 0 : -EPROTO;
}

MAIN(program)
