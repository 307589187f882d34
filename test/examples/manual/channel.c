/* SPDX-License-Identifier: MIT */
/* Two workers take jobs from a channel until it is closed. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>

CORO_CHANNEL(jobs, int);
static struct coro_channel *jobs;

static int work(void *name)
{
	int job, r;
	while ((r = jobs_receive(jobs, &job)) == 0) {
		printf("%s does job %d\n", (char *)name, job);
		r = coro_sleep(10 * CORO_MSEC);
		if (r < 0)
			return r;
	}
	return r == -EPIPE ? 0 : r;
}

static int hand_out(struct coro_group *group)
{
	int r = coro_group_spawn(group, work, "Ada", NULL);
	if (r == 0)
		r = coro_group_spawn(group, work, "Bob", NULL);
	for (int job = 1; r == 0 && job <= 4; job++)
		r = jobs_send(jobs, job);
	coro_channel_close(jobs);
	return r;
}

static int program(void *arg)
{
	struct coro_group *group;
	int r = jobs_create(0, &jobs);
	if (r < 0)
		return r;
	r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_end(group, hand_out(group));
	coro_channel_destroy(jobs);
	return r;
}

int main(void)
{
	return coro_run(program, NULL) < 0;
}
