/* SPDX-License-Identifier: MIT */
/*
 * A queue between tasks. A producer that is too fast waits for room; a consumer waits for items.
 * When the queue is shut down and empty, its consumers get -EPIPE and end.
 */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

static struct coro_queue *queue;
static int numbers[] = {1, 2, 3, 4, 5, 6};

/* A task. */
static coro_async int produce(void *arg)
{
	for (int i = 0; i < 6; i++) {
		int r = coro_queue_put(queue, &numbers[i]);
		if (r < 0)
			return r;
		printf("%d went in\n", numbers[i]);
	}
	return coro_queue_shutdown(queue, false);
}

/* A task for each consumer. */
static coro_async int consume(void *name)
{
	int r;
	void *number;
	while ((r = coro_queue_get(queue, &number)) == 0) {
		printf("%s has %d\n", (char *)name, *(int *)number);
		r = coro_sleep(*(int *)number * 10 * CORO_MSEC);
		if (r < 0)
			return r;
	}
	printf("%s goes home\n", (char *)name);
	return r == -EPIPE ? 0 : r;
}

static coro_async int program(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_queue_create(2, &queue);
	if (r == 0)
		r = coro_group_spawn(group, consume, "Ann", NULL);
	if (r == 0)
		r = coro_group_spawn(group, consume, "Bob", NULL);
	if (r == 0)
		r = coro_group_spawn(group, produce, NULL, NULL);
	r = coro_group_end(group, r);
	coro_queue_destroy(queue);
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
