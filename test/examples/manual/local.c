/* SPDX-License-Identifier: MIT */
/* Each task has a name for its log, which what it calls can see. */
#include <coro.h>
#include <stdio.h>

static struct coro_local who = CORO_LOCAL("who", "nobody");

static void log_line(const char *text)
{
	printf("%s: %s\n", (char *)coro_local_get(&who), text);
}

static int work(void *name)
{
	int r = coro_local_set(&who, name, NULL);
	if (r < 0)
		return r;
	log_line("begins");
	r = coro_sleep(10 * CORO_MSEC);
	if (r == 0)
		log_line("ends");
	return r;
}

static int program(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_group_spawn(group, work, "Ada", NULL);
	if (r == 0)
		r = coro_group_spawn(group, work, "Bob", NULL);
	r = coro_group_end(group, r);
	log_line("is left");
	return r;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
