/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/channel.h. */
#include "example.h"

static int sends(void *channel)
{
	struct coro_channel *numbers = channel;
	int r;
#include "channel.2.inc"
	must(coro_channel_close(numbers));
	return r;
}

static int program(void *arg)
{
	int n = 0, r;
#include "channel.1.inc"
	must(r);
	must(coro_spawn(sends, numbers, NULL));
#include "channel.3.inc"
	must(coro_channel_destroy(numbers));
	return r == -EPIPE && n == 42 ? 0 : -EPROTO;
}

MAIN(program)
