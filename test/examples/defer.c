/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/defer.h. */
#include "example.h"

enum { SIZE = 4096 };

static int read_into(char *page)
{
	page[SIZE - 1] = 'x';
	return coro_sleep(CORO_MSEC);
}

static int program(void *arg){
#include "defer.1.inc"
}

MAIN(program)
