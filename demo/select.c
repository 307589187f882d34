/* SPDX-License-Identifier: MIT */
/* Select: waits for several channels at once, and takes whichever is ready first, or a timeout. */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

CORO_CHANNEL(numbers, int);

static struct counter {
	const char *name;
	int64_t pause;
	struct coro_channel *channel;
} counters[] = {{.name = "fast", .pause = 15 * CORO_MSEC},
		{.name = "slow", .pause = 50 * CORO_MSEC}};

/* A task for each counter. Counts to 3 and closes its channel. */
static coro_async int count(void *arg)
{
	struct counter *c = arg;
	for (int i = 1, r; i <= 3; i++)
		if ((r = coro_sleep(c->pause)) < 0 || (r = numbers_send(c->channel, i)) < 0)
			return r;
	return coro_channel_close(c->channel);
}

/* Prints what comes. NULL takes the place of a channel that is closed: it is never ready. */
static coro_async int show(void)
{
	int number;
	struct coro_select_case cases[] = {{.channel = counters[0].channel, .item = &number},
					   {.channel = counters[1].channel, .item = &number}};
	while (cases[0].channel || cases[1].channel) {
		int i = coro_select(cases, 2, 40 * CORO_MSEC);
		if (i >= 0 && cases[i].result == 0)
			printf("%s: %d\n", counters[i].name, number);
		else if (i >= 0)
			cases[i].channel = NULL;
		else if (i == -ETIMEDOUT)
			printf("nothing for 40 ms\n");
		else
			return i;
	}
	return 0;
}

static coro_async int program(void *arg)
{
	int i, r = 0;
	for (i = 0; i < 2 && r == 0; i++)
		if ((r = numbers_create(0, &counters[i].channel)) == 0)
			r = coro_spawn(count, &counters[i], NULL);
	r = r < 0 ? r : show();
	for (i = 0; i < 2; i++)
		coro_channel_destroy(counters[i].channel);
	return r;
}

int main(void)
{
	const struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	int r = coro_run_with(&options, program, NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r < 0;
}
