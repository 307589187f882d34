/* SPDX-License-Identifier: MIT */
/* A mistake that shows in some orders of events only. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>

static const char *greeting;

static int load(void *arg)
{
	greeting = "hello";
	return 0;
}

/* The mistake: nothing says that the greeting must have been loaded. */
static int greet(void *arg)
{
	return greeting ? 0 : coro_raise(-ENODATA, "there is no greeting");
}

static int load_and_greet(void *arg)
{
	struct coro_group *group;
	greeting = NULL;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_group_spawn(group, load, NULL, NULL);
	if (r == 0)
		r = coro_group_spawn(group, greet, NULL, NULL);
	return coro_group_end(group, r);
}

static int run(uint64_t seed)
{
	struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK,
		.seed = seed,
	};
	return coro_run_with(&options, load_and_greet, NULL);
}

int main(void)
{
	uint64_t seed = 0;
	while (seed < 100 && run(seed) == 0)
		seed++;
	printf("in the usual order: %s\n", seed > 0 ? "ok" : coro_message(run(0)));
	if (seed < 100)
		printf("in another order: %s\n", coro_message(run(seed)));
	return 0;
}
