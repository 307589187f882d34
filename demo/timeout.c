/* SPDX-License-Identifier: MIT */
/* A timeout covers all that is called between its two ends, however deep that waits; timeouts nest. */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

/* Knows nothing of timeouts: a wait that is cut short is an error like any other. */
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

/* The first that answers within 100 ms, if that takes no more than 250 ms in all. */
static coro_async int ask_all(void *arg)
{
	static const struct {
		const char *name;
		int64_t takes;
	} servers[] = {{"a", 300 * CORO_MSEC}, {"b", 400 * CORO_MSEC}, {"c", 90 * CORO_MSEC}};
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 250 * CORO_MSEC);
	if (r < 0)
		return r;
	r = -ETIMEDOUT;
	for (int i = 0; r == -ETIMEDOUT && i < 3; i++)
		r = ask_briefly(servers[i].name, servers[i].takes);
	r = coro_timeout_end(&timeout, r);
	printf("%s after %d ms\n", r == -ETIMEDOUT ? "late" : "done",
	       (int)(coro_loop_time(coro_running_loop()) / CORO_MSEC));

	r = coro_timeout_begin(&timeout, 150 * CORO_MSEC);
	if (r == 0)
		r = coro_timeout_end(&timeout, ask("a", 300 * CORO_MSEC));
	printf("%s after %d ms\n", r == -ETIMEDOUT ? "late" : "done",
	       (int)(coro_loop_time(coro_running_loop()) / CORO_MSEC));
	return r == -ETIMEDOUT ? 0 : r;
}

int main(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	return coro_run_with(&options, ask_all, NULL) < 0;
}
