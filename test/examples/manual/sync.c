/* SPDX-License-Identifier: MIT */
/* At most two tasks at a time. */
#include <coro.h>
#include <stdio.h>

static struct coro_semaphore seats;

static int dine(void *name)
{
	int r = coro_semaphore_acquire(&seats);
	if (r < 0)
		return r;
	printf("%s sits down\n", (char *)name);
	r = coro_sleep(10 * CORO_MSEC);
	coro_semaphore_release(&seats);
	return r;
}

static int program(void *arg)
{
	static const char *guests[] = {"Ada", "Bob", "Cy"};
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	coro_semaphore_init(&seats, 2);
	for (int i = 0; r == 0 && i < 3; i++)
		r = coro_group_spawn(group, dine, (void *)guests[i], NULL);
	return coro_group_end(group, r);
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
