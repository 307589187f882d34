/* SPDX-License-Identifier: MIT */
/* A task: a future that gets its result from a function. */
#include "talk.h"

static coro_async int find_prime(void *arg)
{
	int64_t *found = arg;
	int r = search(fibonacci(), twelve_digit_prime, found);
	return r < 0 ? r : coro_return(found);
}

int main(void)
{
	struct coro_loop *loop;
	struct coro_future *t, *monitor;
	int64_t found;
	void *result;

	must(coro_loop_create(NULL, &loop));
	must(coro_loop_spawn(loop, NULL, find_prime, &found, &t));
	must(coro_loop_spawn(loop, NULL, monitor_future, t, &monitor));
	must(coro_run_until_complete(loop, t, &result));
	printf("%" PRId64 "\n", *(int64_t *)result);
	must(coro_run_until_complete(loop, monitor, NULL));

	coro_future_unref(monitor);
	coro_future_unref(t);
	return must(coro_loop_close(loop));
}
