/* SPDX-License-Identifier: MIT */
/* A call on a loop in another thread. */
#include <coro.h>
#include <stdio.h>

static void do_nothing(void *arg)
{
}

static int call_loop(void *loop)
{
	int r = coro_call_soon(loop, do_nothing, NULL, NULL);
	printf("%s\n", coro_message(r));
	return 0;
}

static int program(void *arg)
{
	return coro_to_thread(call_loop, coro_running_loop());
}

int main(void)
{
	return coro_run(program, NULL);
}
