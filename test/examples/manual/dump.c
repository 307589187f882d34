/* SPDX-License-Identifier: MIT */
/* What the tasks of a program wait in. */
#include <coro.h>
#include <stdio.h>
#include <unistd.h>

static struct coro_lock log_lock;
static struct coro_event go;

static int write_log(void *arg)
{
	return coro_lock_acquire(&log_lock);
}

static int wait_to_go(void *arg)
{
	return coro_event_wait(&go);
}

static int ask(void *group)
{
	int r = coro_group_spawn(group, wait_to_go, NULL, NULL);
	return r < 0 ? r : coro_sleep(5 * CORO_SEC);
}

static int look(struct coro_group *group)
{
	int r = coro_lock_acquire(&log_lock);
	if (r == 0)
		r = coro_group_spawn(group, write_log, NULL, NULL);
	if (r == 0)
		r = coro_group_spawn(group, ask, group, NULL);
	if (r == 0)
		r = coro_sleep(CORO_MSEC);
	coro_loop_dump(coro_running_loop(), STDOUT_FILENO, CORO_DUMP_TREE);
	coro_lock_release(&log_lock);
	return r < 0 ? r : coro_group_cancel(group);
}

static int program(void *arg)
{
	struct coro_group *group;
	int r = coro_group_create(&group);
	return r < 0 ? r : coro_group_end(group, look(group));
}

int main(void)
{
	struct coro_loop_options options = {
		.flags = CORO_VIRTUAL_CLOCK | CORO_DEBUG,
	};
	return coro_run_with(&options, program, NULL) < 0;
}
