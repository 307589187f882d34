/* SPDX-License-Identifier: MIT */
/*
 * Cancellation: coro_cancel makes the call that the task waits in return -ECANCELED.
 *
 * The error goes up through the callers like any other. Cleanup is ordinary code after the call,
 * and may wait itself.
 */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

/* Knows nothing of cancellation: it returns on an error, as all functions do. */
static coro_async int write_letters(void)
{
	for (int i = 1;; i++) {
		int r = coro_sleep(40 * CORO_MSEC);
		if (r < 0)
			return r;
		printf("letter %d\n", i);
	}
}

/* A task. Posts what was written, even if it was cancelled. */
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
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
