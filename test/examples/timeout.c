/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/timeout.h. */
#include "example.h"

static int server;

static int talk_to(int server)
{
	return coro_sleep(server);
}

static int talks(void)
{
	int r;
#include "timeout.1.inc"
}

static int program(void *arg)
{
	return talks();
}

MAIN(program)
