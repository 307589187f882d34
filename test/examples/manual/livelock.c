/* SPDX-License-Identifier: MIT */
/* A task that polls a flag. Virtual time stands still while it does, so the flag is never set. */
#include <coro.h>
#include <stdio.h>

static bool loaded;

static int load(void *arg)
{
	int r = coro_sleep(3600 * CORO_SEC);
	loaded = r == 0;
	return r;
}

static int wait_for_it(void *arg)
{
	int r = coro_spawn(load, NULL, NULL);
	while (r == 0 && !loaded)
		r = coro_task_yield();
	return r;
}

int main(void)
{
	struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK,
		.max_turns = 1000,
	};
	int r = coro_run_with(&options, wait_for_it, NULL);
	printf("%s\n", coro_message(r));
	return 0;
}
