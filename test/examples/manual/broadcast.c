/* SPDX-License-Identifier: MIT */
/* Each listener hears all that is said; a slow one misses what is too old. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>

static struct coro_broadcast *news;

static int listen_for(const char *name, int64_t pause)
{
	struct coro_subscription *mine;
	int item, r = coro_broadcast_subscribe(news, &mine);
	if (r < 0)
		return r;
	while ((r = coro_subscription_receive(mine, &item)) != -EPIPE) {
		if (r == -EOVERFLOW)
			printf("%s has missed some\n", name);
		else if (r < 0)
			break;
		else
			printf("%s hears %d\n", name, item);
		r = coro_sleep(pause);
		if (r < 0)
			break;
	}
	coro_subscription_destroy(mine);
	return r == -EPIPE ? 0 : r;
}

static int fast(void *arg)
{
	return listen_for("fast", 0);
}

static int slow(void *arg)
{
	return listen_for("slow", 35 * CORO_MSEC);
}

static int tell(struct coro_group *group)
{
	int r = coro_group_spawn(group, fast, NULL, NULL);
	if (r == 0)
		r = coro_group_spawn(group, slow, NULL, NULL);
	for (int i = 1; r == 0 && i <= 4; i++) {
		r = coro_sleep(10 * CORO_MSEC);
		if (r == 0)
			r = coro_broadcast_send(news, &i);
	}
	coro_broadcast_close(news);
	return r;
}

static int program(void *arg)
{
	struct coro_group *group;
	int r = coro_broadcast_create(sizeof(int), 2, &news);
	if (r < 0)
		return r;
	r = coro_group_create(&group);
	if (r == 0)
		r = coro_group_end(group, tell(group));
	coro_broadcast_destroy(news);
	return r;
}

int main(void)
{
	struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK,
	};
	return coro_run_with(&options, program, NULL) < 0;
}
