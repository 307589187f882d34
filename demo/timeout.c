/* SPDX-License-Identifier: MIT */
/*
 * Timeouts: a deadline for everything that is called between begin and end, however deep. They
 * nest.
 */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

/* Knows nothing of timeouts: it returns on an error, as all functions do. */
static coro_async int ask(const char *server, int64_t takes)
{
	int r = coro_sleep(takes);
	printf("%s: %s\n", server, r < 0 ? "no answer" : "answers");
	return r;
}

static coro_async int ask_briefly(const char *server, int64_t takes)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 100 * CORO_MSEC);
	if (r < 0)
		return r;
	return coro_timeout_end(&timeout, ask(server, takes));
}

/* Asks one after another until one answers. Each has 100 ms, and all together have 250 ms. */
static coro_async int ask_three(int64_t third)
{
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 250 * CORO_MSEC);
	if (r < 0)
		return r;
	r = ask_briefly("a", 300 * CORO_MSEC);
	if (r == -ETIMEDOUT)
		r = ask_briefly("b", 400 * CORO_MSEC);
	if (r == -ETIMEDOUT)
		r = ask_briefly("c", third);
	r = coro_timeout_end(&timeout, r);
	printf("%s, at %d ms\n",
	       r == 0            ? "good"
	       : r == -ETIMEDOUT ? "too late"
				 : coro_message(r),
	       (int)(coro_loop_time(coro_running_loop()) / CORO_MSEC));
	return r;
}

static coro_async int program(void *arg)
{
	int r = ask_three(20 * CORO_MSEC);
	return r < 0 ? r : ask_three(90 * CORO_MSEC) != -ETIMEDOUT;
}

int main(void)
{
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r != 0;
}
