/* SPDX-License-Identifier: MIT */
/* A queue between tasks: a fast producer waits for room, and shutting the queue ends its consumers. */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

static struct coro_queue *queue; /* of numbers; room for two */

static coro_async int produce(void *arg)
{
	static int numbers[] = {1, 2, 3, 4, 5, 6};
	for (int i = 0; i < 6; i++) {
		int r = coro_queue_put(queue, &numbers[i]);
		if (r < 0)
			return r;
		printf("%d is in, of %zu\n", numbers[i], coro_queue_size(queue));
	}
	return coro_queue_shutdown(queue, false);
}

struct consumer {
	const char *name;
	int64_t takes;
};

static coro_async int consume(void *arg)
{
	const struct consumer *this = arg;
	void *number;
	int r;
	while ((r = coro_queue_get(queue, &number)) == 0) {
		printf("%s has %d\n", this->name, *(int *)number);
		r = coro_sleep(this->takes);
		if (r < 0)
			return r;
	}
	printf("%s goes home\n", this->name);
	return r == -EPIPE ? 0 : r;
}

static coro_async int program(void *arg)
{
	struct consumer consumers[] = {{"swift", 10 * CORO_MSEC}, {"slow", 25 * CORO_MSEC}};
	struct coro_group *group;
	int r = coro_group_create(&group);
	if (r < 0)
		return r;
	r = coro_queue_create(2, &queue);
	for (int i = 0; r == 0 && i < 2; i++)
		r = coro_group_spawn(group, consume, &consumers[i], NULL);
	if (r == 0)
		r = coro_group_spawn(group, produce, NULL, NULL);
	r = coro_group_end(group, r);
	coro_queue_destroy(queue);
	return r;
}

int main(void)
{
	return coro_run_with(&(struct coro_loop_options){.flags = CORO_VIRTUAL_CLOCK}, program, NULL) < 0;
}
