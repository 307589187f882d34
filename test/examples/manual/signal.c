/* SPDX-License-Identifier: MIT */
/* Waits for a signal, which it sends itself. */
#include <coro.h>
#include <signal.h>
#include <stdio.h>

static void send_signal(void *arg)
{
	raise(SIGHUP);
}

static int program(void *arg)
{
	struct coro_loop *loop = coro_running_loop();
	int r = coro_call_later(loop, 10 * CORO_MSEC, send_signal, NULL, NULL);
	if (r < 0)
		return r;
	int signum = coro_signal_wait(SIGHUP, SIGTERM);
	if (signum == SIGHUP)
		puts("reading the configuration again");
	return signum < 0 ? signum : 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
