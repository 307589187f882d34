/* SPDX-License-Identifier: MIT */
/*
 * Generators that wait between their items (async generators).
 *
 * Such a generator is an ordinary one that is used in a task. A deferred call runs when its body is
 * left, in any way. coro_run closes the generators that are still open at its end.
 */
#include <coro.h>

#include <stdio.h>

CORO_GENERATOR(readings, const int);
static struct coro *outside, *inside;

static int now(void)
{
	return (int)(coro_loop_time(coro_running_loop()) / CORO_MSEC);
}

static void switch_off(void *name)
{
	if (coro_sleep(5 * CORO_MSEC) == 0) /* deferred calls may wait */
		printf("%2d ms: %s is off\n", now(), (const char *)name);
}

/* A generator: a reading each 10 ms, until it is closed. */
static coro_async int thermometer(void *name)
{
	int r = coro_defer(switch_off, name);
	for (int degrees = 20; r == 0; degrees++) {
		r = coro_sleep(10 * CORO_MSEC);
		if (r == 0)
			r = readings_yield(&degrees);
	}
	return r;
}

static coro_async int program(void *arg)
{
	const int *degrees;
	int r = readings_next(inside, &degrees);
	if (r > 0)
		printf("%2d ms: inside %d\n", now(), *degrees);
	for (int i = 0; r > 0 && i < 3; i++) {
		r = readings_next(outside, &degrees);
		if (r > 0)
			printf("%2d ms: outside %d\n", now(), *degrees);
	}
	return r > 0 ? coro_close(outside) : r; /* inside stays open: coro_run closes it */
}

int main(void)
{
	/* The virtual clock jumps to the next moment when something is due. */
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = readings_create(thermometer, "outside", &outside);
	if (r == 0)
		r = readings_create(thermometer, "inside", &inside);
	if (r == 0)
		r = coro_run_with(&options, program, NULL);
	readings_destroy(outside);
	readings_destroy(inside);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
