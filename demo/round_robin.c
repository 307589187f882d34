/* SPDX-License-Identifier: MIT */
/* Generators as tasks: each runs until its yield, then the next one has its turn. */
#include "talk.h"

static int countdown_task(void *arg)
{
	for (int64_t n = *(int64_t *)arg; n > 0; n--) {
		printf("%" PRId64 "\n", n);
		int r = numbers_yield(&n);
		if (r < 0)
			return r;
	}
	return 0;
}

int main(void)
{
	int64_t starts[] = {5, 7, 9};
	struct deque tasks = {0};
	struct coro *task;

	for (int i = 0; i < 3; i++) {
		must(coro_create(countdown_task, &starts[i], &task));
		append(&tasks, task);
	}
	while ((task = popleft(&tasks))) {
		if (must(coro_next(task, NULL)) > 0)
			append(&tasks, task);
		else
			must(coro_destroy(task));
	}
	return 0;
}
