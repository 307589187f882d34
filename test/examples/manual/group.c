/* SPDX-License-Identifier: MIT */
/* A group of tasks: the first failure ends them all. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>

struct page {
	const char *name;
	int64_t takes;
};

static int fetch(void *arg)
{
	const struct page *page = arg;
	int r = coro_sleep(page->takes);
	if (r == -ECANCELED)
		printf("%s: given up\n", page->name);
	if (r < 0)
		return r;
	if (page->takes == 20 * CORO_MSEC)
		return coro_raise(-EIO, "%s is torn", page->name);
	printf("%s: fetched\n", page->name);
	return 0;
}

static int fetch_all(void)
{
	static const struct page pages[] = {
		{"cover", 10 * CORO_MSEC},
		{"preface", 20 * CORO_MSEC},
		{"index", 3600 * CORO_SEC},
	};
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < 3; i++)
		r = coro_group_spawn(group, fetch, (void *)&pages[i], NULL);
	return coro_group_end(group, r);
}

static int program(void *arg)
{
	int r = fetch_all();
	printf("%s\n", r < 0 ? coro_message(r) : "all fetched");
	return 0;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
