/* SPDX-License-Identifier: MIT */
/* Two tasks on an event loop that runs until it is stopped: primes, and a message every 2 s. */
#include "talk.h"

static int at_most_12_digits(const void *item, void *arg)
{
	return *(const int64_t *)item < 1000000000000;
}

static int print_match(void *item, void *arg)
{
	printf("Found: %" PRId64 "\n", *(int64_t *)item);
	return 0;
}

/*
 * A task. The filter knows nothing of tasks, yet its predicate waits. Python's program searches as
 * far as it gets within 5 s; this one stops after 12 digits, so that all machines print the same.
 */
static coro_async int print_matches(void *iterable)
{
	struct coro_iterator *bounded = coro_iter_takewhile(at_most_12_digits, NULL, iterable);
	return coro_iter_for_each(print_match, NULL, coro_iter_filter(aio_is_prime, NULL, bounded));
}

/* A task. Never ends by itself. */
static coro_async int repetitive_msg(void *msg)
{
	int r;
	do
		puts(msg);
	while ((r = coro_sleep(2 * CORO_SEC)) == 0);
	return r;
}

static void stop(void *loop)
{
	coro_loop_stop(loop);
}

int main(void)
{
	char msg[] = "Interval message";
	struct coro_loop *loop;
	struct coro_future *a, *b;
	setvbuf(stdout, NULL, _IOLBF, 0);

	must(coro_loop_create(NULL, &loop));
	must(coro_loop_spawn(loop, NULL, repetitive_msg, msg, &a));
	must(coro_loop_spawn(loop, NULL, print_matches, fibonacci(), &b));
	must(coro_call_later(loop, 5 * CORO_SEC, stop, loop, NULL));
	must(coro_run_forever(loop));

	must(coro_cancel(a));
	int r = coro_run_until_complete(loop, a, NULL); /* -ECANCELED */
	must(coro_run_until_complete(loop, b, NULL));   /* has ended before */
	coro_future_unref(a);
	coro_future_unref(b);
	must(coro_loop_close(loop));
	return r != -ECANCELED;
}
