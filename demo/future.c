/* SPDX-License-Identifier: MIT */
/* A future: one task finds its result, and another asks once a second whether it is there. */
#include "talk.h"

static int64_t found;

/* A task. Gives the future what it finds. */
static coro_async int monitored_search(void *future)
{
	int r = search(fibonacci(), twelve_digit_prime, &found);
	return r < 0 ? coro_future_set_error(future, r) : coro_future_set_result(future, &found);
}

int main(void)
{
	struct coro_loop *loop;
	struct coro_future *f, *monitor;
	void *result;

	must(coro_loop_create(NULL, &loop));
	must(coro_future_create(loop, &f));
	must(coro_loop_spawn(loop, NULL, monitored_search, f, NULL));
	must(coro_loop_spawn(loop, NULL, monitor_future, f, &monitor));
	must(coro_run_until_complete(loop, f, &result));
	printf("%" PRId64 "\n", *(int64_t *)result);
	must(coro_run_until_complete(loop, monitor, NULL));

	coro_future_unref(monitor);
	coro_future_unref(f);
	return must(coro_loop_close(loop));
}
