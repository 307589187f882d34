/* SPDX-License-Identifier: MIT */
/*
 * A million tasks asleep at once, each on a stack of its own: what they cost in memory and time.
 *
 * They sleep for an hour of the virtual clock, which is over as soon as all are asleep. If a
 * million do not fit the memory, there are fewer.
 */
#include "usage.h"

#include <coro.h>
#include <errno.h>
#include <unistd.h>

static size_t wanted = 1000000, asleep, woken;

/* ---- memory ---- */

/* Returns the number after the key in a file such as /proc/meminfo; 0 if it is not there. */
static size_t number_in(const char *path, const char *key)
{
	char line[128];
	size_t number = 0;
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			number = strtoul(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return number;
}

/* Returns KiB, page tables included. */
static size_t memory_used(void)
{
	return number_in("/proc/self/status", "VmRSS:") + number_in("/proc/self/status", "VmPTE:");
}

/* Returns KiB, of the machine or of the container; SIZE_MAX if that is not known. */
static size_t memory_available(void)
{
	size_t machine = number_in("/proc/meminfo", "MemAvailable:");
	size_t container = number_in("/sys/fs/cgroup/memory.max", "") / 1024;
	size_t least = container && container < machine ? container : machine;
	return least ? least : SIZE_MAX;
}

/* A task needs a page of its stack, and about 1,000 bytes outside of it. */
static size_t count_that_fits(size_t count)
{
	size_t task = (size_t)sysconf(_SC_PAGESIZE) + 1000;
	size_t max = memory_available() / task * 1024 / 10 * 9;
	if (count <= max)
		return count;
	printf("%zu tasks do not fit the memory, but %zu do\n", count, max);
	return max;
}

/* ---- tasks ---- */

static coro_async int sleeper(void *arg)
{
	asleep++;
	int r = coro_sleep(3600 * CORO_SEC);
	woken++;
	return r;
}

/* A task that found no stack has failed, and nobody awaits it: they are counted. */
static void count_only(struct coro_loop *loop, const struct coro_report *report, void *arg)
{
	int r = report->error == -ENOMEM ? 0 : coro_loop_default_exception_handler(loop, report);
	(void)r;
}

/* Shown on a terminal only: a log needs no progress. */
static void show_progress(const char *end)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%zu tasks%s", asleep, end);
}

/*
 * Spawns in bursts, and lets each burst fall asleep: a task takes its stack when it first runs.
 * Stops when the system has no more stacks.
 */
static coro_async int spawn_all(size_t count)
{
	enum { BURST = 50000 };
	size_t spawned = 0;
	while (spawned < count && asleep == spawned) {
		size_t until = count - spawned < BURST ? count : spawned + BURST;
		for (; spawned < until; spawned++) {
			int r = coro_spawn(sleeper, NULL, NULL);
			if (r < 0)
				return r;
		}
		int r = coro_sleep(0);
		if (r < 0)
			return r;
		show_progress("");
	}
	show_progress("\n");
	if (asleep < spawned)
		printf("%zu tasks did not get a stack\n", spawned - asleep);
	return 0;
}

static double seconds_since(int64_t start)
{
	return (double)(coro_clock() - start) / CORO_SEC;
}

static coro_async int million(void *arg)
{
	int r = coro_loop_set_exception_handler(coro_running_loop(), count_only, NULL);
	if (r < 0)
		return r;
	size_t count = count_that_fits(wanted), before = memory_used();
	int64_t start = coro_clock();
	r = spawn_all(count);
	if (r < 0)
		return r;
	printf("%zu tasks asleep after %.2f s", asleep, seconds_since(start));
	size_t used = memory_used() - before;
	if (asleep > 0 && used > 0)
		printf(", in %zu MiB: %zu bytes a task", used / 1024, used * 1024 / asleep);
	putchar('\n');
	fflush(stdout);

	start = coro_clock();
	r = coro_sleep(3600 * CORO_SEC); /* falls asleep last, so wakes last */
	printf("%zu tasks woken after %.2f s more\n", woken, seconds_since(start));
	return r < 0 ? r : woken != asleep;
}

int main(int argc, char **argv)
{
	usage(argc, argv, 0, 1, "[COUNT]");
	if (argc > 1)
		wanted = strtoul(argv[1], NULL, 10);
	int r = coro_run_with(&(struct coro_loop_options){.flags = CORO_VIRTUAL_CLOCK}, million,
			      NULL);
	if (r < 0)
		fprintf(stderr, "%s\n", coro_message(r));
	return r != 0;
}
