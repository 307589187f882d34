/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/group.h. */
#include "example.h"

static int a, b;

static int fetch(void *n)
{
	*(int *)n = 1;
	return 0;
}

static int fetch_both(void)
{
#include "group.1.inc"
}

static int program(void *arg)
{
	int r = fetch_both();
	return r == 0 && a + b == 2 ? 0 : -EPROTO;
}

MAIN(program)
