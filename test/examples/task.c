/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/task.h. */
#include "example.h"

#include "task.1.inc"

static int program(void *arg)
{
	struct coro_future *task;
	int n = 7, r;
#include "task.2.inc"
	return r == 49 ? 0 : -EPROTO;
}

MAIN(program)
