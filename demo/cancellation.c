/* SPDX-License-Identifier: MIT */
/* Cancellation is a result of the call that waits; the cleanup is ordinary code, and may wait. */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

/* Stops where its sleep is cut short, and need not know why. */
static coro_async int write_letters(void)
{
	for (int i = 1;; i++) {
		int r = coro_sleep(40 * CORO_MSEC);
		if (r < 0)
			return r;
		printf("letter %d\n", i);
	}
}

static coro_async int write_and_post(void *arg)
{
	int r = write_letters();
	puts("off to the post");
	if (coro_sleep(10 * CORO_MSEC) == 0)
		puts("posted");
	return r;
}

static coro_async int program(void *arg)
{
	struct coro_future *writer;
	int r = coro_spawn(write_and_post, NULL, &writer);
	if (r < 0)
		return r;
	r = coro_sleep(100 * CORO_MSEC);
	if (r == 0) {
		puts("that will do");
		coro_cancel(writer);
		r = coro_await(writer, NULL);
		printf("the writer was %s, after %d ms\n", r == -ECANCELED ? "cancelled" : "done",
		       (int)(coro_loop_time(coro_running_loop()) / CORO_MSEC));
	}
	coro_future_unref(writer);
	return r == -ECANCELED ? 0 : r;
}

int main(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	return coro_run_with(&options, program, NULL) < 0;
}
