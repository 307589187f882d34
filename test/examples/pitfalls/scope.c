/* SPDX-License-Identifier: MIT */
/* A timeout that is not ended on each path. */
#include <coro.h>

static int program(void *arg)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, CORO_SEC);
	if (r == 0)
		return 0;
	return coro_timeout_end(&timeout, r);
}

int main(void)
{
	return coro_run(program, NULL);
}
