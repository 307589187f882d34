/* SPDX-License-Identifier: MIT */
/* A call that blocks the thread, and so all tasks. */
#include <coro.h>
#include <unistd.h>

static int program(void *arg)
{
	return usleep(200000);
}

int main(void)
{
	return coro_run(program, NULL);
}
