/* SPDX-License-Identifier: MIT */
/* What is around the example of coro/broadcast.h. */
#include "example.h"

static int price = 7, heard;
static struct coro_broadcast *market;

static int listens(void *arg)
{
	struct coro_broadcast *prices = market;
	int price, r;
#include "broadcast.2.inc"
	heard = price;
	must(coro_subscription_destroy(mine));
	return r == -EPIPE ? 0 : r;
}

static int program(void *arg)
{
	int r;
#include "broadcast.1.inc"
	must(r);
	market = prices;
	struct coro_future *listener;
	must(coro_spawn(listens, NULL, &listener));
	must(coro_task_yield());
	must(coro_broadcast_send(prices, &price));
	must(coro_broadcast_close(prices));
	r = coro_await(listener, NULL);
	coro_future_unref(listener);
	must(coro_broadcast_destroy(prices));
	return r == 0 && heard == 7 ? 0 : -EPROTO;
}

MAIN(program)
