/* SPDX-License-Identifier: MIT */
/* A loop without tasks: callbacks alone. */
#include <coro.h>
#include <stdio.h>

static void say(void *text)
{
	puts(text);
}

static void stop(void *loop)
{
	coro_loop_stop(loop);
}

int main(void)
{
	struct coro_loop *loop;
	if (coro_loop_create(NULL, &loop) < 0)
		return 1;
	int r = coro_call_later(loop, 10 * CORO_MSEC, say, "later", NULL);
	if (r == 0)
		r = coro_call_later(loop, 20 * CORO_MSEC, stop, loop, NULL);
	if (r == 0)
		r = coro_call_soon(loop, say, "soon", NULL);
	if (r == 0)
		r = coro_run_forever(loop);
	return coro_loop_close(loop) < 0 || r < 0;
}
