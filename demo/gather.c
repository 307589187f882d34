/* SPDX-License-Identifier: MIT */
/* Gather: three tasks at once take as long as the slowest one. Their results come in order. */
#include <coro.h>

#include <stdio.h>

struct page {
	const char *name;
	int64_t takes;
	int words;
};

/* A task. Its result is the number of words. */
static coro_async int fetch(void *arg)
{
	struct page *page = arg;
	int r = coro_sleep(page->takes);
	if (r < 0)
		return r;
	printf("%s is here\n", page->name);
	return page->words;
}

static coro_async int program(void *arg)
{
	struct page pages[] = {
		{"one", 300 * CORO_MSEC, 120},
		{"two", 100 * CORO_MSEC, 80},
		{"three", 200 * CORO_MSEC, 250},
	};
	struct coro_future *tasks[3];
	struct coro_result results[3];
	int r = 0, spawned = 0;

	while (r == 0 && spawned < 3) {
		r = coro_spawn(fetch, &pages[spawned], &tasks[spawned]);
		spawned += r == 0;
	}
	if (r == 0)
		r = coro_gather(tasks, 3, results);
	for (int i = 0; r == 0 && i < 3; i++)
		printf("%s has %d words\n", pages[i].name, results[i].status);
	printf("after %d ms\n", (int)(coro_loop_time(coro_running_loop()) / CORO_MSEC));
	while (spawned > 0)
		coro_future_unref(tasks[--spawned]);
	return r;
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
