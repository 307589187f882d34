/* SPDX-License-Identifier: MIT */
/*
 * A rate limiter: at most five calls a second, and three at once after a pause (a token bucket).
 *
 * It needs no lock and no queue: no other task runs between two waits, so each task reserves the
 * next free moment and sleeps until then.
 */
#include <coro.h>

#include <stdio.h>

struct limiter {
	int64_t interval; /* between calls, in ns */
	int burst;        /* calls at once after a pause */
	int64_t next;     /* the next free moment; INT64_MIN at first */
};

static struct limiter api = {.interval = 200 * CORO_MSEC, .burst = 3, .next = INT64_MIN};

/* Waits until the caller may make a call. A caller that is cancelled leaves its moment unused. */
static coro_async int limiter_wait(struct limiter *limiter)
{
	int64_t now = coro_loop_time(coro_running_loop());
	int64_t earliest = now - (limiter->burst - 1) * limiter->interval;
	int64_t when = limiter->next > earliest ? limiter->next : earliest;
	limiter->next = when + limiter->interval;
	return coro_sleep_until(when); /* does not sleep if that is in the past */
}

static coro_async int client(void *name)
{
	for (int i = 1; i <= 4; i++) {
		int r = limiter_wait(&api);
		if (r < 0)
			return r;
		printf("%4d ms: %s, call %d\n",
		       (int)(coro_loop_time(coro_running_loop()) / CORO_MSEC), (char *)name, i);
	}
	return 0;
}

static coro_async int program(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_group_spawn(group, client, "Ann", NULL);
	if (r == 0)
		r = coro_group_spawn(group, client, "Bob", NULL);
	r = coro_group_end(group, r);
	if (r == 0)
		r = coro_sleep(2 * CORO_SEC);
	return r < 0 ? r : client("Eve");
}

int main(void)
{
	/* The virtual clock jumps to the next moment when something is due. */
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
