/* SPDX-License-Identifier: MIT */
/* The slides' scheduler: runs its tasks in turn and keeps their results and failures. */
#include "talk.h"

static int six_digits(const void *item, void *arg)
{
	return *(const int64_t *)item >= 100000;
}

static int greater_than_3(const void *item, void *arg)
{
	return *(const int64_t *)item > 3;
}

static void run_until_complete(struct scheduler *s)
{
	struct task *task;
	void *value;
	while ((task = popleft(&s->executable_tasks))) {
		printf("Running task %d ... ", task->id);
		int r = coro_next(task->routine, &value);
		if (r > 0) {
			puts("now yielded");
			append(&s->executable_tasks, task);
		} else if (r == 0) {
			task->result = value;
			printf("completed with result: %" PRId64 "\n", *task->result);
		} else {
			snprintf(task->error, sizeof(task->error), "%s", coro_message(r));
			printf("failed with exception: %s\n", task->error);
		}
	}
}

int main(void)
{
	int64_t list[] = {1, 2, 3};
	struct async_search searches[] = {
		{.in = fibonacci(), .predicate = six_digits},
		{.in = numbers_iter_array(list, 3), .predicate = greater_than_3},
	};
	struct scheduler s = {0};
	int a = scheduler_add(&s, async_search, &searches[0]);
	int b = scheduler_add(&s, async_search, &searches[1]);

	run_until_complete(&s);

	printf("{%d: %" PRId64 "} {%d: '%s'}\n", a, *s.tasks[a].result, b, s.tasks[b].error);
	for (int i = 0; i < s.count; i++) {
		must(coro_destroy(s.tasks[i].routine));
		must(coro_iter_close(searches[i].in));
	}
	return 0;
}
