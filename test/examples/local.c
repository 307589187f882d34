/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/local.h. */
#include "example.h"

#include "local.1.inc"

static const char *seen;

static int look_up(void *key)
{
	seen = coro_local_get(&request);
	return 0;
}

static int program(void *arg)
{
	static char r[] = "r";
	int key = 5;
	struct coro_future *task;
#include "local.2.inc"
	int failed = coro_await(task, NULL);
	coro_future_unref(task);
	return failed < 0 || seen != r ? -EPROTO : 0;
}

MAIN(program)
