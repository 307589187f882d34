/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/group.h. */
#include "example.h"

static int fetched;

static int fetch(void *n)
{
	fetched += *(int *)n;
	return 0;
}

static int fetch_both(void)
{
	int a = 1, b = 2;
#include "group.1.inc"
}

static int program(void *arg)
{
	int r = fetch_both();
	return r == 0 && fetched == 3 ? 0 : -EPROTO;
}

MAIN(program)
