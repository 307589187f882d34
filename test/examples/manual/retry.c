/* SPDX-License-Identifier: MIT */
/* A test of seven seconds that takes no time. */
#include <assert.h>
#include <coro.h>
#include <errno.h>
#include <stdio.h>

/* What is to be tested: tries again after 1, 2 and 4 seconds. */
static int retry(coro_fn *fn, void *arg)
{
	int64_t pause = CORO_SEC;
	int r;
	while ((r = fn(arg)) == -ECONNREFUSED && pause <= 4 * CORO_SEC) {
		int failed = coro_sleep(pause);
		if (failed < 0)
			return failed;
		pause *= 2;
	}
	return r;
}

static int refuse(void *tries)
{
	++*(int *)tries;
	return -ECONNREFUSED;
}

static int gives_up_after_four_tries(void *arg)
{
	int tries = 0;
	assert(retry(refuse, &tries) == -ECONNREFUSED);
	assert(tries == 4);
	assert(coro_loop_time(coro_running_loop()) == 7 * CORO_SEC);
	return 0;
}

static int can_be_cut_short(void *arg)
{
	int tries = 0;
	struct coro_timeout timeout;
	int r = coro_timeout_begin(&timeout, 2 * CORO_SEC);
	assert(r == 0);
	r = coro_timeout_end(&timeout, retry(refuse, &tries));
	assert(r == -ETIMEDOUT);
	assert(tries == 2);
	return 0;
}

static void test(const char *name, coro_fn *fn)
{
	struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK | CORO_DEBUG,
	};
	int r = coro_run_with(&options, fn, NULL);
	printf("%s: %s\n", name, r < 0 ? coro_message(r) : "ok");
}

int main(void)
{
	test("gives up after four tries", gives_up_after_four_tries);
	test("can be cut short", can_be_cut_short);
	return 0;
}
