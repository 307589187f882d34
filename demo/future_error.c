/* SPDX-License-Identifier: MIT */
/* A future that fails: whoever waits for it gets the error and its message. */
#include "talk.h"

static int64_t list[] = {4, 6, 8}, found;

/* A task. Gives the future what it finds, or the error. */
static coro_async int monitored_search(void *future)
{
	int r = search(numbers_iter_array(list, 3), aio_is_prime, &found);
	return r < 0 ? coro_future_set_error(future, r) : coro_future_set_result(future, &found);
}

int main(void)
{
	struct coro_loop *loop;
	struct coro_future *f;

	must(coro_loop_create(NULL, &loop));
	must(coro_future_create(loop, &f));
	must(coro_loop_spawn(loop, NULL, monitored_search, f, NULL));
	int r = coro_run_until_complete(loop, f, NULL);
	if (r == VALUE_ERROR)
		printf("ValueError: %s\n", coro_message(r));

	coro_future_unref(f);
	must(coro_loop_close(loop));
	return r != VALUE_ERROR;
}
