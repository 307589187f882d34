/* SPDX-License-Identifier: MIT */
/* Mistakes that debug mode reports. */
#include <coro.h>
#include <errno.h>

static struct coro_lock lock;

static int fail(void *arg)
{
	return coro_raise(-EIO, "disk 7 is on fire");
}

static int leave_timeout_open(void *arg)
{
	struct coro_timeout timeout;
	return coro_timeout_begin(&timeout, CORO_SEC);
}

static int keep_lock(void *arg)
{
	return coro_lock_acquire(&lock);
}

static int program(void *arg)
{
	int r = coro_spawn(fail, NULL, NULL);
	if (r == 0)
		r = coro_spawn(leave_timeout_open, NULL, NULL);
	if (r == 0)
		r = coro_spawn(keep_lock, NULL, NULL);
	return r < 0 ? r : coro_sleep(2 * CORO_SEC);
}

int main(void)
{
	struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK | CORO_DEBUG,
	};
	return coro_run_with(&options, program, NULL) < 0;
}
