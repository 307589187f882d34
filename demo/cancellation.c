/* SPDX-License-Identifier: MIT */
/* Cancellation is a result: the call that waits returns it, cleanup is ordinary code and may wait. */
#include <coro.h>

#include <errno.h>
#include <stdio.h>

static coro_async int save(const char *what)
{
	puts("saving");
	int r = coro_sleep(10 * CORO_MSEC);
	printf("%s saved\n", what);
	return r;
}

static coro_async int write_letters(void)
{
	for (int i = 1;; i++) {
		int r = coro_sleep(40 * CORO_MSEC);
		if (r < 0)
			return r; /* goes up like any error */
		printf("letter %d\n", i);
	}
}

static coro_async int secretary(void *arg)
{
	int r = write_letters();
	save("letters");
	return r;
}

/* What must not be cut short is another task's, behind a shield. */
static coro_async int backup(void *arg)
{
	int r = coro_sleep(50 * CORO_MSEC);
	puts(r < 0 ? "half a backup" : "a whole backup");
	return r;
}

static coro_async int waits_for_backup(void *task)
{
	int r = coro_shield(task, NULL);
	puts(r == -ECANCELED ? "not waiting any longer" : "seen it");
	return r;
}

static coro_async int program(void *arg)
{
	struct coro_future *tasks[3];
	int r = coro_spawn(secretary, NULL, &tasks[0]);
	if (r == 0 && (r = coro_spawn(backup, NULL, &tasks[1])) == 0)
		r = coro_spawn(waits_for_backup, tasks[1], &tasks[2]);
	if (r < 0 || (r = coro_sleep(100 * CORO_MSEC)) < 0)
		return r;
	return r;
}

int main(void)
{
	struct coro_loop_options options = {.flags = CORO_VIRTUAL_CLOCK};
	return coro_run_with(&options, program, NULL) < 0;
}
