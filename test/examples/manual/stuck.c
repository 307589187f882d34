/* SPDX-License-Identifier: MIT */
/* A test that would hang fails instead. */
#include <coro.h>
#include <stdio.h>

static struct coro_event started;

static int wait_for_start(void *arg)
{
	return coro_event_wait(&started);
}

int main(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, wait_for_start, NULL);
	printf("%s\n", coro_message(r));
	return 0;
}
